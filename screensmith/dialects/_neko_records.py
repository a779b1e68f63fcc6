"""The action dictionaries of the Neko agent, and their extension to every action of ours.

A record has the keys "action", "value" and "position", all three always present. Names beyond the
agent's own (KEYS, VISIT, BACK, ...) and the optional keys "count" and "screens" exist because a
demonstration holds more than that agent could do. Source: the Neko agent's action protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable
from screensmith.dialects._literals import finite_number

WHEEL_NOTCH_PIXELS = 120
DIRECTIONS = ("up", "down", "left", "right")
BUTTONS = ("left", "middle", "right")

Record = dict[str, Any]


def action_to_dict(action: act.Action) -> Record:
    """The action as a record, coordinates in full precision."""
    name, value, position = _WRITERS[type(action)](action)
    record: Record = {"action": name, "value": value, "position": position}
    if isinstance(action, act.Click) and action.count != 1:
        record["count"] = action.count
    if isinstance(action, act.Scroll) and action.amount is not None:
        record["screens"] = action.amount
    return record


def action_from_dict(record: Mapping[str, Any], screen: Size) -> act.Action:
    """The action in a record; `screen` turns the agent's wheel notches into screenfuls.

    Raises:
        Unreadable: a key is missing, or the name, value or position is not of the protocol.
    """
    missing = [key for key in ("action", "value", "position") if key not in record]
    if missing:
        raise Unreadable(f"key {missing[0]!r} is missing")
    name = record["action"]
    reader = _READERS.get(name.upper()) if isinstance(name, str) else None
    if reader is None:
        raise Unreadable(f"unknown action {str(name)[:40]!r}")
    return reader(record, screen)


def _pair(point: Point | None) -> list[float] | None:
    return None if point is None else [point.x, point.y]


def _line(action: act.Drag | act.Swipe) -> list[list[float]]:
    return [[action.start.x, action.start.y], [action.end.x, action.end.y]]


Fields = tuple[str, Any, Any]
_WRITERS: Mapping[type, Callable[[Any], Fields]] = {
    act.Click: lambda a: ("CLICK", None if a.button == "left" else a.button, _pair(a.at)),
    act.LongPress: lambda a: ("LONG_PRESS", None, _pair(a.at)),
    act.Hover: lambda a: ("HOVER", None, _pair(a.at)),
    act.Drag: lambda a: ("SELECT_TEXT", None, _line(a)),
    act.Swipe: lambda a: ("SWIPE", None, _line(a)),
    act.Scroll: lambda a: ("SCROLL", a.direction, _pair(a.at)),
    act.TypeText: lambda a: ("INPUT", a.text, _pair(a.at)),
    act.Select: lambda a: ("SELECT", a.option, _pair(a.at)),
    act.PressKeys: lambda a: (
        ("ENTER", None, None) if a.keys == ("Enter",) else ("KEYS", list(a.keys), None)
    ),
    act.Copy: lambda a: ("COPY", a.text, None),
    act.Back: lambda _: ("BACK", None, None),
    act.Home: lambda _: ("HOME", None, None),
    act.OpenApp: lambda a: ("OPEN_APP", a.name, None),
    act.Visit: lambda a: ("VISIT", a.address, None),
    act.Wait: lambda a: ("WAIT", a.seconds, None),
    act.Answer: lambda a: ("ANSWER", a.text, None),
    act.Finish: lambda a: ("FINISH", a.status, None),
    act.Operate: lambda a: ("OPERATE", [a.name, a.target], _pair(a.at)),
}


def _point(value: Any) -> Point:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unreadable("position is not [x, y]")
    x, y = (finite_number(part, "position") for part in value)
    try:
        return Point(x, y)
    except ValueError as error:
        raise Unreadable("position off the screen") from error


def _at(record: Mapping[str, Any]) -> Point:
    if record["position"] is None:
        raise Unreadable("position is missing")
    return _point(record["position"])


def _maybe_at(record: Mapping[str, Any]) -> Point | None:
    return None if record["position"] is None else _point(record["position"])


def _ends(record: Mapping[str, Any]) -> tuple[Point, Point]:
    value = record["position"]
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unreadable("position is not [[x1, y1], [x2, y2]]")
    return _point(value[0]), _point(value[1])


def _text(record: Mapping[str, Any]) -> str:
    value = record["value"]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unreadable("value is not text")
    return str(value)


def _choice(record: Mapping[str, Any], allowed: tuple[str, ...]) -> Any:
    value = record["value"]
    if not isinstance(value, str) or value.lower() not in allowed:
        raise Unreadable(f"value is none of {', '.join(allowed)}")
    return value.lower()


def _click(record: Mapping[str, Any], _: Size) -> act.Action:
    button: act.Button = "left" if record["value"] is None else _choice(record, BUTTONS)
    count = record.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 3:
        raise Unreadable("count is not 1, 2 or 3")
    return act.Click(_at(record), button, count)


def _scroll(record: Mapping[str, Any], screen: Size) -> act.Action:
    direction = _choice(record, DIRECTIONS)
    amount = None
    if record.get("screens") is not None:
        amount = finite_number(record["screens"], "screens")
    elif record.get("amount") is not None:
        length = screen.height if direction in ("up", "down") else screen.width
        amount = finite_number(record["amount"], "amount") * WHEEL_NOTCH_PIXELS / length
    return act.Scroll(direction, _maybe_at(record), amount)


def _keys(record: Mapping[str, Any], _: Size) -> act.Action:
    value = record["value"]
    if not isinstance(value, list | tuple) or not value:
        raise Unreadable("value is not a list of keys")
    if not all(isinstance(key, str) and key for key in value):
        raise Unreadable("value is not a list of keys")
    return act.PressKeys(tuple(value))


def _copy(record: Mapping[str, Any], _: Size) -> act.Action:
    return act.Copy("" if record["value"] is None else _text(record))


def _operate(record: Mapping[str, Any]) -> act.Action:
    value = record["value"]
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unreadable("value is not [name, target]")
    if not all(isinstance(part, str) for part in value) or not value[0]:
        raise Unreadable("value is not [name, target]")
    return act.Operate(value[0], value[1], _maybe_at(record))


_READERS: Mapping[str, Callable[[Mapping[str, Any], Size], act.Action]] = {
    "CLICK": _click,
    "TAP": _click,
    "LONG_PRESS": lambda r, _: act.LongPress(_at(r)),
    "HOVER": lambda r, _: act.Hover(_at(r)),
    "SELECT_TEXT": lambda r, _: act.Drag(*_ends(r)),
    "SWIPE": lambda r, _: act.Swipe(*_ends(r)),
    "SCROLL": _scroll,
    "INPUT": lambda r, _: act.TypeText(_text(r), _maybe_at(r)),
    "SELECT": lambda r, _: act.Select(_text(r), _maybe_at(r)),
    "ENTER": lambda _r, _s: act.PressKeys(("Enter",)),
    "KEYS": _keys,
    "COPY": _copy,
    "BACK": lambda _r, _s: act.Back(),
    "HOME": lambda _r, _s: act.Home(),
    "OPEN_APP": lambda r, _: act.OpenApp(_text(r)),
    "VISIT": lambda r, _: act.Visit(_text(r)),
    "WAIT": lambda r, _: act.Wait(finite_number(r["value"], "value")),
    "ANSWER": lambda r, _: act.Answer(_text(r)),
    "OPERATE": lambda r, _: _operate(r),
    "FINISH": lambda r, _: act.Finish(_choice(r, ("success", "failure"))),
}
