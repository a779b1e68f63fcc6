"""The unified API of the forge: `click(x=0.91, y=0.05)`, one vocabulary for computers and phones.

Calls are read wherever a model puts them (see _answers.py), with named or positional arguments, and
written on one line with blanks between them: x, y, from_coord, to_coord, keys, seconds, direction and
amount by name, all else by position. `amount` is in hundredths of a screen. Nothing is ever executed.

`final_answer` ends the task both with an answer and with a state. 'success', 'failure' and 'fail' are
states; so an answer of exactly one of these words is Unsupported. A scroll at a place is a `move_mouse`
and the `scroll` right after it; so a scroll that knows no place is Unsupported right after a Hover.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, get_args

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._answers import find_calls, split
from screensmith.dialects._arguments import (
    PLAIN_NUMBER,
    ReadPlace,
    ends_of,
    given_place_of,
    name_of_application,
    number_of,
    seconds_of,
    text_of,
)
from screensmith.dialects._call_dialect import CallDialect, bare, described
from screensmith.dialects._calls import Call, bind, quoted
from screensmith.dialects._coordinates import FrameName
from screensmith.dialects._coordinates import frame as frame_of
from screensmith.dialects._keys import key_of, name_of

HUNDREDTHS = 100
FLOAT_NOISE = 1e-9
LARGEST_AMOUNT = 1_000_000
MEANINGS: Mapping[str, str] = {
    "click(x, y)": "click or tap",
    "double_click(x, y)": "click twice",
    "right_click(x, y)": "click with the right button",
    "long_press(x, y)": "touch and hold",
    "move_mouse(x, y)": "move the pointer",
    "drag(from_coord, to_coord)": "press at one [x, y], move to the other, release",
    "swipe(from_coord, to_coord)": "move a finger from one [x, y] to the other",
    "type(text)": "type the text",
    "press(keys)": "press a key, or the keys in a list together",
    "scroll(direction, amount)": "scroll 'up', 'down', 'left' or 'right' by hundredths of the screen",
    "wait(seconds)": "wait",
    "open_app(app_name)": "open an application",
    "navigate_back()": "go back",
    "navigate_home()": "go to the home screen",
    "final_answer(answer)": "end the task with an answer, or with 'success' or 'failure'",
}
NAMES = frozenset(map(bare, MEANINGS))
_CLICKS: Mapping[tuple[act.Button, int], str] = {
    ("left", 1): "click",
    ("left", 2): "double_click",
    ("right", 1): "right_click",
}
_STATES: Mapping[str, act.Status] = {"success": "success", "failure": "failure", "fail": "failure"}
# The call that most records are; what it matches is read the same by `ast`, only slower.
_CLICK = re.compile(rf"\s*click\(x=({PLAIN_NUMBER}), ?y=({PLAIN_NUMBER})\)\s*", re.ASCII)


def dialect(
    *,
    frame: FrameName = "fraction",
    decimals: int = 4,
    scroll_tolerance: float = 0.0,
    names: tuple[str, ...] = (),
) -> Forge:
    """The dialect with its options.

    Args:
        frame: how places are written: "fraction", "thousand" or "seen_pixels".
        decimals: digits after the point of a fraction, 1 to 6.
        scroll_tolerance: how many screenfuls a scroll may be from the whole number of hundredths that is
            written for it, beside one unit of the last digit; with 0.005 every scroll can be written.
        names: the calls to describe instead of all, such as "click"; all are read and written.

    Raises:
        screensmith.plugins.UnknownName: there is no such frame.
        ValueError: an option has no meaning.
    """
    if not 0 <= scroll_tolerance < 1:
        raise ValueError(f"scroll_tolerance must be 0 or more and less than 1, got {scroll_tolerance}")
    return Forge(frame_of(frame, decimals=decimals), described(names, MEANINGS), scroll_tolerance)


def calls_of(text: str) -> tuple[Call, ...]:
    """The calls in an answer or a record, as names and values.

    Raises:
        screensmith.dialects.Unreadable: there are none, or it is not clear which.
    """
    return find_calls(text, NAMES).calls


def split_answer(text: str) -> tuple[str, str]:
    """The thought in an answer, without labels and tags, and its code as written; "" for none."""
    return split(text, NAMES)


@dataclass(frozen=True, slots=True)
class Forge(CallDialect):
    """See `dialect`."""

    scroll_tolerance: float

    meanings: ClassVar[Mapping[str, str]] = MEANINGS
    how_to_answer: ClassVar[str] = "Answer with calls of these functions."
    between: ClassVar[str] = " "

    def parse(self, text: str, size: Size) -> tuple[act.Action, ...]:
        """The actions of an answer's calls."""
        plain = _CLICK.fullmatch(text)
        if plain:
            return (act.Click(self.places.read(plain[1], plain[2], size)),)
        turn = _Turn(lambda x, y: self.places.read(x, y, size))
        for call in calls_of(text):
            turn.actions.append(_READERS[call.name](turn, call))
        return tuple(turn.actions)

    def _at(self, name: str, point: Point, size: Size) -> str:
        x, y = self.places.write(point, size)
        return f"{name}(x={x}, y={y})"

    def _click(self, action: act.Click, size: Size) -> str:
        name = _CLICKS.get((action.button, action.count))
        if name is None:
            raise Unsupported(f"no call for {action.count} clicks with the {action.button} button")
        return self._at(name, action.at, size)

    def _line(self, name: str, action: act.Drag | act.Swipe, size: Size) -> str:
        start, end = self.write_point(action.start, size), self.write_point(action.end, size)
        return f"{name}(from_coord={start}, to_coord={end})"

    def _scroll(self, action: act.Scroll, size: Size) -> str:
        move = "" if action.at is None else self._at("move_mouse", action.at, size) + " "
        if action.amount is None:
            return f"{move}scroll(direction='{action.direction}')"
        return f"{move}scroll(direction='{action.direction}', amount={self._amount(action.amount, size)})"

    def _amount(self, amount: float, size: Size) -> int:
        if not 0 < amount <= LARGEST_AMOUNT / HUNDREDTHS:
            raise Unsupported("no call for a scroll of such a length")
        hundredths = round(amount * HUNDREDTHS)
        tolerance = max(*self.quantum(size), self.scroll_tolerance + FLOAT_NOISE)
        if not hundredths or abs(hundredths / HUNDREDTHS - amount) > tolerance:
            raise Unsupported("a scroll that is no whole number of hundredths")
        return hundredths


@dataclass(slots=True)
class _Turn:
    read: ReadPlace
    actions: list[act.Action] = field(default_factory=list)


def _read_place(kind: Callable[[Point], act.Action]) -> Callable[[_Turn, Call], act.Action]:
    return lambda turn, call: kind(given_place_of(bind(call, "x", "y"), turn.read))


def _read_line(kind: type[act.Drag | act.Swipe]) -> Callable[[_Turn, Call], act.Action]:
    return lambda turn, call: kind(*ends_of(bind(call, "from_coord", "to_coord"), turn.read))


def _read_keys(_: _Turn, call: Call) -> act.Action:
    keys = bind(call, "keys/key").get("keys")
    names = keys if isinstance(keys, list) else [keys]
    if not names:
        raise Unreadable("key is missing")
    return act.PressKeys(tuple(key_of(name) for name in names))


def _read_scroll(turn: _Turn, call: Call) -> act.Action:
    values = bind(call, "direction", "amount")
    said = text_of(values.get("direction"), "direction").lower()
    direction = next((known for known in get_args(act.Direction) if known == said), None)
    if direction is None:
        raise Unreadable("direction is none of up, down, left, right")
    amount = None
    if values.get("amount") is not None:
        hundredths = number_of(values["amount"], "amount")
        if not hundredths.is_integer() or not 0 < hundredths <= LARGEST_AMOUNT:
            raise Unreadable("amount is not a whole number above 0")
        amount = hundredths / HUNDREDTHS
    before = turn.actions.pop() if turn.actions and isinstance(turn.actions[-1], act.Hover) else None
    return act.Scroll(direction, before.at if isinstance(before, act.Hover) else None, amount)


def _read_wait(_: _Turn, call: Call) -> act.Action:
    seconds = seconds_of(bind(call, "seconds").get("seconds"))
    if not seconds.is_integer():
        raise Unreadable("seconds is not a whole number")
    return act.Wait(seconds)


def _read_end(_: _Turn, call: Call) -> act.Action:
    text = text_of(bind(call, "answer").get("answer"), "answer")
    return act.Finish(_STATES[text]) if text in _STATES else act.Answer(text)


def _read_bare(action: act.Action) -> Callable[[_Turn, Call], act.Action]:
    def read(_: _Turn, call: Call) -> act.Action:
        bind(call)
        return action

    return read


def _typed(_: Forge, action: act.TypeText, __: Size) -> str:
    if action.at is not None:
        raise Unsupported("no call for typing at a place; click it first")
    return f"type({quoted(action.text)})"


def _pressed(_: Forge, action: act.PressKeys, __: Size) -> str:
    names = [quoted(name_of(key)) for key in action.keys]
    if not names:
        raise Unsupported("no call for pressing no key")
    return f"press(keys={names[0]})" if len(names) == 1 else f"press(keys=[{', '.join(names)}])"


def _waited(_: Forge, action: act.Wait, __: Size) -> str:
    seconds = float(action.seconds)
    if not math.isfinite(seconds) or seconds < 0 or not seconds.is_integer():
        raise Unsupported("no call for a time that is no whole number of seconds")
    return f"wait(seconds={int(seconds)})"


def _opened(_: Forge, action: act.OpenApp, __: Size) -> str:
    if not action.name:
        raise Unsupported("no call for an application without a name")
    return f"open_app({quoted(action.name)})"


def _answered(_: Forge, action: act.Answer, __: Size) -> str:
    if action.text in _STATES:
        raise Unsupported(f"an answer {action.text!r} would say how the task ended")
    return f"final_answer({quoted(action.text)})"


_READERS: Mapping[str, Callable[[_Turn, Call], act.Action]] = {
    "click": _read_place(act.Click),
    "double_click": _read_place(lambda at: act.Click(at, count=2)),
    "right_click": _read_place(lambda at: act.Click(at, "right")),
    "long_press": _read_place(act.LongPress),
    "move_mouse": _read_place(act.Hover),
    "drag": _read_line(act.Drag),
    "swipe": _read_line(act.Swipe),
    "type": lambda _, call: act.TypeText(text_of(bind(call, "text").get("text"), "text")),
    "press": _read_keys,
    "scroll": _read_scroll,
    "wait": _read_wait,
    "open_app": lambda _, call: act.OpenApp(name_of_application(bind(call, "app_name").get("app_name"))),
    "navigate_back": _read_bare(act.Back()),
    "navigate_home": _read_bare(act.Home()),
    "final_answer": _read_end,
}
Forge.writers = {
    act.Click: Forge._click,
    act.LongPress: lambda d, a, size: d._at("long_press", a.at, size),
    act.Hover: lambda d, a, size: d._at("move_mouse", a.at, size),
    act.Drag: lambda d, a, size: d._line("drag", a, size),
    act.Swipe: lambda d, a, size: d._line("swipe", a, size),
    act.TypeText: _typed,
    act.PressKeys: _pressed,
    act.Scroll: Forge._scroll,
    act.Wait: _waited,
    act.OpenApp: _opened,
    act.Back: lambda *_: "navigate_back()",
    act.Home: lambda *_: "navigate_home()",
    act.Answer: _answered,
    act.Finish: lambda _, a, __: f"final_answer('{a.status}')",
}
