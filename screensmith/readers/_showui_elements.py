"""ShowUI's prepared grounding metadata: a list of screenshots, each with a list of its elements.

A row is `{"img_url", "img_size": [W, H], "element": [...], "element_size", "caption"?}`, an element
`{"instruction", "bbox": [x1, y1, x2, y2], "point": [x, y], "data_type"?, "class_name"?}` with box and point
as fractions of the image.
Source: formats.md 1.3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from screensmith.core.actions import Click
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers._folder import (
    Folder,
    Names,
    box_of_fractions,
    check_size,
    edges_of,
    image_size,
    point_in,
    sentence_of,
    size_of,
    word_of,
)
from screensmith.readers._json_rows import rows

Build = Callable[[str, Any], Episode]
"""Makes the episode of this id from one row; raises Refused where it cannot."""


def stream_prepared(
    dataset: str, folder: Folder, metadata: Path, verify_images: bool, log: RefusalLog
) -> Iterator[Episode]:
    """One episode for each screenshot with at least one usable element, in the order of the file."""

    def build(id: str, row: Any) -> Episode:
        screenshot = screenshot_of(row, "img_url", folder, verify_images)
        entries = row.get("element")
        if not isinstance(entries, list):
            raise Refused("element list missing", "only a caption" if row.get("caption") else "")
        elements = refuse_singly(id, entries, lambda entry: _element(entry, screenshot.size), log)
        caption = word_of(row.get("caption"), "caption")
        return episode_of(id, dataset, screenshot, elements, caption)

    yield from stream_rows(metadata, "img_url", build, log)


def stream_rows(metadata: Path, key: str, build: Build, log: RefusalLog) -> Iterator[Episode]:
    """The episodes built from a file's rows; their ids are "<metadata name>/<row[key]>"."""
    names = Names()
    for number, (_, row) in enumerate(rows(metadata)):
        log.consider()
        try:
            name = sentence_of(row.get(key) if isinstance(row, dict) else None, "image")
        except Refused:
            name = f"row {number}"  # which `build` then refuses
        id = names.take(f"{metadata.stem}/{name}")
        try:
            yield build(id, row)
        except Refused as refused:
            log.add(id, refused.reason, refused.detail)


def screenshot_of(row: Any, key: str, folder: Folder, verify_images: bool) -> Screenshot:
    """The screenshot that a row names, with its recorded size, or its real one where none is recorded.

    Raises:
        Refused: the row is no object, the image is missing, or its size is unreadable or differs.
    """
    if not isinstance(row, dict):
        raise Refused("row unreadable", "not an object")
    path = folder.image(row.get(key))
    if row.get("img_size") is None:
        return Screenshot(path, image_size(path))
    size = size_of(row["img_size"])
    if verify_images:
        check_size(path, size)
    return Screenshot(path, size)


def refuse_singly(
    id: str,
    entries: Sequence[Any],
    build: Callable[[Any], Element],
    log: RefusalLog,
) -> list[Element]:
    """The elements made of a screenshot's entries; refused ones are named "<id>#<place>", from 0."""
    elements: list[Element] = []
    seen: set[tuple[object, str]] = set()
    log.consider(len(entries))
    for place, entry in enumerate(entries):
        try:
            if not isinstance(entry, dict):
                raise Refused("element unreadable", "not an object")
            element = build(entry)
            known = element.box, element.text
            if known in seen:
                raise Refused("element repeated", element.text[:80])
            seen.add(known)
            elements.append(element)
        except Refused as refused:
            log.add(f"{id}#{place}", refused.reason, refused.detail)
    return elements


def episode_of(
    id: str, dataset: str, screenshot: Screenshot, elements: Sequence[Element], caption: str = ""
) -> Episode:
    """The grounding episode of one screenshot; its step asks for the first element.

    Raises:
        Refused: there are no elements.
    """
    if not elements:
        raise Refused("no element left")
    first = elements[0]
    step = Step(
        screenshot,
        (Click(first.at),),
        instruction=first.text,
        target=first.box,
        elements=tuple(elements),
        facts={"caption": caption} if caption else {},
    )
    return Episode(id, first.text, (step,), {"dataset": dataset})


def _element(entry: Any, size: Size) -> Element:
    text = sentence_of(entry.get("instruction"), "instruction")
    box = box_of_fractions(edges_of(entry.get("bbox")), size)
    point = point_in(entry.get("point"), box)
    kind = word_of(entry.get("data_type"), "data_type") or word_of(entry.get("class_name"), "class_name")
    return Element(box, text, kind, point)
