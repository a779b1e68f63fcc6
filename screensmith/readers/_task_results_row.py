"""A row of task results as a step: one operation on one screen, with the memory around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.core.actions import Operate
from screensmith.core.episode import Memory, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import Refused
from screensmith.dialects.task_results import entry
from screensmith.readers._folder import box_of_pixels, edges_of, image_size, numbers_of
from screensmith.readers._navigation import point_of
from screensmith.readers._task_results_cells import object_of, part_answers
from screensmith.readers._task_results_file import is_missing
from screensmith.readers._task_results_images import FoundImages

SHORT_TERM, LONG_TERM = "short_term", "long_term"
MEMORIES = {SHORT_TERM: "Short_Term_Memory", LONG_TERM: "Long_term_Memory"}
IN_OUTPUT = {SHORT_TERM: "Short Term", LONG_TERM: "Long Term"}
GROUND_TRUTH, GROUNDING, ELSEWHERE = "ground_truth", "grounding", "elsewhere"
DIFFERS = "ground_truth_differs"


@dataclass(frozen=True, slots=True)
class Told:
    """A row's step, what it is asked ("": what its task is), and what it says its task is ("": nothing)."""

    step: Step
    asked: str
    goal: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which row it is: its task as written, its step's number, and the line it begins at."""

    task: str
    number: int
    line: int


def step_of(cells: Mapping[str, str], images: FoundImages, place: Place) -> Told:
    """The step in a row's cells.

    Raises:
        Refused: the row cannot be used; says why.
    """
    output = object_of(cells["Output"], "Output")
    grounding = object_of(cells.get("Grounding"), "Grounding")
    truths = _truths(output, grounding)
    label, others = _label(output, truths)
    name, target = operation_words(label)
    if is_missing(cells["Image_id"]):
        raise Refused("image not named")
    path = images.find(cells["Image_id"])
    screenshot = Screenshot(path, image_size(path))
    at = _point(entry(label, "coords", "coordinates"), screenshot.size)
    rest, told = part_answers(grounding, "Grounding")
    told |= part_answers(entry(output, "Grounding") or {}, "Output.Grounding")[1]
    memory, after = _memories(cells, output, told)
    facts: dict[str, Any] = {
        "task_id": place.task,
        "step_number": place.number,
        "row": place.line,
        "image_id": cells["Image_id"].strip(),
        GROUNDING: rest,
        GROUND_TRUTH: _ground_truth(truths, told),
    }
    if any(_differs((name, target), other) for other in others):
        facts[DIFFERS] = True
    step = Step(
        screenshot,
        (Operate(name, target, at),),
        thought=_text(entry(output, "Reason"), "Reason"),
        target=_target(truths, at, screenshot.size),
        memory=memory,
        memory_after=after,
        facts=facts,
    )
    asked = cells.get("Instruction")
    goal = entry(entry(output, "image_info"), "goal")
    return Told(step, "" if asked is None or is_missing(asked) else asked, _text(goal, "goal"))


def _truths(output: Mapping[str, Any], grounding: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the file calls ground truth, Output's first."""
    found = (entry(entry(output, "Grounding"), GROUND_TRUTH), entry(grounding, GROUND_TRUTH))
    return [one for one in found if isinstance(one, Mapping)]


def _label(
    output: Mapping[str, Any], truths: list[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The record of the operation to learn, and the other records of the row that name one."""
    predicted = entry(output, "Predicted")
    for record in (predicted, output):
        action = entry(record, "predicted_action")
        if not (isinstance(action, Mapping) or _is_nothing(action)):
            raise Refused("action unreadable", f"no JSON object but {action!r:.80}")
    candidates = (
        entry(predicted, "predicted_action"),
        entry(output, "predicted_action"),
        predicted,
        output,
        *truths,
    )
    named = [
        one for one in candidates if isinstance(one, Mapping) and not _is_nothing(entry(one, "action"))
    ]
    if not named:
        raise Refused("no action in the row")
    return named[0], named[1:]


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_missing(value))


def operation_words(record: Mapping[str, Any]) -> tuple[str, str]:
    """The name, in capitals, and the target of an operation.

    Raises:
        Refused: one of them is no text.
    """
    name, target = entry(record, "action"), entry(record, "target")
    if not isinstance(name, str):
        raise Refused("action unreadable", repr(name)[:80])
    if isinstance(target, int | float) and not isinstance(target, bool):
        target = json.dumps(target)
    return name.strip().upper(), _text(target, "target")


def _text(value: Any, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"{what} unreadable", repr(value)[:80])
    return value


def _differs(label: tuple[str, str], other: Mapping[str, Any]) -> bool:
    try:
        name, target = operation_words(other)
    except Refused:
        return True
    return name != label[0] or target.split() != label[1].split()


def _point(recorded: Any, size: Size) -> Point | None:
    """The point `[x, y]` in pixels of the image; None where there is none."""
    if recorded is None or recorded == [] or (isinstance(recorded, str) and is_missing(recorded)):
        return None
    numbers = numbers_of(recorded, "coords")
    if len(numbers) != 2:
        raise Refused("coords unreadable", f"{len(numbers)} numbers")
    return point_of([numbers[0] / size.width, numbers[1] / size.height], size)


def _target(truths: list[Mapping[str, Any]], at: Point | None, size: Size) -> Box | None:
    """The first recorded box that holds the point."""
    if at is None:
        return None
    return next((box for box in _boxes(truths, size) if box.contains(at)), None)


def _boxes(truths: list[Mapping[str, Any]], size: Size) -> Iterator[Box]:
    for truth in truths:
        try:
            yield box_of_pixels(edges_of(entry(entry(truth, "original_step_data"), "bbox")), size)
        except Refused:
            continue


def _ground_truth(truths: list[Mapping[str, Any]], told: Mapping[str, Any]) -> dict[str, Any]:
    """The first record called ground truth; what else told the answer under "elsewhere", by its place."""
    truth = dict(truths[0]) if truths else {}
    rest = {where: value for where, value in told.items() if value != truth}
    return {**truth, ELSEWHERE: rest} if rest else truth


def _memories(
    cells: Mapping[str, str], output: Mapping[str, Any], told: dict[str, Any]
) -> tuple[Memory | None, Memory | None]:
    """What was carried into the step and what was carried on; None where the file has no place for it."""
    memory: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for part, column in MEMORIES.items():
        memory[part], more = part_answers(object_of(cells.get(column), column), column)
        told |= more
        name = IN_OUTPUT[part]
        recorded = entry(output, name, f"{name} Memory")
        if recorded is None:
            continue
        if isinstance(recorded, str):
            recorded = object_of(recorded, name)
        if not isinstance(recorded, dict):
            raise Refused(f"{name} unreadable", repr(recorded)[:80])
        after[part], more = part_answers(recorded, f"Output.{name}")
        told |= more
    known = any(column in cells for column in MEMORIES.values())
    return (memory if known else None), (after or None)
