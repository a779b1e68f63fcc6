"""What Qwen's vision-language models answer of their own accord: marked boxes, JSON places, tool calls.

- "box": `<|box_start|>(x,y)<|box_end|>`, or two corners (Qwen2-VL, thousandths);
- "point": `[{"point_2d": [x, y]}]`, or `bbox_2d` with four numbers (Qwen2.5-VL: pixels of the image as
  it sees it; Qwen3-VL: thousandths);
- "computer_use", "mobile_use": `<tool_call>` blocks that call one of these functions.

Training text is never turned into control tokens, so `<|box_start|>` is learned as plain characters;
a model's own control tokens read the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from screensmith.core.actions import Action, Click
from screensmith.core.geometry import Box, Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._coordinates import CoordinateFrame, HasPlaces, frame
from screensmith.dialects._literals import read_literal, unfenced, whole_characters
from screensmith.dialects._qwen_calls import (
    COMPUTER_MEANINGS,
    MOBILE_MEANINGS,
    Arguments,
    Screen,
    computer_calls,
    mobile_calls,
    read_computer,
    read_mobile,
)
from screensmith.plugins import suggest

__all__ = ["QwenDialect", "dialect"]

Form = Literal["box", "point", "computer_use", "mobile_use"]
WholeFrame = Literal["thousand", "seen_pixels"]
POINT = r"\(\s*([0-9]+)\s*,\s*([0-9]+)\s*\)"
MARKED = re.compile(
    r"(?:<\|object_ref_start\|>[^<]*<\|object_ref_end\|>)?"
    rf"(?:<\|box_start\|>)?{POINT}(?:\s*,\s*{POINT})?(?:<\|box_end\|>)?"
)
CALL_START, CALL_END = "<tool_call>", "</tool_call>"
UNITS = {
    "thousand": "in whole numbers from 0 to 1000 across and down the screenshot",
    "seen_pixels": "in pixels of the screenshot",
}


@dataclass(frozen=True, slots=True)
class QwenDialect(HasPlaces):
    """See `dialect`."""

    form: Form
    places: CoordinateFrame

    @property
    def action_names(self) -> tuple[str, ...]:
        """The functions' actions; the forms for places know one."""
        return tuple(self._meanings)

    def describe(self) -> str:
        """The actions, and how an answer is written."""
        lines = [
            f"{number}. {name}: {does}." for number, (name, does) in enumerate(self._meanings.items(), 1)
        ]
        unit = UNITS[self.places.name]
        if self.form == "box":
            rule = f"Answer with <|box_start|>(x,y)<|box_end|> {unit}, and nothing else."
        elif self.form == "point":
            rule = f'Answer with [{{"point_2d": [x, y]}}] {unit}, and nothing else.'
        else:
            call = json.dumps({"name": self.form, "arguments": {"action": "..."}})
            rule = (
                f"Answer with {CALL_START}, one call such as {call} with the arguments that its action "
                f"names, and {CALL_END}. A coordinate is [x, y] {unit}."
            )
        return "\n".join([*lines, rule])

    def render(self, actions: tuple[Action, ...], size: Size) -> str:
        """One place, or a block for every call."""
        if self.form in ("computer_use", "mobile_use"):
            calls = computer_calls if self.form == "computer_use" else mobile_calls
            screen = self._screen(size)
            return "\n".join(self._block(call) for action in actions for call in calls(action, screen))
        click = actions[0] if len(actions) == 1 else None
        if not isinstance(click, Click) or click.button != "left" or click.count != 1:
            raise Unsupported("no word for anything but one click with the left button")
        return self.write_point(click.at, size)

    def parse(self, text: str, size: Size) -> tuple[Action, ...]:
        """The actions of tool calls, or a click at a place or in the middle of a box."""
        bare = unfenced(text)
        if self.form not in ("computer_use", "mobile_use"):
            return (Click(self._read_place(bare, size)),)
        read = read_computer if self.form == "computer_use" else read_mobile
        return tuple(read(self._calls(bare), self._screen(size)))

    def write_point(self, point: Point, size: Size) -> str:
        """The point as the form writes it; `[x, y]` beside tool calls."""
        return self._write(self.places.write(point, size), "point_2d")

    def write_box(self, box: Box, size: Size) -> str:
        """The box as the form writes it; `[left, top, right, bottom]` beside tool calls."""
        corners = Point(box.left, box.top), Point(box.right, box.bottom)
        return self._write([n for corner in corners for n in self.places.write(corner, size)], "bbox_2d")

    @property
    def _meanings(self) -> Mapping[str, str]:
        if self.form == "computer_use":
            return COMPUTER_MEANINGS
        return (
            MOBILE_MEANINGS
            if self.form == "mobile_use"
            else {"click": "click the place that you answer with"}
        )

    def _write(self, numbers: tuple[str, ...] | list[str], key: str) -> str:
        if self.form == "box":
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            return f"<|box_start|>{','.join(f'({x},{y})' for x, y in pairs)}<|box_end|>"
        plain = f"[{', '.join(numbers)}]"
        return f'[{{"{key}": {plain}}}]' if self.form == "point" else plain

    def _block(self, arguments: Arguments) -> str:
        call = json.dumps({"name": self.form, "arguments": arguments}, ensure_ascii=False)
        return f"{CALL_START}\n{call}\n{CALL_END}"

    def _screen(self, size: Size) -> Screen:
        height = size.height if self.places.name == "seen_pixels" else 1000
        return Screen(
            write=lambda point: list(self.places.numbers(point, size)),
            read=lambda pair: self.places.read(pair[0], pair[1], size),
            height=height,
        )

    def _calls(self, text: str) -> list[Mapping[str, Any]]:
        """The arguments of every call; a thought may stand before them, nothing between or after."""
        calls: list[Mapping[str, Any]] = []
        decoder = json.JSONDecoder()
        rest = text[text.find(CALL_START) :] if CALL_START in text else ""
        while rest:
            if not rest.startswith(CALL_START):
                raise Unreadable("text after a tool call")
            body = rest[len(CALL_START) :].lstrip()
            try:
                value, end = decoder.raw_decode(body)
            except (ValueError, RecursionError) as error:
                raise Unreadable("tool call is not JSON") from error
            rest = body[end:].lstrip()
            if not rest.startswith(CALL_END):
                raise Unreadable("tool call does not end")
            rest = rest[len(CALL_END) :].lstrip()
            calls.append(self._arguments(whole_characters(value, text)))
        if not calls:
            raise Unreadable("no tool call")
        return calls

    def _arguments(self, call: Any) -> Mapping[str, Any]:
        if not isinstance(call, Mapping) or call.get("name") != self.form:
            raise Unreadable(f"not a call of {self.form}")
        arguments = call.get("arguments")
        if not isinstance(arguments, Mapping):
            raise Unreadable("call without arguments")
        return arguments

    def _read_place(self, text: str, size: Size) -> Point:
        marked = MARKED.fullmatch(text)
        if marked:
            numbers: list[Any] = [number for number in marked.groups() if number is not None]
        else:
            numbers = _json_place(read_literal(text))
        points = [self.places.read(x, y, size) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        return Point(
            sum(point.x for point in points) / len(points), sum(point.y for point in points) / len(points)
        )


def dialect(*, form: Form = "computer_use", frame: WholeFrame = "thousand") -> QwenDialect:
    """The dialect with its options.

    Args:
        form: "box" (Qwen2-VL), "point" (Qwen2.5-VL, Qwen3-VL), "computer_use" or "mobile_use".
        frame: what places are counted in: "thousand" (Qwen2-VL, Qwen3-VL) or "seen_pixels"
            (Qwen2.5-VL).

    Raises:
        screensmith.plugins.UnknownName: there is no such form or frame.
    """
    if form not in get_args(Form):
        raise suggest("form", form, list(get_args(Form)))
    if frame not in get_args(WholeFrame):
        raise suggest("coordinate frame", frame, list(get_args(WholeFrame)))
    return QwenDialect(form, _places(frame))


def _places(name: str) -> CoordinateFrame:
    return frame(name)


def _json_place(value: Any) -> list[Any]:
    """Two or four numbers under their key, the one entry of a list or alone."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise Unreadable("not one place")
    numbers = value.get("point_2d", value.get("bbox_2d"))
    expected = 2 if "point_2d" in value else 4
    if not isinstance(numbers, list | tuple) or len(numbers) != expected:
        raise Unreadable("neither point_2d with two numbers nor bbox_2d with four")
    return list(numbers)
