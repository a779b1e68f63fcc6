"""An episode as rows of task results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from screensmith.core.actions import Action, Operate, kind_of, points_of
from screensmith.core.episode import Episode, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.operations import as_operation
from screensmith.core.refusals import Refused
from screensmith.dialects.task_results import entry
from screensmith.readers._folder import box_of_pixels, image_size
from screensmith.readers._task_results_cells import tells
from screensmith.readers._task_results_file import LONGEST_FIELD, is_missing
from screensmith.readers._task_results_row import GROUND_TRUTH, GROUNDING, IN_OUTPUT, MEMORIES
from screensmith.writers import Tally
from screensmith.writers._images import SIGNATURES, bytes_of, with_part
from screensmith.writers._showui_layout import ONLY_HISTORY, Rows, Target, check_whole
from screensmith.writers._task_results_memory import Carried, memories, names_on

COLUMNS = (
    "Task_id",
    "Slide_number",
    "Image_id",
    "Instruction",
    "Grounding",
    *MEMORIES.values(),
    "Output",
)
MOST_VISIBLE = 40  # names of elements in the grounding
DECIMALS = 3  # of a pixel
MOST_AROUND = 16  # times the area of the smallest element: an icon's button, but not an empty field's form


def rows_of(episode: Episode, target: Target, task: int, folder: str) -> Rows:
    """A row for each step, after copying the images.

    Args:
        episode: what is written; steps that are only another row's history get no row.
        target: where images go.
        task: the number it gets as a task.
        folder: the name of the folder of images, as rows name it.

    Raises:
        Refused: an action is no operation, a memory or the grounding has no place in the format, or an
            image cannot be read.
    """
    operations = [_operation(step, number) for number, step in enumerate(episode.steps)]
    carried = memories(episode, operations)
    images = [_image(step, number) for number, step in enumerate(episode.steps)]
    numbers = [number for number, step in enumerate(episode.steps) if not step.facts.get(ONLY_HISTORY)]
    if not numbers:
        raise Refused("no step but history")

    def row(number: int, image: str) -> Mapping[str, str]:
        changed = images[number] != images[number - 1] if number else None
        cells = _cells(episode, number, operations[number], carried[number], changed, image)
        return {"Task_id": str(task), "Slide_number": str(number + 1), "Image_id": image, **cells}

    for number in numbers:  # whatever cannot be said is refused before an image is copied
        row(number, folder)
    made = [
        row(number, f"{folder}/{_copied(episode, number, images[number][1], target)}") for number in numbers
    ]
    return Rows(tuple(made), Tally(1, len(made), 0))


def _cells(
    episode: Episode, number: int, operation: Operate, carried: Carried, changed: bool | None, image: str
) -> dict[str, str]:
    step = episode.steps[number]
    truth = _ground_truth(step, operation, number + 1, image)
    return {
        "Instruction": _asked(episode, number),
        "Grounding": _json({GROUND_TRUTH: truth, **_known(step, changed)}, "grounding"),
        **{column: _json(carried.before.get(part, {}), "memory") for part, column in MEMORIES.items()},
        "Output": _json(_output(episode, number, operation, truth, carried, image), "output"),
    }


def _operation(step: Step, number: int) -> Operate:
    check_whole(step, number)
    if len(step.actions) != 1:
        raise Refused("more than one action in a step", f"step {number}")
    action = step.actions[0]
    operation = as_operation(action, words_for(step, action))
    if operation is None:
        raise Refused(f"no operation for {kind_of(action)}", f"step {number}")
    if is_missing(operation.name) or operation.name.strip().upper() != operation.name:
        raise Refused("operation without a plain name", f"step {number}: {operation.name[:80]!r}")
    return operation


def words_for(step: Step, action: Action) -> str:
    """What lies under an action, in words.

    The text of the smallest element there; where it has none, of the smallest one around it that has some
    and is not much larger. Empty where there is none.
    """
    places = points_of(action)
    if not places:
        return ""
    under = [
        (_area(element.box), element.text) for element in step.elements if element.box.contains(places[0])
    ]
    under.sort(key=lambda each: each[0])
    return next(
        (
            " ".join(text.split())
            for area, text in under
            if text.strip() and area <= MOST_AROUND * under[0][0]
        ),
        "",
    )


def _area(box: Box) -> float:
    return box.width * box.height


def _asked(episode: Episode, number: int) -> str:
    asked = episode.steps[number].instruction
    if asked.strip() and is_missing(asked):
        raise Refused("instruction reads as an empty cell", f"step {number}: {asked!r}")
    return _cell(asked if asked.strip() else episode.goal, "goal")


def _image(step: Step, number: int) -> tuple[bytes, str]:
    """A hash of a step's image, and the ending of its kind."""
    data = bytes_of(step.screenshot)
    real, said = image_size(data), step.screenshot.size
    if real != said:
        raise Refused(
            "image size differs from the recorded one",
            f"step {number}: {real.width}x{real.height}, recorded {said.width}x{said.height}",
        )
    ending = next(ending for signature, ending in SIGNATURES if data.startswith(signature))
    return hashlib.blake2b(data, digest_size=16).digest(), ending


def _copied(episode: Episode, number: int, ending: str, target: Target) -> str:
    """The image's name below the folder of images, which says episode and step."""
    name = f"{episode.id.replace('/', '_')}_step{number + 1}{ending}"
    otherwise = with_part(name, str(target.first_row + number))
    return target.images.add(episode.steps[number].screenshot, name, otherwise)


def _ground_truth(step: Step, operation: Operate, slide: int, image: str) -> dict[str, Any]:
    told = step.facts.get(GROUND_TRUTH)
    recorded = dict(told) if isinstance(told, Mapping) else {}
    name = {"action": operation.name, "target": operation.target}
    box = [] if step.target is None else _box(step.target, step.screenshot.size)
    original = {"step": slide, **name, "screenshot": image, "note": "", "bbox": box}
    truth = {**name, "original_step_data": original, **recorded}
    if box and recorded:
        known = entry(recorded, "original_step_data")
        truth["original_step_data"] = {**(known if isinstance(known, Mapping) else original), "bbox": box}
    return truth


def _known(step: Step, changed: bool | None) -> dict[str, Any]:
    """What is known of the screen: as it was recorded, or names on it and whether it changed."""
    recorded = step.facts.get(GROUNDING)
    if isinstance(recorded, Mapping):
        if tells(recorded):
            raise Refused("grounding mentions the ground truth")
        return dict(recorded)
    state: dict[str, Any] = {}
    names = [name for name in names_on(step, MOST_VISIBLE) if not tells([name])]
    if names:
        state["visible"] = names
    if changed is not None:
        state["changed_since_last_step"] = changed
    return {"current_screen_state": state} if state else {}


def _output(
    episode: Episode,
    number: int,
    operation: Operate,
    truth: Mapping[str, Any],
    carried: Carried,
    image: str,
) -> dict[str, Any]:
    step = episode.steps[number]
    coords = None if operation.at is None else _pixels(operation.at, step.screenshot.size)
    action = {"action": operation.name, "target": operation.target, "coords": coords}
    info: dict[str, Any] = {"step_num": number + 1, "has_image": True, "image_path": image}
    info["episode_id"] = episode.id
    if step.instruction.strip() or is_missing(episode.goal):
        info["goal"] = episode.goal
    return {
        "Grounding": {GROUND_TRUTH: truth},
        **{name: carried.after[part] for part, name in IN_OUTPUT.items() if part in carried.after},
        "Reason": step.thought,
        "Predicted": {"predicted_action": action},
        "image_info": info,
    }


def _pixels(point: Point, size: Size) -> list[int | float]:
    return [_rounded(point.x * size.width), _rounded(point.y * size.height)]


def _box(box: Box, size: Size) -> list[int | float]:
    edges = (box.left * size.width, box.top * size.height, box.right * size.width, box.bottom * size.height)
    left, top, right, bottom = map(_rounded, edges)
    box_of_pixels(
        (left, top, right, bottom), size
    )  # refuses one without an area, which cannot be read back
    return [left, top, right, bottom]


def _rounded(pixels: float) -> int | float:
    rounded = round(pixels, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _json(value: Any, what: str) -> str:
    try:
        return _cell(json.dumps(value, ensure_ascii=False, allow_nan=False), what)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"{what} cannot be written as JSON", str(error)) from error


def _cell(text: str, what: str) -> str:
    if "\0" in text:
        raise Refused(f"{what} with a NUL character")
    if len(text) > LONGEST_FIELD:
        raise Refused(f"{what} too long for a cell", f"{len(text)} characters")
    return text
