"""Tiles equal those of the library's Pillow processor: sizes, rows, columns and pixels."""

import importlib

import numpy as np
import pytest
import transformers
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.geometry import Size
from screensmith.core.refusals import Refused
from screensmith.data.pixels import token_grid, visual_tokens
from screensmith.data.tile_geometry import TileGeometry

HALF = ((0.5,) * 3, (0.5,) * 3)
TINY = TileGeometry(16, 2, 128, 512, *HALF)
SMALL_2 = TileGeometry(16, 4, 512, 2048, *HALF)  # SmolVLM2 256M and 500M
LARGE_2 = TileGeometry(14, 3, 384, 1536, *HALF)  # SmolVLM2 2.2B: 384 is no multiple of 14
ONE_TILE = TileGeometry(16, 4, 512, 512, *HALF)
ODD = TileGeometry(9, 3, 27, 27, *HALF)
ENDLESS = TileGeometry(14, 2, 364, 14 * 364, *HALF)  # longer than the library ever makes an image
GEOMETRIES = [TINY, SMALL_2, LARGE_2, ONE_TILE, ODD, ENDLESS]


def library_module():
    before_5 = transformers.__version__.startswith("4.")
    name = "image_processing_smolvlm" if before_5 else "image_processing_pil_smolvlm"
    return importlib.import_module(f"transformers.models.smolvlm.{name}")


LIBRARY = library_module()
PROCESSOR = getattr(LIBRARY, "SmolVLMImageProcessorPil", None) or LIBRARY.SmolVLMImageProcessor


class SizesOnly(PROCESSOR):
    """The library's processor, with resizes that give an image of the right size and no content."""

    def resize(self, image, size, **_):
        if size.get("longest_edge"):
            height, width = LIBRARY.get_resize_output_image_size(image, size["longest_edge"])
        else:
            height, width = size["height"], size["width"]
        return blank(width, height)


def blank(width, height):
    return np.broadcast_to(np.uint8(0), (3, height, width))


def size_of(image):
    return Size(image.shape[2], image.shape[1])


def options(geometry):
    return {
        "size": {"longest_edge": geometry.longest_pixels},
        "max_image_size": {"longest_edge": geometry.tile_pixels},
        "image_mean": list(geometry.mean),
        "image_std": list(geometry.std),
    }


def library_steps(processor, geometry, width, height):
    """The first resize, the second, and the tiles with their rows and columns."""
    resized = processor.resize(blank(width, height), {"longest_edge": geometry.longest_pixels})
    stretched = processor.resize_for_vision_encoder(resized, geometry.tile_pixels)
    if hasattr(processor, "split_images"):
        split = processor.split_images(stretched, processor.max_image_size)
    else:
        split = processor.split_image(stretched, processor.max_image_size, data_format="channels_first")
    return size_of(resized), size_of(stretched), split


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_sizes_rows_and_columns_are_the_librarys(geometry):
    processor = SizesOnly(**options(geometry))
    generator = np.random.default_rng(0)
    compared = 0
    for width, height in generator.integers(1, 4000, (2000, 2)).tolist():
        if max(width, height) > 200 * min(width, height):
            continue
        seen, stretched, (frames, rows, columns) = library_steps(processor, geometry, width, height)
        size = Size(width, height)
        tiles = geometry.tiles(size)
        assert geometry.seen(size) == seen, size
        assert {tile.resizes[:2] for tile in tiles} == {(seen, stretched)}, size
        assert len(tiles) == len(frames), size
        assert (max(tile.row for tile in tiles), max(tile.column for tile in tiles)) == (rows, columns), (
            size
        )
        assert all(size_of(frame) == Size(geometry.tile_pixels, geometry.tile_pixels) for frame in frames)
        compared += 1
    assert compared > 1900


@pytest.mark.parametrize(
    ("geometry", "size"),
    [
        (TINY, (160, 210)),
        (TINY, (1000, 37)),
        (TINY, (512, 512)),
        (TINY, (3, 5)),
        (LARGE_2, (331, 200)),
        (ONE_TILE, (90, 400)),
        (ODD, (50, 50)),
    ],
)
def test_pixels_are_the_librarys(geometry, size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    processor = PROCESSOR(**options(geometry))
    assert processor.resample == Image.Resampling[geometry.resample.upper()]
    (expected,) = processor(images=[[image]], return_tensors="np")["pixel_values"]
    tiles = geometry.tiles(Size(*size))
    assert len(tiles) == len(expected)
    for tile, pixels in zip(tiles, expected, strict=True):
        picture = image
        for step in tile.resizes:
            picture = picture.resize((step.width, step.height), processor.resample)
        cut = picture.crop((tile.left, tile.top, tile.left + tile.size.width, tile.top + tile.size.height))
        ours = (np.asarray(cut).transpose(2, 0, 1) / 255 - 0.5) / 0.5
        np.testing.assert_allclose(ours, pixels[:, : tile.size.height, : tile.size.width], atol=2e-6)


@given(geometry=st.sampled_from(GEOMETRIES), width=st.integers(1, 9000), height=st.integers(1, 9000))
def test_the_squares_cover_the_image_once_and_the_whole_comes_last(geometry, width, height):
    assume(max(width, height) <= 200 * min(width, height))
    *pieces, whole = geometry.tiles(Size(width, height))
    assert (whole.row, whole.column, whole.left, whole.top) == (0, 0, 0, 0)
    assert whole.resizes[-1] == Size(geometry.tile_pixels, geometry.tile_pixels)
    stretched = whole.resizes[1]
    places = {(piece.left, piece.top) for piece in pieces}
    edge = geometry.tile_pixels
    corners = {(x, y) for x in range(0, stretched.width, edge) for y in range(0, stretched.height, edge)}
    assert places == corners if pieces else corners == {(0, 0)}
    assert pieces == sorted(pieces, key=lambda piece: (piece.row, piece.column))
    assert all((piece.column - 1) * edge == piece.left for piece in pieces)
    assert all((piece.row - 1) * edge == piece.top for piece in pieces)
    tokens = [np.prod(token_grid(tile, geometry)) for tile in (*pieces, whole)]
    assert tokens == [geometry.tile_tokens] * len(tokens)


@pytest.mark.parametrize(
    ("geometry", "size", "tokens"),
    [(SMALL_2, (1920, 1080), 13 * 64), (LARGE_2, (1920, 1080), 13 * 81), (ONE_TILE, (1920, 1080), 64)],
)
def test_visual_tokens_of_known_screens(geometry, size, tokens):
    assert visual_tokens(Size(*size), geometry) == tokens


def test_a_sliver_is_refused():
    with pytest.raises(Refused, match="too narrow"):
        TINY.tiles(Size(2001, 10))
