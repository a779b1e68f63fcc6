"""OSWorld-G: desktop screens, an instruction, and a box, a polygon, or nothing that fits it (a refusal).

A row is `{"id", "image_path", "image_size": [W, H], "instruction", "box_type", "box_coordinates",
"GUI_types"}`. The coordinates of a "bbox" are x, y, width, height in pixels, those of a "polygon" x1, y1,
x2, y2, ... in pixels; a "refusal" has none that count. What goes wrong with it elsewhere: oracles.md 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from screensmith.core.actions import Action, Click, Finish
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import (
    NOISE,
    Folder,
    box_of_pixels,
    check_layout,
    check_size,
    corners_of,
    edges_of,
    fingerprint_of,
    numbers_of,
    sentence_of,
    size_of,
    word_of,
)
from screensmith.readers._json_rows import rows

NAMES = ("OSWorld-G", "osworld_g", "OSWorld-G_refined")
FOLDERS = {"auto": (".", "benchmark", "metadata"), "raw": (".", "benchmark"), "showui": ("metadata",)}
IMAGES = ("images", "benchmark/images")
HEIGHTS = (0.5, 0.37, 0.61, 0.23, 0.79, 0.11, 0.93)  # odd ones, which seldom meet a corner exactly

Polygon = tuple[Point, ...]


def stream(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """One episode of one step for each row, one row in memory at a time; ids are "<file>/<row, from 0>".

    The target of a polygon is the box around it, and the expected click lies inside the polygon. Where
    nothing on the screen fits the instruction, the expected action is `Finish("failure")`, without a
    target. A step's facts are "refusal", "polygon" (points as fractions, empty for a box), "row", "id" and
    "gui_types".

    Args:
        root: the folder with OSWorld-G.json and `images`, or with these in `benchmark`.
        json: name of the metadata file without its ending; "" takes OSWorld-G, osworld_g or
            OSWorld-G_refined, the first there is.
        layout: "raw" (metadata in the root or in `benchmark`), "showui" (in `metadata`) or "auto" for both.
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where rows that cannot be used are recorded; every row counts as considered.

    Raises:
        ValueError: a folder or the metadata is not there, or the metadata is broken.
    """
    folder, metadata = _find(root, json, layout)
    log = RefusalLog() if refusals is None else refusals
    return _stream(folder, metadata, verify_images, log)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the metadata file that `read` would read with these options."""
    return fingerprint_of([_find(root, json, layout)[1]])


def _find(root: str, json: str, layout: str) -> tuple[Folder, Path]:
    folder = Folder(root, images=IMAGES, metadata=FOLDERS[check_layout(layout)])
    return folder, folder.metadata((json,) if json else NAMES)


def _stream(folder: Folder, metadata: Path, verify_images: bool, log: RefusalLog) -> Iterator[Episode]:
    for number, (_, row) in enumerate(rows(metadata)):
        log.consider()
        id = f"{metadata.stem}/{number}"
        try:
            yield _episode(id, number, row, folder, verify_images)
        except Refused as refused:
            log.add(id, refused.reason, refused.detail)


def _episode(id: str, number: int, row: Any, folder: Folder, verify_images: bool) -> Episode:
    if not isinstance(row, dict):
        raise Refused("row unreadable", "not an object")
    text = sentence_of(row.get("instruction"), "instruction")
    path = folder.image(row.get("image_path"))
    size = size_of(row.get("image_size"))
    if verify_images:
        check_size(path, size)
    action, target, polygon = _expected(row, size)
    facts = {
        "refusal": target is None,
        "polygon": [[point.x, point.y] for point in polygon],
        "row": number,
        "id": row["id"] if isinstance(row.get("id"), int) else word_of(row.get("id"), "id"),
        "gui_types": _words(row.get("GUI_types")),
    }
    step = Step(Screenshot(path, size), (action,), instruction=text, target=target, facts=facts)
    return Episode(id, text, (step,), {"dataset": "osworld_g"})


def _words(value: Any) -> list[str]:
    if value is not None and not isinstance(value, list):
        raise Refused("GUI types unreadable", repr(value)[:80])
    return [word_of(part, "GUI types") for part in value or ()]


def _expected(row: dict[str, Any], size: Size) -> tuple[Action, Box | None, Polygon]:
    kind, value = row.get("box_type"), row.get("box_coordinates")
    if kind == "refusal":
        return Finish("failure"), None, ()
    if kind == "bbox":
        box = box_of_pixels(corners_of(*edges_of(value)), size)
        return Click(box.centre), box, ()
    if kind == "polygon":
        polygon, box = _polygon(value, size)
        return Click(_inside(polygon, box)), box, polygon
    raise Refused("kind of target unknown", repr(kind)[:80])


def _polygon(value: Any, size: Size) -> tuple[Polygon, Box]:
    """The polygon as fractions, and the box around it."""
    if isinstance(value, list) and value and all(isinstance(part, list) for part in value):
        value = [number for part in value for number in part]
    numbers = numbers_of(value, "polygon")
    if len(numbers) < 6 or len(numbers) % 2:
        raise Refused("polygon unreadable", f"{len(numbers)} numbers")
    across, down = numbers[::2], numbers[1::2]
    box = box_of_pixels((min(across), min(down), max(across), max(down)), size)
    corners = zip(across, down, strict=True)
    return tuple(_on_screen(x / size.width, y / size.height) for x, y in corners), box


def _on_screen(x: float, y: float) -> Point:
    return Point(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))


def _inside(polygon: Polygon, box: Box) -> Point:
    """A point well inside: the middle of the widest stretch at the first height that has one."""
    for part in HEIGHTS:
        y = box.top + part * box.height
        stretches = _stretches(polygon, y)
        if stretches:
            left, right = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
            if right - left > NOISE:
                return Point((left + right) / 2, y)
    raise Refused("polygon without area")


def _stretches(polygon: Polygon, y: float) -> list[tuple[float, float]]:
    """Where a horizontal line at `y` runs inside, by the even-odd rule."""
    crossings = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (start.y > y) != (end.y > y):
            crossings.append(start.x + (y - start.y) / (end.y - start.y) * (end.x - start.x))
    crossings.sort()
    return list(zip(crossings[::2], crossings[1::2], strict=True))
