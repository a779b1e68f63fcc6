"""MiniWoB demonstrations: SeeClick's release, and ShowUI's prepared form of it.

Raw: `miniwob_data_train.json`, tasks with lists of episodes, each a list of steps; boxes are pixels of a
page of 160x210, whatever size the image was stored in. Prepared: `metadata/hf_train.json`, a row for each
step with its box in fractions. Source: formats.md 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from screensmith.core.actions import Action, Click, TypeText
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import (
    box_of_fractions,
    box_of_pixels,
    edges_of,
    fingerprint_of,
    sentence_of,
)
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import (
    Place,
    Row,
    assemble,
    history_of,
    locate,
    mapping_of,
    number_of,
    refused_row,
    row_of,
)

PAGE = Size(160, 210)
NAMES = {"showui": ("hf_train", "hf_miniwob"), "raw": ("miniwob_data_train",)}
IMAGES = {"showui": ("images",), "raw": ("images", "miniwob_images", ".")}


def stream(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """Every usable episode, in the order of the file.

    Args:
        root: the data set's folder.
        json: the metadata file's name without ".json"; "" takes the first that exists of hf_train and
            hf_miniwob, then the release's own.
        layout: "raw", "showui", or "auto".
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where refused steps are recorded; they are left out of the history too.

    Raises:
        ValueError: there is no such data set, or its metadata file is broken.
    """
    place = locate(root, json, layout, NAMES, IMAGES, verify_images)
    found = _raw(place) if place.layout == "raw" else _prepared(place)
    log = RefusalLog() if refusals is None else refusals
    return assemble(found, {"dataset": "miniwob"}, log, restarts=True)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the metadata file; options as in `read`."""
    return fingerprint_of([locate(root, json, layout, NAMES, IMAGES).file])


def _raw(place: Place) -> Iterator[Row]:
    for position, (task, steps) in enumerate(rows(place.file)):
        if not isinstance(steps, list) or not steps:
            yield refused_row(f"episode {position}", "episode without steps", repr(steps)[:80])
            continue
        for number, recorded in enumerate(steps):
            record = recorded if isinstance(recorded, dict) else {}
            yield row_of(
                f"{task}:{position}.{number}",
                record.get("goal"),
                (str(position), number),
                partial(_raw_step, place, task, record),
            )


def _prepared(place: Place) -> Iterator[Row]:
    for position, (_, row) in enumerate(rows(place.file)):
        try:
            record = mapping_of(row, "row")
            task = sentence_of(record.get("split"), "task name")
            number = number_of(record.get("step_id"))
        except Refused as refused:
            yield refused_row(f"row {position}", refused.reason, refused.detail)
            continue
        yield row_of(
            f"{task}:{position}",
            record.get("task"),
            # The rows do not name their episode, but its goal and a number that begins anew tell it.
            (f"{task}: {record.get('task')}", number),
            partial(_prepared_step, place, task, record),
            partial(_earlier, place, task, record),
        )


def _earlier(place: Place, task: str, row: Mapping[str, Any]) -> list[Row]:
    return [
        row_of(
            "",
            row.get("task"),
            ("", number),
            partial(_step, place, task, step),
        )
        for number, step in enumerate(history_of(row))
    ]


def _raw_step(place: Place, task: str, record: Mapping[str, Any]) -> Step:
    kind = record.get("action_type")
    box = box_of_pixels(edges_of(record.get("bbox")), PAGE) if kind == "click" else None
    screenshot = place.screenshot(place.folder.image(record.get("img_filename")))
    return _made(screenshot, task, kind, box, record.get("typed_text"))


def _prepared_step(place: Place, task: str, row: Mapping[str, Any]) -> Step:
    return _step(place, task, row, row.get("img_size"))


def _step(place: Place, task: str, recorded: Any, size: Any = None) -> Step:
    record = mapping_of(recorded, "step")
    kind, said = record.get("action_type"), record.get("action_meta")
    screenshot = place.screenshot(place.folder.image(record.get("img_url")), size)
    box = box_of_fractions(edges_of(said), screenshot.size) if kind == "click" else None
    return _made(screenshot, task, kind, box, said)


def _made(screenshot: Screenshot, task: str, kind: Any, box: Box | None, text: Any) -> Step:
    action: Action
    if box is not None:
        action = Click(box.centre)
    elif kind == "type":
        if not isinstance(text, str):
            raise Refused("typed text missing", repr(text)[:80])
        action = TypeText(text)
    else:
        raise Refused("action unknown", repr(kind)[:80])
    return Step(screenshot, (action,), target=box, facts={"task": task})
