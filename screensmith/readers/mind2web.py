"""Mind2Web with screenshots: SeeClick's release, and ShowUI's prepared form of it.

Raw: `mind2web_data_<split>.json`, a list of episodes, and an image `<annotation_id>-<action_uid>.jpg` for
each action. Prepared: `metadata/hf_<split>.json`, a row for each step, and `images/`. Boxes are pixels of
the stored image. SELECT carries the option, never the element's text, and what was merged into CLICK is in
the facts. Source: formats.md 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from screensmith.core.actions import Action, Click, Select, TypeText
from screensmith.core.episode import Episode, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import (
    box_of_pixels,
    corners_of,
    edges_of,
    fingerprint_of,
    sentence_of,
    word_of,
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

SPLITS = ("train", "test_task", "test_website", "test_domain")
NAMES = {
    "showui": ("hf_train", "hf_test_full", *(f"hf_{split}" for split in SPLITS[1:])),
    "raw": tuple(f"mind2web_data_{split}" for split in SPLITS),
}
IMAGES = {"showui": ("images",), "raw": ("images", "mind2web_images", ".")}
_ELEMENT = re.compile(r"\s*\[[^\]]*\](.*)->\s*(?:CLICK|TYPE|SELECT|HOVER|ENTER)\b", re.DOTALL)
_SITE = ("website", "domain", "subdomain")

_ACTIONS: Mapping[str, Callable[[str, Point], Action]] = {
    "CLICK": lambda _, at: Click(at),
    "TYPE": TypeText,
    "SELECT": Select,
}


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
        json: the metadata file's name without ".json"; "" takes the first that exists of hf_train,
            hf_test_full, hf_test_task, hf_test_website and hf_test_domain, then of the release's own.
        layout: "raw", "showui", or "auto".
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where refused steps are recorded, for example those without a box. A refused step is left
            out of the history too, as the published evaluations do.

    Raises:
        ValueError: there is no such data set, or its metadata file is broken.
    """
    place = locate(root, json, layout, NAMES, IMAGES, verify_images)
    found = _raw(place) if place.layout == "raw" else _prepared(place)
    log = RefusalLog() if refusals is None else refusals
    return assemble(found, {"dataset": "mind2web"}, log, restarts=True)


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
    split = place.file.stem.removeprefix("mind2web_data_")
    for position, (_, episode) in enumerate(rows(place.file)):
        actions = episode.get("actions") if isinstance(episode, dict) else None
        if not isinstance(actions, list) or not actions:
            yield refused_row(f"episode {position}", "episode without actions", repr(episode)[:80])
            continue
        shared = {"split": split, "annotation_id": episode.get("annotation_id")}
        shared.update({key: episode.get(key) for key in _SITE})
        described = history_of(episode, "action_reprs")
        for number, action in enumerate(actions):
            text = described[number] if number < len(described) else None
            yield row_of(
                f"{shared['annotation_id']}:{position}.{number}",
                episode.get("confirmed_task"),
                (str(position), number),
                partial(_step, place, shared, action, text),
            )


def _prepared(place: Place) -> Iterator[Row]:
    for position, (_, row) in enumerate(rows(place.file)):
        try:
            record = mapping_of(row, "row")
            annotation = sentence_of(record.get("annot_id"), "annotation id")
            number = number_of(record.get("step_id"))
        except Refused as refused:
            yield refused_row(f"row {position}", refused.reason, refused.detail)
            continue
        yield row_of(
            f"{annotation}:{position}",
            record.get("task"),
            (annotation, number),
            partial(_prepared_step, place, record),
            partial(_earlier, place, record),
        )


def _prepared_step(place: Place, row: Mapping[str, Any]) -> Step:
    shared, image = _shared(row), row.get("img_url")
    return _step(place, shared, row.get("step"), row.get("step_repr"), image, row.get("img_size"))


def _earlier(place: Place, row: Mapping[str, Any]) -> list[Row]:
    """The row's own history: raw actions, whose images are named as in the release."""
    described = history_of(row, "repr_history")
    shared = _shared(row)
    return [
        row_of(
            "",
            row.get("task"),
            ("", number),
            partial(_step, place, shared, action, described[number] if number < len(described) else None),
        )
        for number, action in enumerate(history_of(row))
    ]


def _shared(row: Mapping[str, Any]) -> dict[str, Any]:
    facts = {"split": row.get("split"), "annotation_id": row.get("annot_id")}
    return facts | {key: row.get(key) for key in _SITE}


def _step(
    place: Place,
    shared: Mapping[str, Any],
    recorded: Any,
    described: Any,
    image: Any = None,
    size: Any = None,
) -> Step:
    action = mapping_of(recorded, "action")
    operation = mapping_of(action.get("operation"), "operation")
    box = mapping_of(action.get("bbox"), "target box")
    path = place.folder.image(image or f"{shared['annotation_id']}-{action.get('action_uid')}.jpg")
    screenshot = place.screenshot(path, size)
    target = _box(box, screenshot.size)
    name = operation.get("op")
    if not isinstance(name, str) or name not in _ACTIONS:
        raise Refused("operation unknown", repr(name)[:80])
    facts = {
        **shared,
        "action_uid": action.get("action_uid"),
        "operation": name,
        "original_operation": operation.get("original_op") or name,
        "element_text": _element_text(described),
    }
    value = word_of(operation.get("value"), "value")
    return Step(screenshot, (_ACTIONS[name](value, target.centre),), target=target, facts=facts)


def _box(recorded: Mapping[str, Any], size: Size) -> Box:
    left, top, width, height = edges_of([recorded.get(key) for key in ("x", "y", "width", "height")])
    return box_of_pixels(corners_of(left, top, width, height), size)


def _element_text(described: Any) -> str:
    """What stands between the element's role and the operation in "[button]  Add to bag -> CLICK"."""
    found = _ELEMENT.match(described) if isinstance(described, str) else None
    return found.group(1).strip() if found else ""
