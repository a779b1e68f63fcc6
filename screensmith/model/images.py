"""From encoded screenshots to the bytes that a vision tower reads.

Everything stays bytes: a JPEG is decoded by libjpeg-turbo straight into interleaved colours, which
PyTorch's integer resize takes as they are, and the result is reordered once.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Mapping

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from screensmith.core.episode import Screenshot
from screensmith.core.frames import Crop
from screensmith.core.geometry import Size
from screensmith.data.pixels import ImageGeometry, decode, window_size


def tile_key(content: str, number: int) -> str:
    """The key of one tile of a screenshot with that content key."""
    return f"{content}:{number}"


def content_of(key: str) -> str:
    """The content key of the screenshot that a tile's key belongs to."""
    return key.rpartition(":")[0]


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

    The screenshot is resized once to each size, however many tiles are cut from it.

    Returns:
        One array (patches, 3 * patch * patch) a tile; each row is (y, x, channel), rows in the
        geometry's order.

    Raises:
        Refused: the image cannot be read.
    """
    pictures: dict[tuple[Size, ...], Tensor] = {(): read_pixels(screenshot)}
    result = []
    for tile in geometry.tiles(window_size(screenshot)):
        for count in range(1, len(tile.resizes) + 1):
            resizes = tile.resizes[:count]
            if resizes not in pictures:
                pictures[resizes] = resized(pictures[resizes[:-1]], resizes[-1], geometry.resample)
        right, bottom = tile.left + tile.size.width, tile.top + tile.size.height
        cut = pictures[tile.resizes][tile.top : bottom, tile.left : right]
        result.append(patch_rows(cut.numpy(), geometry.patch_pixels, geometry.patch_block))
    return result


def patch_rows(pixels: NDArray[np.uint8], patch: int, block: int) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) as rows of patches (patches, 3 * patch * patch), block after block."""
    height, width, _ = pixels.shape
    rows, columns = height // (patch * block), width // (patch * block)
    blocks = pixels.reshape(rows, block, patch, columns, block, patch, 3)
    ordered = blocks.transpose(0, 3, 1, 4, 2, 5, 6)  # block row, block column, then row, column in it
    return np.ascontiguousarray(ordered).reshape(rows * columns * block * block, -1)


def read_pixels(screenshot: Screenshot) -> Tensor:
    """The screenshot's pixels, uint8 (height, width, 3), equal to those of `data.pixels.decode`.

    Raises:
        Refused: as `data.pixels.decode`.
    """
    pixels = _decode_jpeg(screenshot)
    if pixels is None:
        return _tensor(decode(screenshot))
    if screenshot.window is None:
        return pixels
    left, top, right, bottom = Crop(screenshot.window).pixels(screenshot.size)
    return pixels[top:bottom, left:right]


def resized(pixels: Tensor, size: Size, resample: str) -> Tensor:
    """Pixels, uint8 (height, width, 3), resized as Pillow does but for rounding, at most 2 grey levels.

    Args:
        pixels: any size but empty.
        size: of the result.
        resample: "bicubic" or "lanczos".
    """
    if tuple(pixels.shape[:2]) == (size.height, size.width):
        return pixels
    if resample not in _torch_filters():
        # Older PyTorch has no Lanczos; Pillow's is the one that the model was trained with.
        picture = Image.fromarray(pixels.numpy())
        return _tensor(picture.resize((size.width, size.height), Image.Resampling[resample.upper()]))
    # The batch axis comes before the permutation: its stride then says "channels last", without which
    # PyTorch would take the picture apart into planes.
    batch = pixels.contiguous().unsqueeze(0).permute(0, 3, 1, 2)
    made = functional.interpolate(batch, (size.height, size.width), mode=resample, antialias=True)
    return made.permute(0, 2, 3, 1)[0]


def _decode_jpeg(screenshot: Screenshot) -> Tensor | None:
    """An ordinary JPEG's pixels (height, width, 3), window and all; None for anything else.

    Nothing is refused here: what is broken, too large or unusual is left to Pillow, so that there is
    one place that decides and words it.
    """
    data = screenshot.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            header = Image.open(io.BytesIO(data), formats=("JPEG",))
    except (Warning, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None
    recorded = (screenshot.size.width, screenshot.size.height)
    if (header.format, header.mode, header.size) != ("JPEG", "RGB", recorded):
        return None
    try:
        return torch.from_numpy(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True))
    except ValueError:
        return None


def _tensor(image: Image.Image) -> Tensor:
    """An RGB image's pixels, uint8 (height, width, 3), never to be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        pixels = torch.frombuffer(image.tobytes(), dtype=torch.uint8)
    return pixels.view(image.height, image.width, 3)


@functools.cache
def _torch_filters() -> frozenset[str]:
    """The filters that the installed PyTorch can resize bytes with."""
    picture = torch.zeros((1, 3, 8, 8), dtype=torch.uint8)
    found = {"bicubic"}
    try:
        functional.interpolate(picture, (4, 4), mode="lanczos", antialias=True)
        found.add("lanczos")
    except (NotImplementedError, ValueError):
        pass
    return frozenset(found)
