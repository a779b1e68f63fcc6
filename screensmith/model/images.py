"""From encoded screenshots to the bytes that a vision tower reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from screensmith.core.episode import Screenshot
from screensmith.data.pixels import ImageGeometry, decode, window_size


def tile_key(content: str, number: int) -> str:
    """The key of one tile of a screenshot with that content key."""
    return f"{content}:{number}"


def read_screens(
    screens: Mapping[str, Screenshot], geometry: ImageGeometry
) -> dict[str, NDArray[np.uint8]]:
    """The patches of every tile of some screenshots, by tile key; see `read_tiles`."""
    return {
        tile_key(content, number): patches
        for content, screenshot in screens.items()
        for number, patches in enumerate(read_tiles(screenshot, geometry))
    }


def read_tiles(screenshot: Screenshot, geometry: ImageGeometry) -> list[NDArray[np.uint8]]:
    """The patches of each tile of a screenshot, as bytes.

    Returns:
        One array (patches, 3 * patch * patch) a tile; each row is (channel, y, x), rows in the
        geometry's order.

    Raises:
        Refused: the image cannot be read.
    """
    image = decode(screenshot)
    result = []
    for tile in geometry.tiles(window_size(screenshot)):
        picture = image
        for size in tile.resizes:
            picture = picture.resize((size.width, size.height), Image.Resampling.BICUBIC)
        right, bottom = tile.left + tile.size.width, tile.top + tile.size.height
        cut = np.asarray(picture.crop((tile.left, tile.top, right, bottom)))
        result.append(patch_rows(cut, geometry.patch_pixels, geometry.patch_block))
    return result


def patch_rows(pixels: NDArray[np.uint8], patch: int, block: int) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) as rows of patches (patches, 3 * patch * patch), block after block."""
    height, width, _ = pixels.shape
    rows, columns = height // (patch * block), width // (patch * block)
    blocks = pixels.reshape(rows, block, patch, columns, block, patch, 3)
    ordered = blocks.transpose(0, 3, 1, 4, 6, 2, 5)  # block row, block column, then row, column in it
    return np.ascontiguousarray(ordered).reshape(rows * columns * block * block, -1)
