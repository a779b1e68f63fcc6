"""From encoded screenshots to the patches a vision tower reads, exactly as the Qwen processors do.

Written here, in NumPy and Pillow, because the library's processors differ between versions (slow,
fast, renamed size keys that silently mean areas); tests hold this one equal to them.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.refusals import Refused

LARGEST_ASPECT_RATIO = 200
TEMPORAL_PATCH = 2  # a still image stands for two video frames


@dataclass(frozen=True, slots=True)
class PatchGeometry:
    """How a vision tower cuts an image: patch and merge sizes, area limits, normalisation."""

    patch_pixels: int
    merge: int
    min_pixels: int
    max_pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def factor(self) -> int:
        """Both sides of an image that the model sees are multiples of this, in pixels."""
        return self.patch_pixels * self.merge

    def seen(self, size: Size) -> Size:
        """The size the model sees for an image of `size`: multiples of `factor`, area in limits.

        Rounding is half to even and limits are rounded towards the inside, as in `smart_resize` of
        the Qwen2-VL image processor.

        Raises:
            Refused: one side is more than 200 times the other.
        """
        width, height = size.width, size.height
        if max(width, height) > LARGEST_ASPECT_RATIO * min(width, height):
            raise Refused("image too narrow", f"{width}x{height} pixels")
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

    def grid(self, size: Size) -> tuple[int, int, int]:
        """Patches of an image of `size` as (time, rows, columns)."""
        seen = self.seen(size)
        return 1, seen.height // self.patch_pixels, seen.width // self.patch_pixels

    def visual_tokens(self, size: Size) -> int:
        """Tokens an image of `size` takes in the text."""
        _, rows, columns = self.grid(size)
        return rows * columns // self.merge**2


def decode(screenshot: Screenshot) -> Image.Image:
    """The screenshot's pixels (RGB), cut to its window.

    Raises:
        Refused: the bytes are not an image, are cut off, or hold absurdly many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(screenshot.read_bytes())).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused("image too large", str(error)) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused("unreadable image", str(error)[:200]) from error
    if screenshot.window is None:
        return image
    window, (width, height) = screenshot.window, image.size
    return image.crop(
        (
            round(window.left * width),
            round(window.top * height),
            round(window.right * width),
            round(window.bottom * height),
        )
    )


def patches(image: Image.Image, geometry: PatchGeometry) -> NDArray[np.float32]:
    """The image as rows of normalised patches, in the order in which the tower merges them.

    Returns:
        Array of shape (rows * columns, 3 * 2 * patch * patch); each row is (channel, time, y, x).
    """
    seen = geometry.seen(Size(*image.size))
    resized = image.resize((seen.width, seen.height), Image.Resampling.BICUBIC)
    pixels = np.asarray(resized, dtype=np.float32) / 255.0
    pixels = (pixels - np.asarray(geometry.mean, np.float32)) / np.asarray(geometry.std, np.float32)
    patch, merge = geometry.patch_pixels, geometry.merge
    rows, columns = seen.height // geometry.factor, seen.width // geometry.factor
    blocks = pixels.reshape(rows, merge, patch, columns, merge, patch, 3)
    blocks = blocks.transpose(0, 3, 1, 4, 6, 2, 5)  # block row, block column, then row, column in it
    still = blocks.reshape(rows * columns * merge * merge, 3, 1, patch, patch)
    doubled = np.broadcast_to(still, (len(still), 3, TEMPORAL_PATCH, patch, patch))
    return np.ascontiguousarray(doubled, dtype=np.float32).reshape(len(still), -1)
