"""Files of JSON lines that grow together, an episode's lines in all of them or in none after a kill.

While they are being written each is a part file, and one journal says how far each is true; completing
renames the parts. A file without lines is not made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import IO, Any

from screensmith.core.refusals import Refused
from screensmith.writers import Occupied, Source, Tally
from screensmith.writers._journal import Journal

# `json.dumps` with options makes an encoder for every call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

Lines = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects to write, by the file's name."""


class LineFiles:
    """Several files of JSON lines.

    Args:
        folder: where they are, below which `work` holds parts and journal.
        names: of the files.
        work: the folder of what is being written.
        source: what is converted.

    `finished` are the ids that earlier runs have added, `written` what all runs have.

    Raises:
        Occupied: there is another file of one of the names, or lines that were journalled are gone.
    """

    def __init__(self, folder: Path, names: Sequence[str], work: Path, source: Source) -> None:
        self._paths = {name: folder / name for name in names}
        self._parts = {name: work / f"{Path(name).stem}.part.jsonl" for name in names}
        journal = work / f"{'-'.join(Path(name).stem for name in names)}.journal.jsonl"
        for path in self._paths.values():
            if path.exists() and not journal.exists():
                raise Occupied(
                    f"{path} exists and was not written by `screensmith convert`; choose another folder"
                )
        self._journal = Journal(journal, source)
        self._files: dict[str, IO[bytes]] = {}
        self._ends = dict.fromkeys(names, 0)
        self._finished: set[str] = set()
        self.written = Tally()
        try:
            self._recover()
        except BaseException:
            self._journal.close()
            raise

    @property
    def finished(self) -> Set[str]:
        """Ids that earlier runs have added."""
        return self._finished

    def lines(self, name: str) -> Iterator[Any]:
        """What earlier runs have added to a file, one object at a time."""
        path = self._parts[name] if self._parts[name].exists() else self._paths[name]
        left = self._ends[name]
        if left:
            with path.open("rb") as file:
                while left > 0:
                    line = file.readline()
                    left -= len(line)
                    yield json.loads(line)

    def add(self, id: str, lines: Lines, tally: Tally) -> None:
        """Add an episode's lines; they are all there or none after a kill.

        Raises:
            Refused: an object cannot be written as JSON in UTF-8; none was.
        """
        for name, data in [(name, _encoded(objects)) for name, objects in lines.items() if objects]:
            if name not in self._files:
                self._files[name] = self._open_part(name)
            self._files[name].write(data)
            self._files[name].flush()
            self._ends[name] += len(data)
        self.written += tally
        counts = [tally.episodes, tally.steps, tally.elements]
        self._journal.append({"id": id, "ends": self._ends, "tally": counts})

    def close(self, *, complete: bool) -> None:
        """Give the files free; `complete` puts the parts in their places."""
        try:
            for name in self._paths:
                if name not in self._files and complete and self._parts[name].exists():
                    self._files[name] = self._open_part(name)
            for name, file in self._files.items():
                os.fsync(file.fileno())
                file.close()
                if complete:
                    self._parts[name].replace(self._paths[name])
        finally:
            self._journal.close()

    def _recover(self) -> None:
        """Count what was journalled; drop what a part does not hold."""
        held = {name: part.stat().st_size for name, part in self._parts.items() if part.exists()}
        for whole, record in enumerate(self._journal.records()):
            if any(record["ends"][name] > size for name, size in held.items()):  # lost with the power
                self._journal.keep_first(whole)
                break
            self._finished.add(record["id"])
            self.written += Tally(*record["tally"])
            self._ends = record["ends"]
        for name, path in self._paths.items():
            if self._ends[name] and name not in held and not path.exists():
                raise Occupied(
                    f"{path} is gone, but {self._journal.path} says that it was written; "
                    "remove that to begin anew"
                )

    def _open_part(self, name: str) -> IO[bytes]:
        """The part, cut to what is journalled; the completed file becomes it when it is continued."""
        part, path = self._parts[name], self._paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists() and path.exists():
            if path.stat().st_size != self._ends[name]:
                raise Occupied(f"{path} was changed since it was converted; choose another folder")
            path.replace(part)
        file = part.open("ab")
        file.truncate(self._ends[name])
        file.seek(0, os.SEEK_END)
        return file


def line_of(record: Mapping[str, Any]) -> bytes:
    """A line of JSON; raises TypeError or ValueError for what is none, or cannot be written in UTF-8."""
    return _ENCODER.encode(record).encode() + b"\n"


def _encoded(objects: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return b"".join(map(line_of, objects))
    except (TypeError, ValueError) as error:
        raise Refused("line cannot be written as JSON", str(error)) from error
