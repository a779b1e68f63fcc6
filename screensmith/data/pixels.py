"""How a vision tower sees a screenshot: sizes, tiles and tokens, worked out without decoding pixels.

A tile is one picture that the tower reads. The Qwen towers read the whole screenshot as one tile of
its own size; SmolVLM reads it in squares of a fixed size and once more as a whole.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from typing import Literal, Protocol

from PIL import Image, UnidentifiedImageError

from screensmith.core.episode import Screenshot
from screensmith.core.frames import Crop
from screensmith.core.geometry import Size
from screensmith.core.refusals import Refused

LARGEST_ASPECT_RATIO = 200


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture for the tower: the screenshot resized to each size in turn, then cut.

    `left`, `top` and `size` are pixels after the last resize. `row` and `column` count from 1 where
    a screenshot is read in several pieces; both are 0 for a tile that shows all of it.
    """

    resizes: tuple[Size, ...]
    size: Size
    left: int = 0
    top: int = 0
    row: int = 0
    column: int = 0


class ImageGeometry(Protocol):
    """What the tower of one model does to an image of any size."""

    @property
    def patch_pixels(self) -> int:
        """Edge of a square patch, in pixels."""

    @property
    def merge(self) -> int:
        """Patches along each edge of one image token."""

    @property
    def patch_block(self) -> int:
        """Patches are ordered in blocks of this edge; 1 is row by row."""

    @property
    def spreads(self) -> bool:
        """Whether rotary positions spread over an image's rows and columns, as in Qwen2-VL."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Subtracted from colours in 0..1, by channel."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Divides colours after the mean is subtracted, by channel."""

    @property
    def resample(self) -> Literal["bicubic", "lanczos"]:
        """The filter that resizes images."""

    def seen(self, size: Size) -> Size:
        """The size the model sees for an image of `size`; its pixels are the frame `seen_pixels`.

        Raises:
            Refused: one side is more than 200 times the other.
        """

    def tiles(self, size: Size) -> tuple[Tile, ...]:
        """What the tower reads of an image of `size`, in the order of its tokens."""


@dataclass(frozen=True, slots=True)
class PatchGeometry:
    """The Qwen towers: one tile whose sides are multiples of patch times merge, within area limits."""

    patch_pixels: int
    merge: int
    min_pixels: int
    max_pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    spreads: bool = True
    resample: Literal["bicubic", "lanczos"] = "bicubic"

    @property
    def factor(self) -> int:
        """Both sides of an image that the model sees are multiples of this, in pixels."""
        return self.patch_pixels * self.merge

    @property
    def patch_block(self) -> int:
        """The patches of one token follow each other."""
        return self.merge

    def seen(self, size: Size) -> Size:
        """Multiples of `factor`, the area within the limits.

        Rounding is half to even and limits are rounded towards the inside, as in `smart_resize` of
        the Qwen2-VL image processor.

        Raises:
            Refused: one side is more than 200 times the other.
        """
        width, height = size.width, size.height
        refuse_slivers(size)
        seen_height = round(height / self.factor) * self.factor
        seen_width = round(width / self.factor) * self.factor
        if seen_height * seen_width > self.max_pixels:
            shrink = math.sqrt(height * width / self.max_pixels)
            seen_height = max(self.factor, math.floor(height / shrink / self.factor) * self.factor)
            seen_width = max(self.factor, math.floor(width / shrink / self.factor) * self.factor)
        elif seen_height * seen_width < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (height * width))
            seen_height = math.ceil(height * grow / self.factor) * self.factor
            seen_width = math.ceil(width * grow / self.factor) * self.factor
        return Size(seen_width, seen_height)

    def tiles(self, size: Size) -> tuple[Tile, ...]:
        """The whole image at the size that is seen."""
        seen = self.seen(size)
        return (Tile((seen,), seen),)


def refuse_slivers(size: Size) -> None:
    """Raise Refused where one side is more than 200 times the other, as the library does."""
    if max(size.width, size.height) > LARGEST_ASPECT_RATIO * min(size.width, size.height):
        raise Refused("image too narrow", f"{size.width}x{size.height} pixels")


def token_grid(tile: Tile, geometry: ImageGeometry) -> tuple[int, int]:
    """Rows and columns of the image tokens of one tile."""
    factor = geometry.patch_pixels * geometry.merge
    return tile.size.height // factor, tile.size.width // factor


def visual_tokens(size: Size, geometry: ImageGeometry) -> int:
    """Image tokens of a screenshot of `size`, without the marks around them."""
    grids = (token_grid(tile, geometry) for tile in geometry.tiles(size))
    return sum(rows * columns for rows, columns in grids)


def window_size(screenshot: Screenshot) -> Size:
    """The size in pixels of the part of the image that counts."""
    if screenshot.window is None:
        return screenshot.size
    left, top, right, bottom = Crop(screenshot.window).pixels(screenshot.size)
    return Size(right - left, bottom - top)


def decode(screenshot: Screenshot) -> Image.Image:
    """The screenshot's pixels (RGB), cut to its window.

    Raises:
        Refused: the bytes are not an image, are cut off, hold absurdly many pixels, or have another
            size than the screenshot was recorded with.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(screenshot.read_bytes())).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused("image too large", str(error)) from error
    except UnidentifiedImageError as error:  # its text holds a memory address, never twice the same
        raise Refused("unreadable image", "no format that is known") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise Refused("unreadable image", str(error)[:200]) from error
    recorded = screenshot.size
    if image.size != (recorded.width, recorded.height):  # its tokens were planned for that size
        found = f"{image.width}x{image.height} pixels instead of {recorded.width}x{recorded.height}"
        raise Refused("image of another size than recorded", found)
    if screenshot.window is None:
        return image
    return image.crop(Crop(screenshot.window).pixels(recorded))
