"""The action dictionaries of the capture user guide: a "type", and places in pixels.

Places are pixels of the screen, scroll amounts pixels of content, durations seconds.
Source: the user guide's schema; it gives no units for the last two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable

LARGEST_NUMBER = 1e12
LARGEST_NUMBER = 1e12
DIRECTIONS: tuple[act.Direction, ...] = ("up", "down", "left", "right")


def action_from_pixels(record: Mapping[str, Any], screen: Size) -> act.Action:
    """The action in a record such as `{"type": "click", "coordinate": [640, 360]}`.

    Raises:
        Unreadable: an unknown type, a missing or mistyped key, or a place off the screen.
    """
    name = record.get("type")
    reader = _READERS.get(name.lower()) if isinstance(name, str) else None
    if reader is None:
        raise Unreadable(f"unknown action {str(name)[:40]!r}")
    return reader(record, screen)


def _number(record: Mapping[str, Any], key: str) -> float:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST_NUMBER:
        raise Unreadable(f"{key} is not a number")
    return float(value)


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise Unreadable(f"{key} is not text")
    return value


def _point(record: Mapping[str, Any], screen: Size) -> Point:
    pair = record.get("coordinate")
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise Unreadable("coordinate is not [x, y]")
    x, y = (_number({"coordinate": part}, "coordinate") for part in pair)
    try:
        return Point(x / screen.width, y / screen.height)
    except ValueError as error:
        raise Unreadable("position off the screen") from error


def _maybe_point(record: Mapping[str, Any], screen: Size) -> Point | None:
    return None if record.get("coordinate") is None else _point(record, screen)


def _scroll(record: Mapping[str, Any], screen: Size) -> act.Action:
    direction = _text(record, "direction").lower()
    if direction not in DIRECTIONS:
        raise Unreadable(f"direction is none of {', '.join(DIRECTIONS)}")
    amount = None
    if record.get("amount") is not None:
        length = screen.height if direction in ("up", "down") else screen.width
        amount = _number(record, "amount") / length
    return act.Scroll(direction, _maybe_point(record, screen), amount)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Size], act.Action]] = {
    "click": lambda r, s: act.Click(_point(r, s)),
    "type": lambda r, s: act.TypeText(_text(r, "text"), _maybe_point(r, s)),
    "scroll": _scroll,
    "navigate": lambda r, _: act.Visit(_text(r, "url")),
    "wait": lambda r, _: act.Wait(_number(r, "duration")),
}
