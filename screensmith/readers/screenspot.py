"""ScreenSpot v1, v2 and Pro: one screen, one instruction and the box it asks for, in every carrier.

Source: formats.md 1.3.3; sizes and averages in oracles.md 2.1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from screensmith.core.actions import Click
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import (
    Folder,
    box_of_fractions,
    box_of_pixels,
    check_size,
    corners_of,
    edges_of,
    fingerprint_of,
    image_size,
    sentence_of,
    size_of,
    word_of,
)
from screensmith.readers._parquet_rows import image_in, parquet_rows
from screensmith.readers._screenspot_carriers import CARRIERS, PLATFORMS, Carrier, Place, locate, rows_of

KINDS = ("text", "icon")
PREFIXES = {"mobile": "mobile", "pc": "desktop", "desktop": "desktop", "web": "web"}
SIZES_KEPT = 4096  # several rows ask about one image

See = Callable[[Mapping[str, Any]], Screenshot]


def stream(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    carrier: str = "auto",
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """One episode of one step for each row, one row in memory at a time; ids are "<file>/<row, from 0>".

    A step's facts are "platform" (mobile, desktop or web; for Pro the operating system), "data_type" (text
    or icon), "data_source" ("" where there is none), "row", "id" where the row has one, and for Pro "group"
    and "application". The platform comes from the row's own field, the file's name or the image's prefix,
    never from the data source, which books phone screens as web.

    Args:
        root: the folder with the carrier's files.
        json: name of one metadata file without its ending; "" takes all documented files of the carrier.
        layout: "showui" for that carrier, "raw" for any other, "auto" for both.
        carrier: "showui" (metadata/hf_test_full.json or hf_test.json), "seeclick" (screenspot_web.json and
            its two sisters), "os_copilot" (screenspot_web_v2.json ...), "gui_actor" (the same names, other
            rows), "pro" (annotations/*.json), "parquet" (needs pyarrow), or "auto": what is there.
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
            Where no size is recorded, the header is always read.
        refusals: where refused rows are recorded, by their id; every row counts as considered.

    Raises:
        ValueError: no carrier is there, several are, or its files are broken.
    """
    place = locate(root, json, layout, carrier)
    log = RefusalLog() if refusals is None else refusals
    if place.folder is None:
        return _stream_parquet(place, log)
    return _stream_json(place, place.folder, verify_images, log)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    carrier: str = "auto",
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the files that `read` would read with these options (of parquet, with their images)."""
    return fingerprint_of(locate(root, json, layout, carrier).files)


def _stream_json(place: Place, folder: Folder, verify_images: bool, log: RefusalLog) -> Iterator[Episode]:
    declared = CARRIERS[place.carrier]
    size_on_disk = functools.lru_cache(SIZES_KEPT)(image_size)

    def see(row: Mapping[str, Any]) -> Screenshot:
        path = folder.image(row.get(declared.image))
        if not declared.size:
            return Screenshot(path, size_on_disk(path))
        size = size_of(row[declared.size])
        if verify_images:
            check_size(path, size)
        return Screenshot(path, size)

    for path, number, row in rows_of(place):
        yield from _row_or_refusal(place.carrier, path, number, row, see, log)


def _stream_parquet(place: Place, log: RefusalLog) -> Iterator[Episode]:
    declared = CARRIERS[place.carrier]
    columns = [declared.image, "bbox", declared.instruction, declared.kind, declared.source]
    for path in place.files:
        for number, (row, image) in enumerate(parquet_rows(path, columns)):

            def see(row: Mapping[str, Any], image: Any = image) -> Screenshot:
                return Screenshot(image, image_size(image_in(row["image"])))

            yield from _row_or_refusal(place.carrier, path, number, row, see, log)


def _row_or_refusal(
    carrier: str, path: Path, number: int, row: Any, see: See, log: RefusalLog
) -> Iterator[Episode]:
    log.consider()
    id = f"{path.stem}/{number}"
    try:
        yield _episode(id, carrier, path, number, row, see)
    except Refused as refused:
        log.add(id, refused.reason, refused.detail)


def _episode(id: str, carrier: str, path: Path, number: int, row: Any, see: See) -> Episode:
    declared = CARRIERS[carrier]
    if not declared.fits(row):
        keys = f"keys {sorted(row)}" if isinstance(row, dict) else "not an object"
        raise Refused(f"row has not the keys of {carrier}", keys)
    text = sentence_of(row[declared.instruction], "instruction")
    facts: dict[str, Any] = {
        "platform": _platform(declared, path, row),
        "data_type": _kind(row[declared.kind]),
        "data_source": word_of(row.get(declared.source), "data source"),
        "row": number,
    }
    facts |= {key: word_of(row.get(key), key) for key in declared.also}
    if row.get("id") is not None:
        facts["id"] = row["id"] if isinstance(row["id"], int) else word_of(row["id"], "id")
    screenshot = see(row)
    box = _box(declared, row.get("bbox"), screenshot.size)
    step = Step(screenshot, (Click(box.centre),), instruction=text, target=box, facts=facts)
    return Episode(id, text, (step,), {"dataset": "screenspot", "carrier": carrier})


def _box(declared: Carrier, value: Any, size: Size) -> Box:
    edges = edges_of(value)
    if declared.order == "corner and size":
        edges = corners_of(*edges)
    return box_of_pixels(edges, size) if declared.unit == "pixels" else box_of_fractions(edges, size)


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise Refused("data type unknown", repr(value)[:80])
    return str(value)


def _platform(declared: Carrier, path: Path, row: Mapping[str, Any]) -> str:
    if declared.platform:
        platform = word_of(row[declared.platform], "platform")
        if not platform or (not declared.also and platform not in PLATFORMS):
            raise Refused("platform unknown", repr(platform)[:80])
        return platform
    of_the_file = [part for part in path.stem.split("_") if part in PLATFORMS]
    if of_the_file:
        return of_the_file[0]
    prefix = str(row[declared.image]).rpartition("/")[2].partition("_")[0]
    if prefix not in PREFIXES:
        raise Refused("platform unknown", f"{path.name} and {row[declared.image]!r:.80} do not name it")
    return PREFIXES[prefix]
