"""AMEX: phone screens with named elements, what elements do, and captions.

Read from the raw release (`element_anno/`, one JSON file a screen) or from ShowUI's prepared layout
(`images/`, `metadata/hf_train_ele.json`, `hf_train_func.json`, `hf_train_cap.json`).
Source: formats.md 1.3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from screensmith.core.actions import Answer
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.plugins import suggest
from screensmith.readers import whole
from screensmith.readers._folder import (
    Folder,
    Names,
    box_of_pixels,
    check_layout,
    edges_of,
    fingerprint_of,
    image_size,
    sentence_of,
)
from screensmith.readers._json_rows import value_of
from screensmith.readers._showui_elements import (
    episode_of,
    refuse_singly,
    screenshot_of,
    stream_prepared,
    stream_rows,
)

DATASET = "amex"
ANNOTATIONS = "element_anno"
IMAGES = ("images", "screenshot", "screenshots")
PARTS = {
    "elements": ("hf_train_ele", "hf_train"),
    "functions": ("hf_train_func",),
    "captions": ("hf_train_cap",),
}
"""What there is to learn, and the prepared metadata that holds it."""

CAPTION_GOAL = "Say what this screen shows."
LONGEST_NAME = 60
POINT_DECIMALS = 4


def stream(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    part: str = "",
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """One episode of one step for each screen, one screen in memory at a time.

    Raw boxes are pixels and become fractions of the real image; an element's point is its middle, rounded
    to four decimals. A raw element is refused where it has no name or several, where its name is blank,
    longer than 60 characters, not ASCII or holds a brace, and where its box cannot be used.

    Args:
        root: the folder with `images` and `metadata`, or with `element_anno` and the images.
        json: name of the prepared metadata without its ending; "" takes the first there is of those for
            `part`. With the raw layout it says which part it would hold.
        layout: "raw", "showui" or "auto": prepared metadata where there is some, else raw.
        part: "elements" (asked for by name), "functions" (asked for by what they do) or "captions" (one
            answer about the screen); "" is what `json` holds, else elements.
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where refused screens ("<metadata name>/<image>") and elements ("<screen>#<place>", from
            0) are recorded; both count as considered.

    Raises:
        ValueError: a folder or the metadata is not there, an option has no meaning, or the metadata is
            broken. A broken file of the raw layout is refused as one screen.
    """
    folder, part, metadata = _find(root, json, layout, part)
    log = RefusalLog() if refusals is None else refusals
    if metadata is None:
        return _stream_raw(folder, part, log)
    if part == "captions":
        return _stream_captions(folder, metadata, verify_images, log)
    return stream_prepared(DATASET, folder, metadata, verify_images, log)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    part: str = "",
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the metadata that `read` would read with these options."""
    folder, _, metadata = _find(root, json, layout, part)
    return fingerprint_of(_raw_files(folder) if metadata is None else [metadata])


def _find(root: str, json: str, layout: str, part: str) -> tuple[Folder, str, Path | None]:
    """The folder, the part and its prepared metadata; None stands for the raw layout."""
    check_layout(layout)
    if part and part not in PARTS:
        raise suggest("part", part, list(PARTS))
    held = [each for each, names in PARTS.items() if json in names]
    part = part or (held[0] if held else "elements")
    # The documented command asks for hf_train, which the documented preparation never writes.
    names = ("hf_train", *PARTS["elements"]) if json == "hf_train" else (json,) if json else PARTS[part]
    folder = Folder(root, images=IMAGES)
    raw = (folder.root / ANNOTATIONS).is_dir()
    if layout == "raw":
        if not raw:
            raise ValueError(f"{root} has no folder {ANNOTATIONS} with raw annotations")
        return folder, part, None
    metadata = folder.find_metadata(names)
    if metadata is None and not (raw and layout == "auto"):
        try:
            metadata = folder.metadata(names)
        except ValueError as error:
            also = f", and no folder {ANNOTATIONS} with raw annotations" if layout == "auto" else ""
            raise ValueError(f"{error}{also}") from None
    if metadata is None and json and not held:
        raise ValueError(f"{root} has the raw layout, of which {json!r} is no part; choose with part=")
    return folder, part, metadata


def _raw_files(folder: Folder) -> list[Path]:
    return sorted((folder.root / ANNOTATIONS).glob("*.json"))


def _stream_raw(folder: Folder, part: str, log: RefusalLog) -> Iterator[Episode]:
    names = Names()
    for path in _raw_files(folder):
        log.consider()
        id = names.take(f"{ANNOTATIONS}/{path.name}")
        try:
            try:
                record = value_of(path)
            except ValueError as error:
                raise Refused("annotation file unreadable", str(error)) from error
            if not isinstance(record, dict):
                raise Refused("row unreadable", "not an object")
            yield _raw_episode(id, record, folder, part, log)
        except Refused as refused:
            log.add(id, refused.reason, refused.detail)


def _raw_episode(id: str, record: dict[str, Any], folder: Folder, part: str, log: RefusalLog) -> Episode:
    image = folder.image(record.get("image_path"))
    screenshot = Screenshot(image, image_size(image))
    if part == "captions":
        return _caption_episode(id, screenshot, record.get("page_caption"))
    entries = record.get("clickable_elements")
    if not isinstance(entries, list):
        raise Refused("element list missing")
    elements = refuse_singly(id, entries, lambda entry: _raw_element(entry, screenshot.size, part), log)
    return episode_of(id, DATASET, screenshot, elements)


def _raw_element(entry: Any, size: Size, part: str) -> Element:
    text = _name_of(entry.get("xml_desc"))
    edges = edges_of(entry.get("bbox"))
    if min(edges) < 0:
        raise Refused("box off the screen", f"{list(edges)} pixels")
    box = box_of_pixels(edges, size)
    if part == "functions":
        text = sentence_of(entry.get("functionality"), "functionality")
    return Element(box, text, point=_rounded_middle(box))


def _name_of(descriptions: Any) -> str:
    """The one name among an element's descriptions, as the documented preparation wants it."""
    if not isinstance(descriptions, list) or not all(isinstance(each, str) for each in descriptions):
        raise Refused("name unreadable", repr(descriptions)[:80])
    different = set(descriptions)
    if len(different) != 1:
        raise Refused("several names" if different else "no name", repr(sorted(different))[:80])
    name = sentence_of(different.pop(), "name")
    if len(name) > LONGEST_NAME:
        raise Refused("name too long", name[:80])
    if not name.isascii() or "{" in name or "}" in name:
        raise Refused("name not plain text", name)
    return name


def _rounded_middle(box: Box) -> Point | None:
    middle = box.centre
    point = Point(round(middle.x, POINT_DECIMALS), round(middle.y, POINT_DECIMALS))
    return point if box.contains(point) else None


def _stream_captions(
    folder: Folder, metadata: Path, verify_images: bool, log: RefusalLog
) -> Iterator[Episode]:
    def build(id: str, row: Any) -> Episode:
        screenshot = screenshot_of(row, "img_url", folder, verify_images)
        return _caption_episode(id, screenshot, row.get("caption"))

    yield from stream_rows(metadata, "img_url", build, log)


def _caption_episode(id: str, screenshot: Screenshot, caption: Any) -> Episode:
    text = sentence_of(caption, "caption")
    step = Step(screenshot, (Answer(text),), instruction=CAPTION_GOAL)
    return Episode(id, CAPTION_GOAL, (step,), {"dataset": DATASET, "part": "captions"})
