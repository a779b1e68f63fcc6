"""How SmolVLM's tower sees a screenshot: squares of one size, row by row, and then all of it once more.

The rules are those of the library's SmolVLM (and Idefics3) image processor; sizes are worked out
without decoding pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from screensmith.core.geometry import Size
from screensmith.data.pixels import Tile, refuse_slivers

LARGEST_EDGE_PIXELS = 4096  # the library never makes an image longer than this


@dataclass(frozen=True, slots=True)
class TileGeometry:
    """Squares of `tile_pixels`, cut from an image whose longer edge is made `longest_pixels` long.

    Every image is resized, small ones grow. Tokens of a tile count like text, so `spreads` is false;
    a tile's patches are ordered row by row. Pixels equal the library's where each resize uses Pillow's
    `resample` filter and rounds to bytes, as the library's own Pillow processor does.
    """

    patch_pixels: int
    merge: int
    tile_pixels: int
    longest_pixels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    spreads: bool = False
    resample: Literal["bicubic", "lanczos"] = "lanczos"

    @property
    def patch_block(self) -> int:
        """Patches are ordered row by row."""
        return 1

    @property
    def tile_tokens(self) -> int:
        """Image tokens of one tile; all tiles have the same number."""
        edge = self.tile_pixels // self.patch_pixels // self.merge
        return edge * edge

    def seen(self, size: Size) -> Size:
        """The size after the resize that keeps the shape, before it is stretched to whole tiles.

        The longer edge is `longest_pixels`, at most 4096; the shorter one is rounded down, and up
        again to an even number.

        Raises:
            Refused: one side is more than 200 times the other.
        """
        refuse_slivers(size)
        seen = _with_longer_edge(size, self.longest_pixels, even=True)
        if max(seen.width, seen.height) > LARGEST_EDGE_PIXELS:
            return _with_longer_edge(seen, LARGEST_EDGE_PIXELS, even=False)
        return seen

    def tiles(self, size: Size) -> tuple[Tile, ...]:
        """The squares row by row, and the whole image squeezed into one square last.

        An image that fits into one square is that square alone. Where a square is no multiple of a
        patch, its right and bottom rim is not seen, as in the library's patch convolution.

        Raises:
            Refused: one side is more than 200 times the other.
        """
        seen = self.seen(size)
        stretched = self._whole_tiles(seen)
        edge = self.tile_pixels
        read = edge // self.patch_pixels * self.patch_pixels
        picture, square = Size(read, read), Size(edge, edge)
        if stretched == square:
            return (Tile((seen, square), picture),)
        pieces = [
            Tile((seen, stretched), picture, column * edge, row * edge, row + 1, column + 1)
            for row in range(stretched.height // edge)
            for column in range(stretched.width // edge)
        ]
        return (*pieces, Tile((seen, stretched, square), picture))

    def _whole_tiles(self, seen: Size) -> Size:
        """Both edges rounded up to whole tiles; the shorter one after it was scaled with the longer."""
        aspect = seen.width / seen.height
        if seen.width >= seen.height:
            width = self._rounded_up(seen.width)
            return Size(width, self._rounded_up(int(width / aspect)))
        height = self._rounded_up(seen.height)
        return Size(self._rounded_up(int(height * aspect)), height)

    def _rounded_up(self, pixels: int) -> int:
        return math.ceil(pixels / self.tile_pixels) * self.tile_pixels


def _with_longer_edge(size: Size, pixels: int, *, even: bool) -> Size:
    """The same shape with a longer edge of `pixels`; the shorter is rounded down, to even if asked up."""
    aspect = size.width / size.height  # divided by and multiplied with just as in the library
    shorter = int(pixels / aspect) if size.width >= size.height else int(pixels * aspect)
    if even:
        shorter += shorter % 2
    shorter = max(shorter, 1)
    return Size(pixels, shorter) if size.width >= size.height else Size(shorter, pixels)
