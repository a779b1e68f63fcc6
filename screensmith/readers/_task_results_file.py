"""The rows of a CSV file of any size: where each begins, which task it is of, and its cells when asked for.

One pass finds every row and keeps 40 bytes of it; then rows are read by their place. Quoted cells may hold
line breaks. A row that is no CSV is refused and reading goes on with the next line of the file, so that a
quote that nobody closed costs its own row and not the rest of the file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from screensmith.core.refusals import RefusalLog, Refused
from screensmith.dialects.task_results import plain_name

LONGEST_FIELD = 10_000_000  # characters of one cell
LONGEST_ROW_BYTES = 64_000_000
LONGEST_ID = 200  # characters of a task id; all of them are kept in memory
NO_SLIDE = -1
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Task_id": ("taskid",),
    "Slide_number": ("slidenumber",),
    "Image_id": ("imageid",),
    "Instruction": ("instruction",),
    "Grounding": ("grounding",),
    "Short_Term_Memory": ("shorttermmemory", "shortterm"),
    "Long_term_Memory": ("longtermmemory", "longterm"),
    "Output": ("output",),
}
NEEDED = ("Task_id", "Image_id", "Output")
_BOM = b"\xef\xbb\xbf"
_OTHER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SLIDE = re.compile(r"(\d{1,9})(?:\.0*)?", re.ASCII)
_LARGEST_SHOWN = 20  # columns in an error
_MISSING = frozenset(("", "nan", "none", "null", "<na>"))


def is_missing(cell: str | None) -> bool:
    """Whether a cell holds nothing: blank, or what a table writes for nothing ("NaN", "None")."""
    return cell is None or (len(cell) <= 8 and cell.strip().lower() in _MISSING) or not cell.strip()


@contextlib.contextmanager
def long_fields() -> Iterator[None]:
    """Let the csv module read cells of `LONGEST_FIELD` characters; its limit is the whole process's."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its place in bytes, the line it begins at (from 1), and its cells or why it has none."""

    offset: int
    length: int
    line: int
    cells: list[str]
    problem: Refused | None = None


class _TooLong(ValueError):
    pass


class _Lines:
    """The lines of a file for csv.reader, with the place of the record that is being read."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self.file = file
        self.offset, self.line = offset, 1
        file.seek(offset)
        self.begin()

    def begin(self) -> None:
        """A record begins here."""
        self.start, self.first_line, self.first_end = self.offset, self.line, self.offset
        self.problem = ""

    def back(self) -> None:
        """Go to the line after the record's first one."""
        self.offset, self.line = self.first_end, self.first_line + 1
        self.file.seek(self.offset)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self.file.readline(LONGEST_ROW_BYTES)
        if not raw:
            raise StopIteration
        first = self.offset == self.start
        self.offset += len(raw)
        too_long = self.offset - self.start >= LONGEST_ROW_BYTES
        while too_long and not raw.endswith(b"\n"):
            raw = self.file.readline(LONGEST_ROW_BYTES)
            self.offset += len(raw)
            if not raw:
                break
        self.line += 1
        if first:
            self.first_end = self.offset
        if too_long:
            raise _TooLong(f"more than {LONGEST_ROW_BYTES} bytes")
        if b"\0" in raw:
            self.problem = "NUL byte in the row"
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.problem = "row not in UTF-8"
            return raw.decode("utf-8", "surrogateescape")  # only to find its end; it is refused


def records(file: BinaryIO, offset: int, columns: int = 0) -> Iterator[Record]:
    """Every row from a place on, blank lines left out; the caller has called `long_fields`.

    Args:
        file: opened for bytes.
        offset: where to begin; lines are counted from there.
        columns: how many cells a row must have; 0 for any number.
    """
    lines = _Lines(file, offset)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin()
        cells: list[str] = []
        problem = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            problem = _problem(error)
        else:
            if not cells:
                continue
            if columns and len(cells) != columns:
                through = f" (lines {lines.first_line} to {lines.line - 1})" * (
                    lines.line > lines.first_line + 1
                )
                problem = Refused("wrong number of columns", f"{len(cells)} instead of {columns}{through}")
            elif lines.problem:
                problem = Refused(lines.problem)
        whole = problem is None or lines.problem == problem.reason
        end = lines.offset if whole else lines.first_end
        yield Record(lines.start, end - lines.start, lines.first_line, cells, problem)
        if not whole and lines.offset != lines.first_end:
            lines.back()
        if not whole:
            reader = csv.reader(lines, strict=True)


def _problem(error: Exception) -> Refused:
    text = str(error)
    if isinstance(error, _TooLong):
        return Refused("row too long", text)
    if "field limit" in text:
        return Refused(
            "cell too long", f"more than {LONGEST_FIELD} characters, or a quote that never closes"
        )
    return Refused("row is no CSV", text)


@dataclass(slots=True)
class Rows:
    """Where rows are, in the order of the file; a number for each row and a name for each task."""

    tasks: dict[str, int] = field(default_factory=dict)
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    lines: array[int] = field(default_factory=lambda: array("Q"))
    task: array[int] = field(default_factory=lambda: array("q"))
    slides: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.offsets)

    def by_task(self) -> Iterator[tuple[str, list[int]]]:
        """Each task, as they first came, with the numbers of its rows by slide and then as in the file."""
        if not self:
            return
        task = np.frombuffer(self.task, np.int64)
        order = np.lexsort((np.frombuffer(self.slides, np.int64), task))
        ends = np.append(np.flatnonzero(np.diff(task[order])) + 1, len(order))
        start = 0
        for name, end in zip(self.tasks, ends.tolist(), strict=True):
            yield name, order[start:end].tolist()
            start = end


class Table:
    """A CSV file with the columns of task results, in any spelling.

    Raises:
        ValueError: there is no such file, it is empty or in another encoding, or lacks a column.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file, long_fields():
            head = file.read(3)
            self._start = len(_BOM) if head == _BOM else 0
            if head[:2] in _OTHER_MARKS:
                raise ValueError(f"{path} is in {_OTHER_MARKS[head[:2]]}; save it as CSV in UTF-8")
            header = next(records(file, self._start), None)
        if header is None:
            raise ValueError(f"{path} is empty; a header with {', '.join(NEEDED)} was expected")
        if header.problem is not None:
            raise ValueError(
                f"the header of {path} cannot be read ({header.problem}); save it as CSV in UTF-8"
            )
        self._columns = len(header.cells)
        self._places = _places(path, header.cells)

    def has(self, column: str) -> bool:
        """Whether the file has a column."""
        return column in self._places

    def find_rows(self, wanted: Callable[[str], bool], log: RefusalLog) -> Rows:
        """Every row of the wanted tasks, in one pass over the file.

        Args:
            wanted: whether a task is to be read; may raise Refused.
            log: counts these rows, and gets those that are no rows or of no task.
        """
        rows = Rows()
        unwanted: set[str] = set()
        with self.path.open("rb") as file, long_fields():
            found = records(file, self._start, self._columns)
            next(found)
            for record in found:
                try:
                    self._add(rows, record, wanted, unwanted)
                except Refused as refused:
                    log.consider()
                    log.add(f"line {record.line}", refused.reason, refused.detail)
        log.consider(len(rows))
        return rows

    def _add(self, rows: Rows, record: Record, wanted: Callable[[str], bool], unwanted: set[str]) -> None:
        if record.problem is not None:
            raise record.problem
        places = self._places
        task = record.cells[places["Task_id"]].strip()
        if task in unwanted:
            return
        number = rows.tasks.get(task)
        if number is None:
            if is_missing(task):
                raise Refused("task id missing")
            if len(task) > LONGEST_ID:
                raise Refused("task id too long", f"{len(task)} characters")
            if not wanted(task):
                unwanted.add(task)
                return
        slide = slide_number(record.cells[places["Slide_number"]]) if "Slide_number" in places else NO_SLIDE
        if number is None:
            number = rows.tasks[task] = len(rows.tasks)
        rows.offsets.append(record.offset)
        rows.lengths.append(record.length)
        rows.lines.append(record.line)
        rows.task.append(number)
        rows.slides.append(slide)

    def cells(self, file: BinaryIO, offset: int, length: int) -> dict[str, str]:
        """The known cells of the row at a place of the opened file, by the names in `COLUMNS`.

        Raises:
            Refused: it is not there any more; the file was changed while it was read.
        """
        file.seek(offset)
        try:
            text = file.read(length).decode()
            with long_fields():
                cells = next(csv.reader(io.StringIO(text, newline=""), strict=True))
            return {name: cells[place] for name, place in self._places.items()}
        except (csv.Error, StopIteration, UnicodeDecodeError, IndexError) as error:
            raise Refused("row changed while it was read", str(error)) from error


def slide_number(cell: str) -> int:
    """A step's number, `NO_SLIDE` where the cell holds none.

    Raises:
        Refused: it is no whole number from 0.
    """
    if is_missing(cell):
        return NO_SLIDE
    match = _SLIDE.fullmatch(cell.strip())
    if match is None:
        raise Refused("slide number unreadable", repr(cell)[:80])
    return int(match.group(1))


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Which column is where.

    Raises:
        ValueError: one that is needed is not there, or one is there twice.
    """
    plain = [plain_name(name) for name in header]
    shown = ", ".join(repr(name[:40]) for name in header[:_LARGEST_SHOWN])
    found: dict[str, int] = {}
    for column, spellings in COLUMNS.items():
        places = [place for place, name in enumerate(plain) if name in spellings]
        if len(places) > 1:
            raise ValueError(f"{path} has the column {column} {len(places)} times (found: {shown})")
        if places:
            found[column] = places[0]
    missing = [column for column in NEEDED if column not in found]
    if missing:
        raise ValueError(f"{path} has no column {' and no '.join(missing)} (found: {shown})")
    return found
