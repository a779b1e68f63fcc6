"""Task results: a CSV file with a row for each step of an application's tasks, and a folder of screenshots.

Columns (in any spelling, unknown ones are ignored): `Task_id`, `Image_id` and `Output` are needed,
`Slide_number`, `Instruction`, `Grounding`, `Short_Term_Memory` and `Long_term_Memory` are read where they
are. Cells of JSON may be strict or loose; formulas are text. The operation of a row is what `Output` calls
the predicted action, else the ground truth of `Output`, else that of `Grounding`; where they differ, the
step's fact "ground_truth_differs" is True. Coordinates and boxes ([left, top, right, bottom]) are pixels of
the image; a box is the step's target where it holds the point, and stays a fact otherwise. Everything that
tells the answer is in the fact "ground_truth" and nowhere else: not in the grounding, not in the memories.

A task is an episode. Its rows need not follow each other; they are ordered by slide number, or as in the
file where none has one. A row that is refused leaves the other rows of its task as they are: the memory
that they carry says what happened before. Source: formats.md 1.2, 6.6 and 7.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import fingerprint_of
from screensmith.readers._task_results_file import NO_SLIDE, Rows, Table
from screensmith.readers._task_results_images import FoundImages
from screensmith.readers._task_results_row import Place, Told, step_of

NAME = "task_results.csv"
GOAL = "Carry on with this task: do what the next step needs on the screen."
_WHOLE = re.compile(r"[+-]?\d{1,18}(?:\.0*)?", re.ASCII)


def stream(
    root: str,
    *,
    images: str = "",
    task_start: int | None = None,
    task_end: int | None = None,
    goal: str = GOAL,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """Every task with a usable row, in the order in which they begin in the file, one after the other.

    In memory are 40 bytes for each row, every task's id, and the steps of one task.

    Args:
        root: the CSV file (UTF-8), or a folder with a `task_results.csv` in it.
        images: the base folder of the images; "" for the folder of the CSV file. An image is found by its
            absolute path, its path below the base folder, or its file name anywhere there.
        task_start: read only tasks from this number on.
        task_end: read only tasks up to this number, itself included.
        goal: what tasks without an `Instruction` are asked.
        refusals: where rows that cannot be used are recorded, with their line.

    Raises:
        ValueError: there is no such file or folder, the file is in another encoding or lacks a column, or
            `goal` is blank.
    """
    path = _file(root)
    if not goal.strip():
        raise ValueError("goal is blank; tasks without an Instruction need a text")
    table = Table(path)
    found = FoundImages(Path(images) if images else path.parent)
    log = RefusalLog() if refusals is None else refusals
    return _episodes(table, found, _wanted(task_start, task_end), goal, log)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    images: str = "",  # noqa: ARG001
    task_start: int | None = None,  # noqa: ARG001
    task_end: int | None = None,  # noqa: ARG001
    goal: str = GOAL,  # noqa: ARG001
) -> str:
    """A hash of the CSV file; options as in `read`."""
    return fingerprint_of([_file(root)])


def _file(root: str) -> Path:
    path = Path(root)
    if path.is_dir():
        path /= NAME
    if not path.is_file():
        raise ValueError(
            f"there is no {path}; a CSV file of task results, or a folder with {NAME}, is needed"
        )
    return path


def _wanted(start: int | None, end: int | None) -> Callable[[str], bool]:
    """Whether a task lies in the range."""

    def wanted(task: str) -> bool:
        if start is None and end is None:
            return True
        if not _WHOLE.fullmatch(task):
            raise Refused("task id is no whole number", f"{task[:80]!r}, and a range of tasks is asked for")
        number = int(task.partition(".")[0])
        return (start is None or number >= start) and (end is None or number <= end)

    return wanted


def _episodes(
    table: Table, images: FoundImages, wanted: Callable[[str], bool], goal: str, log: RefusalLog
) -> Iterator[Episode]:
    rows = table.find_rows(wanted, log)
    with table.path.open("rb") as file:
        for task, numbers in rows.by_task():
            told = list(_told(table, file, rows, (task, numbers), images, log))
            if told:
                yield _episode(task, told, goal)


def _told(
    table: Table,
    file: BinaryIO,
    rows: Rows,
    task: tuple[str, list[int]],
    images: FoundImages,
    log: RefusalLog,
) -> Iterator[Told]:
    """The usable rows of one task."""
    name, numbers = task
    numbered = any(rows.slides[row] != NO_SLIDE for row in numbers)
    before = NO_SLIDE
    for position, row in enumerate(numbers):
        line, slide = rows.lines[row], rows.slides[row]
        try:
            if numbered and slide == NO_SLIDE:
                raise Refused("slide number missing", f"other rows of task {name[:80]} have one")
            if numbered and slide == before:
                raise Refused("step twice in its task", f"slide {slide} of task {name[:80]}")
            before = slide
            place = Place(name, slide if numbered else position + 1, line)
            yield step_of(table.cells(file, rows.offsets[row], rows.lengths[row]), images, place)
        except Refused as refused:
            log.add(f"line {line}", refused.reason, refused.detail)


def _episode(task: str, told: list[Told], otherwise: str) -> Episode:
    goal = next((row.goal for row in told if row.goal.strip()), "")
    goal = goal or next((row.asked for row in told if row.asked), otherwise)
    steps = tuple(replace(row.step, instruction=row.asked if row.asked != goal else "") for row in told)
    return Episode(f"task-{task}", goal, steps, {"dataset": "task_results", "task_id": task})
