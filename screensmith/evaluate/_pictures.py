"""Pictures for a page that must stay small: screens made narrower, and parts of them."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Size

FORMATS = ("PNG", "JPEG", "WEBP")
ON_A_PAGE = ("PNG", "JPEG")
# Twice the width at which a wide screen is shown, for displays with two pixels for one.
MOST_PIXELS_ACROSS = 840
MOST_BYTES_UNTOUCHED = 200_000
QUALITY = 85


@dataclass(frozen=True, slots=True)
class Narrower:
    """A screen's picture with at most `MOST_PIXELS_ACROSS` columns; left as it is where it is small."""

    screenshot: Screenshot

    def read_bytes(self) -> bytes:
        """PNG or JPEG.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no picture, or too large to be a screen.
        """
        data = self.screenshot.read_bytes()
        picture = _opened(data)
        if picture.width <= MOST_PIXELS_ACROSS:
            small = len(data) <= MOST_BYTES_UNTOUCHED and picture.format in ON_A_PAGE
            return data if small else _jpeg(_decoded(picture))
        # JPEG decodes straight to half or a quarter of the size, where that is enough.
        picture.draft("RGB", (MOST_PIXELS_ACROSS, 1))
        plain = _decoded(picture)
        height = max(1, round(plain.height * MOST_PIXELS_ACROSS / plain.width))
        return _jpeg(plain.resize((MOST_PIXELS_ACROSS, height), Image.Resampling.LANCZOS))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a screen's picture at its own scale; `box` is in fractions of the screen."""

    screenshot: Screenshot
    box: Box
    size: Size

    def read_bytes(self) -> bytes:
        """JPEG; raises OSError and ValueError as `Narrower.read_bytes`."""
        plain = _decoded(_opened(self.screenshot.read_bytes()))
        width, height, box = plain.width, plain.height, self.box
        edges = (box.left * width, box.top * height, box.right * width, box.bottom * height)
        size = (self.size.width, self.size.height)
        return _jpeg(plain.resize(size, Image.Resampling.LANCZOS, box=edges))


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(str(error)) from error
    except UnidentifiedImageError as error:  # its text holds a memory address, never twice the same
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from error


def _decoded(picture: Image.Image) -> Image.Image:
    try:
        return picture.convert("RGB")
    except (SyntaxError, EOFError, struct.error) as error:  # what Pillow raises for broken files, too
        raise ValueError(str(error)) from error


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=QUALITY, subsampling=0)
    return written.getvalue()
