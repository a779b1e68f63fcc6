"""SeeClick's numbered actions: `{"action_type": 4, "click_point": (0.25,0.42)}`.

A point is a tuple without a blank, two decimals, first rounded to three and then to two as SeeClick
does. Its own data writes typed text without escaping it; here quotes and backslashes are escaped, and
both are read. Answers in Qwen-VL's form, `<box>(x1,y1),(x2,y2)</box>` in thousandths, are clicks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from screensmith.core import actions as act
from screensmith.core.actions import Action
from screensmith.core.geometry import Box, Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._coordinates import CoordinateFrame, HasPlaces, frame
from screensmith.dialects._literals import read_literal, unfenced, whole_characters
from screensmith.plugins import suggest

__all__ = ["SeeClickDialect", "dialect"]

SpaceName = Literal["aitw", "mind2web", "miniwob"]
SELECT, TYPE, CLICK, BACK, HOME, ENTER, COMPLETE, IMPOSSIBLE = 2, 3, 4, 5, 6, 7, 10, 11
SCROLLS: Mapping[act.Direction, int] = {"down": 0, "up": 1, "left": 8, "right": 9}
DIRECTIONS: Mapping[int, act.Direction] = {number: direction for direction, number in SCROLLS.items()}
MEANINGS: Mapping[int, str] = {
    0: "scroll down",
    1: "scroll up",
    SELECT: "select the option that value names in the list at click_point",
    TYPE: "type",
    CLICK: "click at click_point",
    BACK: "press the back button",
    HOME: "press the home button",
    ENTER: "press the Enter key",
    8: "scroll left",
    9: "scroll right",
    COMPLETE: "say that the task is done",
    IMPOSSIBLE: "say that the task cannot be done",
}
OFFERED: Mapping[SpaceName, tuple[int, ...]] = {
    "aitw": (0, 1, TYPE, CLICK, BACK, HOME, ENTER, 8, 9, COMPLETE, IMPOSSIBLE),
    "mind2web": (SELECT, TYPE, CLICK),
    "miniwob": (TYPE, CLICK),
}
POINT = r"\(\s*([0-9.]+)\s*,\s*([0-9.]+)\s*\)"
QWEN_BOX = re.compile(rf"(?:<ref>[^<]*</ref>)?<box>\s*{POINT}(?:\s*,\s*{POINT})?\s*</box>")
# Typed text is all that stands between the outermost quotes, whether quotes in it are escaped or not.
RAW_TEXT = re.compile(
    rf'\{{"action_type": ([23]), (?:"click_point": {POINT}, )?"(typed_text|value)": "(.*)"\}}', re.DOTALL
)
THOUSANDTHS = frame("thousand")


@dataclass(frozen=True, slots=True)
class SeeClickDialect(HasPlaces):
    """See `dialect`."""

    space: SpaceName
    places: CoordinateFrame

    @property
    def action_names(self) -> tuple[str, ...]:
        """The numbers of the actions, as text."""
        return tuple(str(number) for number in OFFERED[self.space])

    def describe(self) -> str:
        """The numbered actions, and how an answer is written."""
        typed = "value at click_point" if self.space == "mind2web" else "typed_text"
        lines = [
            f"{number}: {MEANINGS[number]}{f' {typed}' if number == TYPE else ''}."
            for number in OFFERED[self.space]
        ]
        return "\n".join(
            [
                *lines,
                'Answer with a dictionary that has "action_type", one of these numbers, and the keys named '
                "beside it, and nothing else. A click_point is (x,y) in fractions of the screenshot's "
                "width and height, from 0 to 1.",
            ]
        )

    def render(self, actions: tuple[Action, ...], size: Size) -> str:
        """The one dictionary of a step."""
        if len(actions) != 1:
            raise Unsupported("no word for more than one action in a step")
        (action,) = actions
        writer = _WRITERS.get(type(action))
        if writer is None:
            raise Unsupported(f"no word for {act.kind_of(action)}")
        number, fields = writer(self, action, size)
        if number not in OFFERED[self.space]:
            raise Unsupported(f"no word for {act.kind_of(action)} in {self.space}")
        entries = "".join(f', "{key}": {value}' for key, value in fields.items())
        return f'{{"action_type": {number}{entries}}}'

    def parse(self, text: str, size: Size) -> tuple[Action, ...]:
        """The action of a dictionary, or a click in the middle of Qwen-VL's box."""
        bare = unfenced(text)
        box = QWEN_BOX.fullmatch(bare)
        if box:
            left, top, right, bottom = box.groups()
            first = THOUSANDTHS.read(left, top, size)
            second = first if right is None else THOUSANDTHS.read(right, bottom, size)
            return (act.Click(Point((first.x + second.x) / 2, (first.y + second.y) / 2)),)
        return (self._action(_record(bare), size),)

    def write_point(self, point: Point, size: Size) -> str:  # noqa: ARG002
        """`(x,y)`."""
        return f"({_hundredths(point.x)},{_hundredths(point.y)})"

    def write_box(self, box: Box, size: Size) -> str:  # noqa: ARG002
        """`(left,top,right,bottom)`."""
        return f"({','.join(_hundredths(edge) for edge in (box.left, box.top, box.right, box.bottom))})"

    def write_typing(self, action: act.TypeText, size: Size) -> tuple[int, dict[str, str]]:
        """Text to type: Mind2Web says where, the others only what."""
        text = json.dumps(action.text, ensure_ascii=False)
        if self.space == "mind2web":
            return TYPE, {**self.write_place(action.at, size), "value": text}
        if action.at is not None:
            raise Unsupported(f"no word for typing at a place in {self.space}")
        return TYPE, {"typed_text": text}

    def write_place(self, at: Point | None, size: Size) -> dict[str, str]:
        """The entry of a place, none where it is unknown."""
        return {} if at is None else {"click_point": self.write_point(at, size)}

    def _action(self, record: Mapping[Any, Any], size: Size) -> Action:
        number = record.get("action_type")
        if isinstance(number, bool) or not isinstance(number, int):
            raise Unreadable("action_type is not a number")
        if number not in OFFERED[self.space]:
            raise Unreadable(f"unknown action_type {str(number)[:10]}")
        if number in DIRECTIONS:
            return act.Scroll(DIRECTIONS[number])
        if number in _BARE:
            return _BARE[number]
        if number == CLICK:
            return act.Click(self._point(record.get("click_point"), size))
        return self._with_text(number, record, size)

    def _with_text(self, number: int, record: Mapping[Any, Any], size: Size) -> Action:
        key = "value" if self.space == "mind2web" else "typed_text"
        text = record.get(key)
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise Unreadable(f"{key} is not text")
        where = record.get("click_point") if self.space == "mind2web" else None
        at = None if where is None else self._point(where, size)
        return act.Select(str(text), at) if number == SELECT else act.TypeText(str(text), at)

    def _point(self, value: Any, size: Size) -> Point:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise Unreadable("click_point is not (x,y)")
        return self.places.read(value[0], value[1], size)


def dialect(*, space: SpaceName = "aitw") -> SeeClickDialect:
    """The dialect of one data set.

    Args:
        space: which numbers there are and what they need: "aitw", "mind2web" or "miniwob".

    Raises:
        screensmith.plugins.UnknownName: there is no such space.
    """
    if space not in OFFERED:
        raise suggest("action space", space, list(OFFERED))
    return SeeClickDialect(space, frame("fraction", decimals=2))


def _hundredths(value: float) -> str:
    return f"{round(value, 3):.2f}"


def _record(text: str) -> Mapping[Any, Any]:
    raw = RAW_TEXT.fullmatch(text)
    if raw is not None:
        number, x, y, key, said = raw.groups()
        point = None if x is None else (x, y)
        return {"action_type": int(number), key: _unescaped(said), "click_point": point}
    value = read_literal(text)
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise Unreadable("not an action dictionary")
    return value


def _unescaped(text: str) -> str:
    """Text as we write it, with escapes; as SeeClick's data has it, where that is not how it is meant."""
    try:
        value = json.loads(f'"{text}"')
    except ValueError:
        return text
    return str(whole_characters(value, text))


def _click(said: SeeClickDialect, action: act.Click, size: Size) -> tuple[int, dict[str, str]]:
    if action.button != "left" or action.count != 1:
        raise Unsupported("no word for another click than one with the left button")
    return CLICK, said.write_place(action.at, size)


def _select(said: SeeClickDialect, action: act.Select, size: Size) -> tuple[int, dict[str, str]]:
    option = json.dumps(action.option, ensure_ascii=False)
    return SELECT, {**said.write_place(action.at, size), "value": option}


def _scroll(_: SeeClickDialect, action: act.Scroll, size: Size) -> tuple[int, dict[str, str]]:  # noqa: ARG001
    # How far a scroll goes is never said; where it happens would be lost as well.
    if action.at is not None:
        raise Unsupported("no word for a scroll at a place")
    return SCROLLS[action.direction], {}


def _keys(_: SeeClickDialect, action: act.PressKeys, size: Size) -> tuple[int, dict[str, str]]:  # noqa: ARG001
    if action.keys != ("Enter",):
        raise Unsupported("no word for other keys than Enter")
    return ENTER, {}


_BARE: Mapping[int, Action] = {
    BACK: act.Back(),
    HOME: act.Home(),
    ENTER: act.PressKeys(("Enter",)),
    COMPLETE: act.Finish("success"),
    IMPOSSIBLE: act.Finish("failure"),
}
_WRITERS: Mapping[type, Callable[[SeeClickDialect, Any, Size], tuple[int, dict[str, str]]]] = {
    act.Click: _click,
    act.TypeText: SeeClickDialect.write_typing,
    act.Select: _select,
    act.Scroll: _scroll,
    act.PressKeys: _keys,
    act.Back: lambda _d, _a, _s: (BACK, {}),
    act.Home: lambda _d, _a, _s: (HOME, {}),
    act.Finish: lambda _d, a, _s: (COMPLETE if a.status == "success" else IMPOSSIBLE, {}),
}
