"""ShowUI's actions: `{'action': 'CLICK', 'value': None, 'position': [0.25, 0.42]}`, and bare places.

Answers are Python literals, as ShowUI's data sets and checkpoints write them; several actions of one
step are joined by commas. In the space "grounding" an answer is one place: `[0.65, 0.37]`. JSON, other
spaces' names for the same action, and a Markdown fence around the answer are read as well; any other
text around it makes an answer unreadable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from screensmith.core.actions import Action, Click
from screensmith.core.geometry import Box, Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._coordinates import CoordinateFrame, HasPlaces, frame
from screensmith.dialects._literals import read_literal, unfenced
from screensmith.dialects._showui_records import (
    SPACES,
    Space,
    SpaceName,
    fields_of,
    read_action,
)
from screensmith.plugins import suggest

__all__ = ["ShowuiDialect", "dialect"]

Rounding = Literal["nearest", "down"]
NOISE = 1e-9  # of a unit: 0.29 * 100 is 28.999999999999996
PLACES = {
    "fraction": "in fractions of the screenshot's width and height, from 0 to 1",
    "thousand": "in whole numbers from 0 to 1000 across and down the screenshot",
}


@dataclass(frozen=True, slots=True)
class ShowuiDialect(HasPlaces):
    """See `dialect`."""

    space: SpaceName
    places: CoordinateFrame
    rounding: Rounding
    action_names: tuple[str, ...]

    def describe(self) -> str:
        """The numbered actions, and how an answer is written."""
        meanings = self._space.meanings
        lines = [f"{number}. {name}: {meanings[name]}." for number, name in enumerate(self.action_names, 1)]
        return "\n".join([*lines, self._format()])

    def render(self, actions: tuple[Action, ...], size: Size) -> str:
        """The dictionaries joined by commas, or the one place of a grounding answer."""
        fields = [fields_of(action, self._space) for action in actions]
        if self.space == "grounding":
            if len(fields) != 1:
                raise Unsupported("no word for more than one place")
            return self.write_point(fields[0][2][0], size)
        return ",".join(
            f"{{'action': {name!r}, 'value': {value!r}, 'position': {self._position(points, size)}}}"
            for name, value, points in fields
        )

    def parse(self, text: str, size: Size) -> tuple[Action, ...]:
        """The actions of a literal; a box answered where a place is asked for stands for its middle."""
        value = read_literal(unfenced(text))
        if self.space == "grounding":
            return (Click(self._place(value, size)),)
        records = value if isinstance(value, list | tuple) else [value]
        if not records:
            raise Unreadable("no action")
        if not all(isinstance(record, Mapping) for record in records):
            raise Unreadable("not an action dictionary")
        return tuple(
            read_action(record, self._space, lambda pair: self._point(pair, size)) for record in records
        )

    def write_point(self, point: Point, size: Size) -> str:
        """`[x, y]`."""
        return f"[{', '.join(self._numbers(point, size))}]"

    def write_box(self, box: Box, size: Size) -> str:
        """`[left, top, right, bottom]`."""
        corners = Point(box.left, box.top), Point(box.right, box.bottom)
        return f"[{', '.join(number for corner in corners for number in self._numbers(corner, size))}]"

    @property
    def _space(self) -> Space:
        return SPACES[self.space]

    def _format(self) -> str:
        unit = PLACES[self.places.name]
        if self.space == "grounding":
            return f"Answer with [x, y] {unit}, and nothing else."
        two = {"SELECT_TEXT", "SWIPE"}.intersection(self.action_names)
        pair = ", or [[x1, y1], [x2, y2]] for two places" if two else ""
        several = " Several actions in one step are joined by commas." if self._space.several else ""
        return (
            "Answer with a Python dictionary with the keys 'action', 'value' and 'position', and nothing "
            f"else; write None where a key does not apply. A position is [x, y]{pair}, {unit}.{several}"
        )

    def _position(self, points: tuple[Point, ...], size: Size) -> str:
        written = [self.write_point(point, size) for point in points]
        if not written:
            return "None"
        return written[0] if len(written) == 1 else f"[{', '.join(written)}]"

    def _numbers(self, point: Point, size: Size) -> tuple[str, str]:
        if self.rounding == "down":
            across, down = self.places.quantum(size)
            point = Point(_down_to(point.x, across), _down_to(point.y, down))
        return self.places.write(point, size)

    def _point(self, value: Any, size: Size) -> Point:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise Unreadable("position is not [x, y]")
        return self.places.read(value[0], value[1], size)

    def _place(self, value: Any, size: Size) -> Point:
        if isinstance(value, list | tuple) and len(value) == 4:
            first, second = self._point(value[:2], size), self._point(value[2:], size)
            return Point((first.x + second.x) / 2, (first.y + second.y) / 2)
        return self._point(value, size)


def dialect(
    *,
    space: SpaceName = "web",
    decimals: int = 2,
    thousandths: bool = False,
    rounding: Rounding = "nearest",
    names: tuple[str, ...] | None = None,
) -> ShowuiDialect:
    """The dialect with its options.

    Args:
        space: which actions there are: "web" (GUIAct), "phone" (GUIAct's smartphone part), "aitw",
            "mind2web", "miniwob", or "grounding" for answers that are one bare place.
        decimals: digits after the point of a coordinate, 1 to 6.
        thousandths: whole numbers from 0 to 1000 instead of fractions.
        rounding: to the "nearest" number that can be written, or "down", as ShowUI's own code makes
            its thousandths; down moves places up and left by half a unit on average.
        names: the actions to describe instead of all of the space's.

    Raises:
        ValueError: an option has no meaning.
    """
    if space not in SPACES:
        raise suggest("action space", space, list(SPACES))
    if rounding not in get_args(Rounding):
        raise ValueError(f"rounding must be nearest or down, got {rounding!r}")
    offered = tuple(SPACES[space].meanings)
    chosen = tuple(names) if names else offered
    unknown = [name for name in chosen if name not in offered]
    if unknown:
        raise ValueError(f"the space {space} has no action {unknown[0]!r}; it has {', '.join(offered)}")
    places = frame("thousand") if thousandths else frame("fraction", decimals=decimals)
    return ShowuiDialect(space, places, rounding, chosen)


def _down_to(value: float, unit: float) -> float:
    return min(1.0, math.floor(value / unit + NOISE) * unit)
