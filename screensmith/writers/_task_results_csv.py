"""A CSV file of rows that grows by episodes: JSON lines while it is being written, CSV once completed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from screensmith.readers._task_results_file import long_fields
from screensmith.writers import Occupied, Source
from screensmith.writers._rows_file import RowsFile


class CsvFile(RowsFile):
    """A `RowsFile` whose rows, of texts under these columns, become a CSV file in UTF-8.

    Raises:
        Occupied: there is another file of that name, or rows that were journalled are gone.
    """

    def __init__(self, path: Path, folder: Path, source: Source, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        super().__init__(path, folder, source)

    def _open_part(self) -> IO[bytes]:
        """The part file, with the rows of the completed file when it is continued."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._part.exists() and self.path.exists():
            new = self._part.with_name(f"{self._part.name}.new")
            with (
                self.path.open(encoding="utf-8", newline="") as table,
                new.open("wb") as lines,
                long_fields(),
            ):
                for row in csv.DictReader(table):
                    lines.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            if new.stat().st_size != self._end:
                new.unlink()
                raise Occupied(f"{self.path} was changed since it was converted; choose another folder")
            new.replace(self._part)
        file = self._part.open("ab")
        file.truncate(self._end)
        file.seek(0, os.SEEK_END)
        return file

    def _make_array(self) -> None:
        """Complete the CSV file."""
        new = self.path.with_name(f".{self.path.name}.new")
        with self._part.open("rb") as lines, new.open("w", encoding="utf-8", newline="") as table:
            # With these ends of lines every kind of line break in a cell is put in quotes.
            writer = csv.DictWriter(table, self._columns, lineterminator="\r\n")
            writer.writeheader()
            for line in lines:
                writer.writerow(json.loads(line))
            table.flush()
            os.fsync(table.fileno())
        new.replace(self.path)
        self._part.unlink()
