"""Android in the Wild: SeeClick's release, and ShowUI's prepared form of it.

Raw: `aitw_data_<split>.json`, domains with lists of episodes, each a list of steps. Prepared:
`metadata/hf_<split>.json`, a row for each step. Images are PNGs named without their ending. Points are (x,
y) and annotated boxes (y, x, height, width), all in fractions. Who made the file from the original records
has no `action_type_text`; then touch and lift say whether the finger tapped, and which way it moved.
Source: formats.md 1.6 and 5.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from screensmith.core.actions import (
    Action,
    Back,
    Click,
    Direction,
    Finish,
    Home,
    PressKeys,
    Scroll,
    TypeText,
)
from screensmith.core.episode import Episode, Step
from screensmith.core.geometry import Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import fingerprint_of, sentence_of, word_of
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import (
    Place,
    Row,
    assemble,
    find_image,
    history_of,
    locate,
    mapping_of,
    number_of,
    point_of,
    refused_row,
    row_of,
)

SPLITS = ("train", "val", "test")
NAMES = {
    "showui": tuple(f"hf_{split}" for split in SPLITS),
    "raw": tuple(f"aitw_data_{split}" for split in SPLITS),
}
IMAGES = {"showui": ("images",), "raw": ("images", "aitw_images", ".")}
LARGEST_TAP = 0.04  # of the screen, from touch to lift; a longer way is a scroll
TYPE, DUAL_POINT = 3, 4
_WITHOUT_PLACE: Mapping[int, Action] = {
    5: Back(),
    6: Home(),
    7: PressKeys(("Enter",)),
    10: Finish("success"),
    11: Finish("failure"),
}
_SCROLLS: Mapping[str, Direction] = {
    "scroll up": "up",
    "scroll down": "down",
    "scroll left": "left",
    "scroll right": "right",
}
_IDS: Mapping[str, int] = {
    "type": TYPE,
    "click": DUAL_POINT,
    **dict.fromkeys(_SCROLLS, DUAL_POINT),
    "press back": 5,
    "press home": 6,
    "press enter": 7,
    "status task complete": 10,
    "status task impossible": 11,
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
        json: the metadata file's name without ".json"; "" takes the first that exists of hf_train, hf_val
            and hf_test, then of the release's own.
        layout: "raw", "showui", or "auto".
        verify_images: also read each image's header, and refuse it where its size is not the recorded one.
        refusals: where refused steps are recorded; they are left out of the history too.

    Raises:
        ValueError: there is no such data set, or its metadata file is broken.
    """
    place = locate(root, json, layout, NAMES, IMAGES, verify_images)
    found = _raw(place) if place.layout == "raw" else _prepared(place)
    log = RefusalLog() if refusals is None else refusals
    return assemble(found, {"dataset": "aitw"}, log, restarts=True)


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
    for position, (domain, steps) in enumerate(rows(place.file)):
        if not isinstance(steps, list) or not steps:
            yield refused_row(f"episode {position}", "episode without steps", repr(steps)[:80])
            continue
        for number, recorded in enumerate(steps):
            record = recorded if isinstance(recorded, dict) else {}
            yield row_of(
                f"{domain}/{record.get('ep_id')}:{position}.{number}",
                record.get("goal"),
                (str(position), number),
                partial(_raw_step, place, domain, record),
            )


def _prepared(place: Place) -> Iterator[Row]:
    for position, (_, row) in enumerate(rows(place.file)):
        try:
            record = mapping_of(row, "row")
            domain = sentence_of(record.get("domain"), "domain")
            number = number_of(record.get("step_id"))
        except Refused as refused:
            yield refused_row(f"row {position}", refused.reason, refused.detail)
            continue
        episode = f"{domain}/{record.get('ep_id')}"
        yield row_of(
            f"{episode}:{position}",
            record.get("task"),
            (episode, number),
            partial(_prepared_step, place, domain, record),
            partial(_earlier, place, domain, record),
        )


def _earlier(place: Place, domain: str, row: Mapping[str, Any]) -> list[Row]:
    """The row's own history: raw steps."""
    return [
        row_of(
            "",
            row.get("task"),
            ("", number),
            partial(_raw_step, place, domain, step),
        )
        for number, step in enumerate(history_of(row))
    ]


def _raw_step(place: Place, domain: str, recorded: Any) -> Step:
    record = mapping_of(recorded, "step")
    return _step(place, domain, record, record.get("img_filename"))


def _prepared_step(place: Place, domain: str, row: Mapping[str, Any]) -> Step:
    return _step(place, domain, row, row.get("img_url"), row.get("img_size"))


def _step(place: Place, domain: str, record: Mapping[str, Any], image: Any, size: Any = None) -> Step:
    screenshot = place.screenshot(find_image(place.folder, image, (".png",)), size)
    text = word_of(record.get("action_type_text"), "action type").strip().lower()
    identifier = _identifier(record.get("action_type_id"), text)
    facts: dict[str, Any] = {
        "domain": domain,
        "action_type_id": identifier,
        "touch": _pair(record.get("touch")),
        "lift": _pair(record.get("lift")),
        "boxes": _boxes(record.get("annot_position")),
    }
    action = _action(identifier, text, record, facts["touch"], facts["lift"], screenshot.size)
    return Step(screenshot, (action,), facts=facts)


def _identifier(recorded: Any, text: str) -> int:
    known = _IDS.get(text)
    if recorded is None and known is not None:
        return known
    if isinstance(recorded, bool) or recorded not in (TYPE, DUAL_POINT, *_WITHOUT_PLACE):
        raise Refused("action type unknown", f"{recorded!r:.40} {text[:40]!r}")
    if text and known != recorded:
        raise Refused("action type contradicts its text", f"{recorded} {text[:40]!r}")
    return int(recorded)


def _action(
    identifier: int,
    text: str,
    record: Mapping[str, Any],
    touch: Sequence[float],
    lift: Sequence[float],
    size: Size,
) -> Action:
    if identifier in _WITHOUT_PLACE:
        return _WITHOUT_PLACE[identifier]
    if identifier == TYPE:
        return TypeText(word_of(record.get("type_text"), "typed text"))
    if text in _SCROLLS:
        return Scroll(_SCROLLS[text])
    at = point_of(touch, size)
    if text == "click" or math.dist(touch, lift) <= LARGEST_TAP:
        return Click(at)
    point_of(lift, size)
    return Scroll(_direction(touch, lift))


def _direction(touch: Sequence[float], lift: Sequence[float]) -> Direction:
    """What comes into view when the finger moves so: the opposite of its way on the longer axis."""
    across, down = lift[0] - touch[0], lift[1] - touch[1]
    if abs(across) > abs(down):
        return "left" if across > 0 else "right"
    return "up" if down > 0 else "down"


def _pair(recorded: Any) -> list[float]:
    if recorded is None:  # only taps and scrolls have them; the release writes -1 for the others
        return [-1.0, -1.0]
    if not (isinstance(recorded, list) and len(recorded) == 2):
        raise Refused("touch or lift unreadable", repr(recorded)[:80])
    return _numbers(recorded, "touch or lift unreadable")


def _boxes(recorded: Any) -> list[list[float]]:
    """Groups of (y, x, height, width), from one flat list."""
    flat = [] if recorded is None else recorded
    if not isinstance(flat, list) or len(flat) % 4:
        raise Refused("annotated boxes unreadable", repr(flat)[:80])
    numbers = _numbers(flat, "annotated boxes unreadable")
    return [numbers[start : start + 4] for start in range(0, len(numbers), 4)]


def _numbers(recorded: Sequence[Any], reason: str) -> list[float]:
    if not all(isinstance(part, float | int) and not isinstance(part, bool) for part in recorded):
        raise Refused(reason, repr(recorded)[:80])
    numbers = [float(part) for part in recorded]
    if not all(math.isfinite(number) for number in numbers):
        raise Refused(reason, repr(recorded)[:80])
    return numbers
