"""What the calls of AGUVIS mean: PyAutoGUI's functions, and those added for phones, browsers and answers.

Parameters and their order are PyAutoGUI's own (0.9.54), so that positional arguments mean what they
mean there; `page`, `from_coord`, `to_coord` and `key` are what AGUVIS' records add. How fast the pointer
or the keys go (`interval`, `duration`) and why a task was ended (`reason`) have no place in an action.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from screensmith.core import actions as act
from screensmith.core.geometry import Point
from screensmith.dialects import Unreadable
from screensmith.dialects._arguments import (
    ReadPlace,
    count_of,
    ends_of,
    given_place_of,
    name_of_application,
    number_of,
    place_of,
    seconds_of,
    text_of,
)
from screensmith.dialects._calls import Call, bind
from screensmith.dialects._keys import key_of

MOST_CLICKS = 3
MOST_PRESSES = 100
_LOOKS = ("logScreenshot", "_pause")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "click": ("x", "y", "clicks", "interval", "button", "duration", "tween", *_LOOKS),
    **dict.fromkeys(
        ("doubleClick", "tripleClick"), ("x", "y", "interval", "button", "duration", "tween", *_LOOKS)
    ),
    **dict.fromkeys(
        ("leftClick", "rightClick", "middleClick"), ("x", "y", "interval", "duration", "tween", *_LOOKS)
    ),
    "moveTo": ("x", "y", "duration", "tween", *_LOOKS),
    "dragTo": ("x", "y", "duration", "tween", "button", *_LOOKS, "mouseDownUp"),
    **dict.fromkeys(("scroll", "vscroll", "hscroll"), ("clicks", "x", "y", *_LOOKS)),
    **dict.fromkeys(("write", "typewrite"), ("message/text", "interval", *_LOOKS)),
    "press": ("keys/key", "presses", "interval", *_LOOKS),
    "sleep": ("seconds",),
}
"""PyAutoGUI's functions that are read, with the parameters in their order."""

_BUTTONS: Mapping[object, act.Button] = {
    "left": "left",
    "primary": "left",
    1: "left",
    "middle": "middle",
    2: "middle",
    "right": "right",
    "secondary": "right",
    3: "right",
}
_CLICKS: Mapping[str, tuple[act.Button, int]] = {
    "click": ("left", 1),
    "leftClick": ("left", 1),
    "middleClick": ("middle", 1),
    "rightClick": ("right", 1),
    "doubleClick": ("left", 2),
    "tripleClick": ("left", 3),
}
_SAID_SCROLL = re.compile(
    r"\bscroll(?:s|ed|ing)?\s+(?:(?:the|this|a|bit|little|further|back|page|screen|list|window)\s+){0,4}"
    r"(up|down|left|right)(?:wards?)?\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Turn:
    """The calls of one answer while they are read.

    `read` reads a place, `said` is what the answer says it does in words, `pointer` the last place that
    the turn has brought the pointer to.
    """

    read: ReadPlace
    said: str = ""
    pointer: Point | None = None
    actions: list[act.Action] = field(default_factory=list)

    def take(self, calls: tuple[Call, ...]) -> tuple[act.Action, ...]:
        """The actions of the calls; raises Unreadable where one is none."""
        for call in calls:
            reader = READERS.get(call.name)
            if reader is None:
                raise Unreadable(f"unknown call {call.name[:40]!r}")
            for action in reader(self, call):
                self.actions.append(action)
                self.pointer = _pointer_after(action) or self.pointer
        return tuple(self.actions)

    def here(self, what: str) -> Point:
        """Where the pointer is; a move just made is what brought it there, and no action of its own."""
        if self.pointer is None:
            raise Unreadable(f"no place before {what}")
        if self.actions and self.actions[-1] == act.Hover(self.pointer):
            self.actions.pop()
        return self.pointer


Actions = tuple[act.Action, ...]


def _pointer_after(action: act.Action) -> Point | None:
    if isinstance(action, act.Click | act.Hover | act.Scroll | act.Select):
        return action.at
    return action.end if isinstance(action, act.Drag) else None


def _values(call: Call, *more: str) -> dict[str, Any]:
    """The arguments of one of PyAutoGUI's functions, those about speed and looks checked and taken out."""
    values = bind(call, *PARAMETERS[call.name.rpartition(".")[2]], *more)
    for name in ("interval", "duration"):
        value = values.pop(name, None)
        if value is not None and number_of(value, name) < 0:
            raise Unreadable(f"{name} is negative")
    for name in ("tween", *_LOOKS, "mouseDownUp"):
        value = values.pop(name, None)
        if value is not None and (not isinstance(value, bool) or (name == "mouseDownUp" and not value)):
            raise Unreadable(f"{name} is not for answers")
    return values


def _button(value: object, otherwise: act.Button) -> act.Button:
    if value is None:
        return otherwise
    button = _BUTTONS.get(value.lower() if isinstance(value, str) else value) if _plain(value) else None
    if button is None:
        raise Unreadable("button is none of left, middle, right")
    return button


def _plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _click(turn: Turn, call: Call) -> Actions:
    name = call.name.rpartition(".")[2]
    button, count = _CLICKS[name]
    values = _values(call)
    if name == "click":
        count = count_of(values.get("clicks"), "clicks", MOST_CLICKS)
    button = _button(values.get("button"), button)
    at = place_of(values, turn.read) or turn.here(f"{name}()")
    return (act.Click(at, button, count),)


def _move(turn: Turn, call: Call) -> Actions:
    return (act.Hover(given_place_of(_values(call), turn.read)),)


def _drag(turn: Turn, call: Call) -> Actions:
    values = _values(call, "from_coord", "to_coord")
    if _button(values.get("button"), "left") != "left":
        raise Unreadable("drag with another button than the left")
    if "from_coord" in values or "to_coord" in values:
        if "x" in values or "y" in values:
            raise Unreadable("argument given twice")
        return (act.Drag(*ends_of(values, turn.read)),)
    end = given_place_of(values, turn.read)
    return (act.Drag(turn.here("dragTo"), end),)


def _scroll(turn: Turn, call: Call) -> Actions:
    values = _values(call, "page")
    at = place_of(values, turn.read)
    if at is None and turn.actions and isinstance(turn.actions[-1], act.Hover):
        at = turn.here(call.name)
    sideways = call.name.endswith("hscroll")
    if "page" not in values and "clicks" not in values:
        if sideways:
            raise Unreadable("scroll without a direction")
        return (act.Scroll(_said_direction(turn.said), at),)
    if "page" in values and "clicks" in values:
        raise Unreadable("argument given twice")
    value = values.get("page", values.get("clicks"))
    number = number_of(value, "scroll")
    if not number:
        raise Unreadable("scroll by nothing")
    # PyAutoGUI: positive is up, and to the right.
    positive, negative = ("right", "left") if sideways else ("up", "down")
    direction: Any = positive if number > 0 else negative
    # Whole numbers that nobody calls a page count notches of a wheel, whose length nobody knows.
    notches = "page" not in values and (isinstance(value, int) or str(value).lstrip("+-").isdigit())
    return (act.Scroll(direction, at, None if notches else abs(number)),)


def _said_direction(said: str) -> Any:
    directions = {match[1].lower() for match in _SAID_SCROLL.finditer(said)}
    if len(directions) != 1:
        raise Unreadable("scroll without a direction")
    return directions.pop()


def _write(_: Turn, call: Call) -> Actions:
    message = _values(call).get("message")
    if isinstance(message, list):  # PyAutoGUI: names of keys, one pressed after the other
        return _pressed(message, 1)
    return (act.TypeText(text_of(message, "message")),)


def _press(_: Turn, call: Call) -> Actions:
    values = _values(call)
    keys = values.get("keys")
    names = keys if isinstance(keys, list) else [keys]
    return _pressed(names, count_of(values.get("presses"), "presses", MOST_PRESSES))


def _pressed(names: list[Any], times: int) -> Actions:
    if not names:
        raise Unreadable("key is missing")
    if len(names) * times > MOST_PRESSES:
        raise Unreadable("too many keys")
    return tuple(act.PressKeys((key_of(name),)) for name in names) * times


def _hotkey(_: Turn, call: Call) -> Actions:
    rest = {name: value for name, value in call.named.items() if name not in ("interval", *_LOOKS)}
    given = list(call.positional)
    if "keys" in rest and not given:
        keys = rest.pop("keys")
        given = keys if isinstance(keys, list) else [keys]
    elif len(given) == 1 and isinstance(given[0], list):
        given = given[0]
    if rest:
        raise Unreadable(f"unknown argument {next(iter(rest))[:40]!r} for {call.name}")
    if not given:
        raise Unreadable("key is missing")
    return (act.PressKeys(tuple(key_of(name) for name in given)),)


def _wait(_: Turn, call: Call) -> Actions:
    return (act.Wait(seconds_of(bind(call, "seconds/secs").get("seconds"))),)


def _answer(_: Turn, call: Call) -> Actions:
    return (act.Answer(text_of(bind(call, "text/answer/message").get("text"), "answer")),)


def _terminate(_: Turn, call: Call) -> Actions:
    values = bind(call, "status", "reason")
    if values.get("reason") is not None:
        text_of(values["reason"], "reason")
    status = text_of(values.get("status"), "status").lower()
    if status == "success":
        return (act.Finish("success"),)
    if status in ("fail", "failure"):
        return (act.Finish("failure"),)
    raise Unreadable("status is neither success nor failure")


def _long_press(turn: Turn, call: Call) -> Actions:
    values = bind(call, "x", "y", "duration")
    if values.get("duration") is not None:
        seconds_of(values["duration"])
    return (act.LongPress(given_place_of(values, turn.read)),)


def _swipe(turn: Turn, call: Call) -> Actions:
    return (act.Swipe(*ends_of(bind(call, "from_coord", "to_coord"), turn.read)),)


def _open(_: Turn, call: Call) -> Actions:
    return (act.OpenApp(name_of_application(bind(call, "app_name").get("app_name"))),)


def _select(turn: Turn, call: Call) -> Actions:
    values = bind(call, "x", "y", "value")
    return (act.Select(text_of(values.get("value"), "value"), place_of(values, turn.read)),)


def _always(action: act.Action) -> Callable[[Turn, Call], Actions]:
    def read(_: Turn, call: Call) -> Actions:
        bind(call)
        return (action,)

    return read


READERS: Mapping[str, Callable[[Turn, Call], Actions]] = {
    **{f"pyautogui.{name}": _click for name in _CLICKS},
    "pyautogui.moveTo": _move,
    "pyautogui.dragTo": _drag,
    **{f"pyautogui.{name}": _scroll for name in ("scroll", "vscroll", "hscroll")},
    **{f"pyautogui.{name}": _write for name in ("write", "typewrite")},
    "pyautogui.press": _press,
    **{f"pyautogui.{name}": _hotkey for name in ("hotkey", "shortcut")},
    "mobile.home": _always(act.Home()),
    "mobile.back": _always(act.Back()),
    "mobile.recent": _always(act.PressKeys(("AppSwitch",))),
    "mobile.menu": _always(act.PressKeys(("ContextMenu",))),
    "mobile.enter": _always(act.PressKeys(("Enter",))),
    "mobile.long_press": _long_press,
    "mobile.swipe": _swipe,
    "mobile.open_app": _open,
    **dict.fromkeys(("mobile.wait", "computer.wait", "time.sleep", "pyautogui.sleep"), _wait),
    **dict.fromkeys(("terminate", "mobile.terminate", "computer.terminate"), _terminate),
    **dict.fromkeys(("answer", "response", "mobile.answer", "computer.answer"), _answer),
    "browser.select_option": _select,
}
"""Every call that is read, by its dotted name."""
