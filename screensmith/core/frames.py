"""The way of a point from the original screenshot through crops and resizes to the model, and back.

Whatever the steps were, the last image of a chain shows one window of the original at one size, so
carrying a point is one subtraction and one division a side. Resizing moves no point: it keeps fractions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from screensmith.core.geometry import PIXEL_NOISE, Box, Point, Size
from screensmith.core.refusals import Refused

NOISE = 1e-10  # of a frame's side: a point this near outside lies on the edge but for its last digits


@dataclass(frozen=True, slots=True)
class Crop:
    """Keep a window, in fractions of the image before; its edges are rounded to whole pixels."""

    window: Box

    def pixels(self, size: Size) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what is kept of an image of `size`; the last two exclusive.

        Raises:
            Refused: not one pixel is kept.
        """
        left, right = round(self.window.left * size.width), round(self.window.right * size.width)
        top, bottom = round(self.window.top * size.height), round(self.window.bottom * size.height)
        if left == right or top == bottom:
            raise Refused("window holds no pixel", f"{self.window} of {size.width}x{size.height} pixels")
        return left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Resize:
    """Show the same at another size, in pixels; both sides may change by different factors."""

    size: Size


@dataclass(frozen=True, slots=True)
class Chain:
    """What was done to a screenshot, in order, before a model sees it.

    Points and boxes of the last image are fractions of it; those of the screenshot are fractions of
    `original`. Derived from the steps: `shown` is the part of the original that the last image shows,
    `size` its size in pixels.

    Raises:
        Refused: a crop keeps no pixel.
    """

    original: Size
    steps: tuple[Crop | Resize, ...] = ()
    shown: Box = field(init=False, compare=False)
    size: Size = field(init=False, compare=False)

    def __post_init__(self) -> None:
        shown, size = Box(0.0, 0.0, 1.0, 1.0), self.original
        for step in self.steps:
            if isinstance(step, Crop):
                left, top, right, bottom = step.pixels(size)
                part = Box(left / size.width, top / size.height, right / size.width, bottom / size.height)
                shown, size = _inside(shown, part), Size(right - left, bottom - top)
            else:
                size = step.size
        object.__setattr__(self, "shown", shown)
        object.__setattr__(self, "size", size)

    def then(self, *steps: Crop | Resize) -> Chain:
        """The chain with further steps applied to its last image."""
        return Chain(self.original, (*self.steps, *steps))

    def forward(self, point: Point) -> Point | None:
        """A point of the original on the last image; None when a crop cut it away, edges are kept."""
        box = self.forward_box(Box(point.x, point.y, point.x, point.y))
        return None if box is None else Point(box.left, box.top)

    def back(self, point: Point) -> Point:
        """A point of the last image on the original."""
        box = self.back_box(Box(point.x, point.y, point.x, point.y))
        return Point(box.left, box.top)

    def forward_box(self, box: Box) -> Box | None:
        """A box of the original on the last image, cut at its edges; None when no area is left.

        A box without area (a point, a line) is kept where the point is.
        """
        across = _visible(box.left, box.right, self.shown.left, self.shown.right)
        down = _visible(box.top, box.bottom, self.shown.top, self.shown.bottom)
        if across is None or down is None:
            return None
        return Box(across[0], down[0], across[1], down[1])

    def back_box(self, box: Box) -> Box:
        """A box of the last image on the original."""
        return _inside(self.shown, box)

    def screen_pixel(self, point: Point) -> tuple[int, int]:
        """The pixel (column, row) of the original under a point of the last image.

        Always one that the last image shows: at its far edges the last such pixel, not the next.
        """
        column, row = self.back(point).to_pixels(self.original)
        last_column = math.ceil(self.shown.right * self.original.width - PIXEL_NOISE) - 1
        last_row = math.ceil(self.shown.bottom * self.original.height - PIXEL_NOISE) - 1
        return min(column, last_column), min(row, last_row)


def _inside(outer: Box, part: Box) -> Box:
    """A part given in fractions of `outer`, in the fractions that `outer` is given in."""
    return Box(
        min(outer.left + part.left * outer.width, outer.right),
        min(outer.top + part.top * outer.height, outer.bottom),
        min(outer.left + part.right * outer.width, outer.right),
        min(outer.top + part.bottom * outer.height, outer.bottom),
    )


def _visible(low: float, high: float, start: float, end: float) -> tuple[float, float] | None:
    """The part of low..high between start and end, in fractions of start..end; None when there is none."""
    low, high = (low - start) / (end - start), (high - start) / (end - start)
    kept_low, kept_high = max(0.0, min(low, 1.0)), max(0.0, min(high, 1.0))
    if high < -NOISE or low > 1 + NOISE:
        return None
    if high - low > NOISE >= kept_high - kept_low:  # it had an extent and only touches the edge
        return None
    return kept_low, kept_high
