"""Points and boxes as fractions of the original screenshot; pixels exist only at the borders."""

from __future__ import annotations

import math
from dataclasses import dataclass

PIXEL_NOISE = 1e-9  # pixels: what float arithmetic may take from a whole number, 29 / 100 * 100 < 29


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of one image, in pixels; both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a size must be at least 1x1 pixels, got {self.width}x{self.height}")


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the screen: x from the left, y from the top, both fractions from 0 to 1."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.x <= 1.0 and 0.0 <= self.y <= 1.0):
            raise ValueError(f"a point must lie on the screen (0 to 1), got ({self.x}, {self.y})")

    def distance(self, other: Point) -> float:
        """Euclidean distance in fractions, without correcting for the screen's shape."""
        return math.hypot(self.x - other.x, self.y - other.y)

    def to_pixels(self, size: Size) -> tuple[int, int]:
        """The pixel (column, row) this point falls in; the far edges belong to the last pixel.

        So `Point(column / width, row / height)` falls in (column, row), for every whole number.
        """
        column = min(int(self.x * size.width + PIXEL_NOISE), size.width - 1)
        row = min(int(self.y * size.height + PIXEL_NOISE), size.height - 1)
        return column, row


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in fractions of the screen: left <= right, top <= bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.left <= self.right <= 1.0 and 0.0 <= self.top <= self.bottom <= 1.0):
            raise ValueError(
                "a box must lie on the screen with left <= right and top <= bottom, "
                f"got ({self.left}, {self.top}, {self.right}, {self.bottom})"
            )

    @property
    def width(self) -> float:
        """From the left to the right edge, as a fraction of the screen's width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From the top to the bottom edge, as a fraction of the screen's height."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def contains(self, point: Point) -> bool:
        """Whether the point lies in the box, all four edges included."""
        return self.left <= point.x <= self.right and self.top <= point.y <= self.bottom
