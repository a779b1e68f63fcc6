"""The coordinate frames that models write places in, and what one unit of each is worth.

A model must be asked in the frame it was trained with: fractions (ShowUI, SmolVLM, the Neko agent),
whole numbers from 0 to 1000 (Qwen2-VL, Qwen3-VL), or pixels of the image after resizing (Qwen2.5-VL).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable
from screensmith.plugins import suggest

FrameName = Literal["fraction", "thousand", "seen_pixels"]
MOST_DECIMALS = 6
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class CoordinateFrame:
    """One way of writing a place as two numbers; see `frame`. `decimals` is 0 for whole numbers.

    `seen` is always the size of the image as the model sees it, in pixels.
    """

    name: FrameName
    decimals: int

    def quantum(self, seen: Size) -> tuple[float, float]:
        """One unit of the last written digit, as fractions of the image's width and height."""
        across, down = self._full(seen)
        return 1 / (across * 10**self.decimals), 1 / (down * 10**self.decimals)

    def numbers(self, point: Point, seen: Size) -> tuple[float, float]:
        """The nearest numbers the frame can say: whole ones (int), or fractions rounded to `decimals`."""
        across, down = self._full(seen)
        if self.decimals:
            return round(point.x, self.decimals), round(point.y, self.decimals)
        return round(point.x * across), round(point.y * down)

    def write(self, point: Point, seen: Size) -> tuple[str, str]:
        """The numbers as text: "420", "0.5" or "0.00001", never with an exponent."""
        x, y = (self._text(number) for number in self.numbers(point, seen))
        return x, y

    def read(self, x: object, y: object, seen: Size) -> Point:
        """The point that two numbers, or their text, stand for.

        Raises:
            Unreadable: one is no number, is broken where the frame has whole ones, or lies off the image.
        """
        across, down = self._full(seen)
        try:
            return Point(self._value(x) / across, self._value(y) / down)
        except ValueError as error:
            reason = str(error) if isinstance(error, Unreadable) else "position off the screen"
            raise Unreadable(reason) from error

    def _full(self, seen: Size) -> tuple[int, int]:
        """What the image's right and bottom edges are called."""
        if self.name == "seen_pixels":
            return seen.width, seen.height
        return (1000, 1000) if self.name == "thousand" else (1, 1)

    def _text(self, number: float) -> str:
        if not self.decimals:
            return str(number)
        whole, _, digits = f"{number:.{self.decimals}f}".partition(".")
        return f"{whole}.{digits.rstrip('0') or '0'}"

    def _value(self, number: object) -> float:
        if isinstance(number, bool) or not isinstance(number, int | float | str):
            raise Unreadable("position is not a number")
        if isinstance(number, str) and not NUMBER.fullmatch(number):
            raise Unreadable("position is not a number")
        try:
            value = float(number)
        except OverflowError as error:
            raise Unreadable("position is not a number") from error
        if not math.isfinite(value):
            raise Unreadable("position is not a number")
        # 0.42 where 420 is meant must not become the corner.
        if not self.decimals and not value.is_integer():
            raise Unreadable("position is not a whole number")
        return value


class HasPlaces:
    """A dialect that writes places in one frame."""

    __slots__ = ()
    places: CoordinateFrame

    @property
    def coordinate_frame(self) -> str:
        """The frame's name."""
        return self.places.name

    def quantum(self, size: Size) -> tuple[float, float]:
        """One unit of the last digit, in fractions of the image's width and height."""
        return self.places.quantum(size)


def frame(name: str, *, decimals: int = 3) -> CoordinateFrame:
    """The coordinate frame of that name.

    Args:
        name: "fraction" (0 to 1), "thousand" (0 to 1000) or "seen_pixels" (0 to the width or height
            of the image the model sees, both included).
        decimals: digits after the point of a fraction, 1 to 6; the others write whole numbers.

    Raises:
        screensmith.plugins.UnknownName: there is no such frame.
        ValueError: `decimals` is out of range.
    """
    for known in get_args(FrameName):
        if name == known:
            if not 1 <= decimals <= MOST_DECIMALS:
                raise ValueError(f"decimals must be 1 to {MOST_DECIMALS}, got {decimals}")
            return CoordinateFrame(known, decimals if known == "fraction" else 0)
    raise suggest("coordinate frame", name, list(get_args(FrameName)))
