"""AndroidControl as JSON lines, one step each; the release is TFRecords, which nobody needs to read twice.

A line: `{"episode_id": ..., "step": 0, "goal": str, "instruction": str, "image": "name.png", "image_size":
[width, height], "action": {"kind": "Click", "at": [x, y]}, "boxes": [[left, top, right, bottom], ...]}`.
The action is what `screensmith.core.actions.to_record` writes, places in fractions; boxes are those of the
accessibility tree, in pixels, and may be left out, as may the size. The lines of an episode follow each
other. Images lie in `images/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, get_args

from screensmith.core.actions import Action, Button, Direction, Status, from_record
from screensmith.core.episode import Episode, Step
from screensmith.core.geometry import Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.plugins import suggest
from screensmith.readers import whole
from screensmith.readers._folder import box_of_pixels, edges_of, fingerprint_of, sentence_of
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import (
    Place,
    Row,
    assemble,
    locate,
    mapping_of,
    number_of,
    refused_row,
    row_of,
)

LEVELS = ("high", "low")
FILES = ("test", "train", "androidcontrol_test", "androidcontrol_train")
NAMES = {"showui": FILES, "raw": FILES}
IMAGES = {"showui": ("images",), "raw": ("images", ".")}
_TEXTS = ("text", "option", "name", "address")
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "direction": get_args(Direction),
    "status": get_args(Status),
    "button": get_args(Button),
}


def stream(
    root: str,
    *,
    json: str = "",
    level: str = "high",
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """Every usable episode, in the order of the file.

    Args:
        root: the folder with images/ and the lines, in the folder itself or in metadata/.
        json: the file's name without ".jsonl"; "" takes the first that exists of test, train,
            androidcontrol_test and androidcontrol_train.
        level: "high" asks for the goal only, "low" for the step's instruction.
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where refused steps and missing steps are recorded.

    Raises:
        ValueError: there is no such file, it is broken, or `level` has no meaning.
    """
    if level not in LEVELS:
        raise suggest("level", level, list(LEVELS))
    place = locate(root, json, "auto", NAMES, IMAGES, verify_images)
    log = RefusalLog() if refusals is None else refusals
    return assemble(_rows(place, level), {"dataset": "androidcontrol"}, log, restarts=True)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    level: str = "high",
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the file and the level; options as in `read`."""
    return f"{fingerprint_of([locate(root, json, 'auto', NAMES, IMAGES).file])}-{level}"


def _rows(place: Place, level: str) -> Iterator[Row]:
    for position, (_, row) in enumerate(rows(place.file)):
        try:
            record = mapping_of(row, "row")
            number = number_of(record.get("step"))
        except Refused as refused:
            yield refused_row(f"row {position}", refused.reason, refused.detail)
            continue
        episode = str(record.get("episode_id"))
        build = partial(_step, place, record, level)
        yield row_of(f"{episode}:{position}", record.get("goal"), (episode, number), build)


def _step(place: Place, record: Mapping[str, Any], level: str) -> Step:
    screenshot = place.screenshot(place.folder.image(record.get("image")), record.get("image_size"))
    facts: dict[str, Any] = {"level": level}
    if record.get("boxes") is not None:
        facts["boxes"] = _boxes(record["boxes"], screenshot.size)
    instruction = sentence_of(record.get("instruction"), "instruction") if level == "low" else ""
    return Step(screenshot, (_action(record.get("action")),), instruction=instruction, facts=facts)


def _boxes(recorded: Any, size: Size) -> list[list[float]]:
    if not isinstance(recorded, list):
        raise Refused("boxes unreadable", repr(recorded)[:80])
    boxes = [box_of_pixels(edges_of(edges), size) for edges in recorded]
    return [[box.left, box.top, box.right, box.bottom] for box in boxes]


def _action(recorded: Any) -> Action:
    record = mapping_of(recorded, "action")
    for key in _TEXTS:
        if not isinstance(record.get(key, ""), str):
            raise Refused("action unreadable", f"{key} is not text: {record[key]!r:.80}")
    for key, known in _CHOICES.items():
        if key in record and record[key] not in known:
            raise Refused("action unreadable", f"{key} is none of {', '.join(known)}: {record[key]!r:.80}")
    try:
        return from_record(record)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise Refused("action unreadable", str(error)[:200]) from error
