"""A JSON array of rows that grows by episodes, is continued after a kill, and is valid once completed.

While it is being written there are a part file (JSON lines) and a journal; each journal record
names an episode and where its rows end. Completing turns the part into the array, row for row, in one step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import IO, Any

from screensmith.core.refusals import Refused
from screensmith.writers import Occupied, Source, Tally
from screensmith.writers._journal import Journal
from screensmith.writers._line_files import line_of

OPENING, CLOSING, BETWEEN = b"[\n", b"\n]\n", b",\n"


class RowsFile:
    """The rows of one JSON file.

    Args:
        path: of the JSON file.
        folder: where the part file and the journal are.
        source: what is converted.

    `finished` are the ids that earlier runs have added, `written` what all runs have, `rows` how many rows.

    Raises:
        Occupied: there is another file of that name, or rows that were journalled are gone.
    """

    def __init__(self, path: Path, folder: Path, source: Source) -> None:
        self.path = path
        self._part = folder / f"{path.stem}.part.jsonl"
        journal = folder / f"{path.stem}.journal.jsonl"
        if path.exists() and not journal.exists():
            raise Occupied(
                f"{path} exists and was not written by `screensmith convert`; choose another name"
            )
        self._journal = Journal(journal, source)
        self._file: IO[bytes] | None = None
        self.written, self.rows, self._end = Tally(), 0, 0
        self._finished: set[str] = set()
        try:
            self._recover()
        except BaseException:
            self._journal.close()
            raise

    @property
    def finished(self) -> Set[str]:
        """Ids that earlier runs have added."""
        return self._finished

    def add(self, id: str, rows: Iterable[Mapping[str, Any]], tally: Tally) -> None:
        """Add an episode's rows; they are all there or none after a kill.

        Raises:
            Refused: a row cannot be written as JSON in UTF-8; none was.
        """
        if self._file is None:
            self._file = self._open_part()
        lines = _lines(rows)
        self._file.write(b"".join(lines))
        self._file.flush()
        self._end += sum(map(len, lines))
        self.rows += len(lines)
        self.written += tally
        self._journal.append(
            {
                "id": id,
                "end": self._end,
                "rows": len(lines),
                "tally": [tally.episodes, tally.steps, tally.elements],
            }
        )

    def close(self, *, complete: bool) -> None:
        """Give the file free; `complete` makes the JSON array of what was added."""
        try:
            if self._file is None and complete and (self._part.exists() or not self.path.exists()):
                self._file = self._open_part()
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()
                if complete:
                    self._make_array()
        finally:
            self._journal.close()

    def _recover(self) -> None:
        """Count what was journalled; drop what the part file does not hold."""
        held = self._part.stat().st_size if self._part.exists() else None
        for whole, record in enumerate(self._journal.records()):
            if held is not None and record["end"] > held:  # lost with the machine's power
                self._journal.keep_first(whole)
                break
            self._finished.add(record["id"])
            self.written += Tally(*record["tally"])
            self.rows += record["rows"]
            self._end = record["end"]
        if self._finished and held is None and not self.path.exists():
            raise Occupied(
                f"{self.path} is gone, but {self._journal.path} says that it was written; "
                "remove that to begin anew"
            )

    def _open_part(self) -> IO[bytes]:
        """The part file, with the rows of the completed file when it is continued."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._part.exists() and self.path.exists():
            new = self._part.with_name(f"{self._part.name}.new")
            with self.path.open("rb") as array, new.open("wb") as lines:
                for line in array:
                    row = line.removesuffix(BETWEEN).removesuffix(b"\n")
                    if line != OPENING and row not in (b"", CLOSING.strip()):
                        lines.write(row + b"\n")
            if new.stat().st_size != self._end:
                new.unlink()
                raise Occupied(f"{self.path} was changed since it was converted; choose another name")
            new.replace(self._part)
        file = self._part.open("ab")
        file.truncate(self._end)
        file.seek(0, os.SEEK_END)
        return file

    def _make_array(self) -> None:
        new = self.path.with_name(f".{self.path.name}.new")
        with self._part.open("rb") as lines, new.open("wb") as array:
            array.write(OPENING)
            for number, line in enumerate(lines):
                array.write((BETWEEN if number else b"") + line.removesuffix(b"\n"))
            array.write(CLOSING)
            array.flush()
            os.fsync(array.fileno())
        new.replace(self.path)
        self._part.unlink()


def _lines(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    try:
        return list(map(line_of, rows))
    except (TypeError, ValueError) as error:
        raise Refused("row cannot be written as JSON", str(error)) from error
