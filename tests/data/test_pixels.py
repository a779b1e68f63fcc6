"""Sizes and tokens equal those of the library's processor; what cannot be read is refused."""

import importlib
import io

import numpy as np
import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import Refused
from screensmith.data.pixels import PatchGeometry, Tile, decode, token_grid, visual_tokens

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALF = ((0.5,) * 3, (0.5,) * 3)
QWEN2 = PatchGeometry(14, 2, 256 * 28 * 28, 1344 * 28 * 28, *CLIP)
QWEN3 = PatchGeometry(16, 2, 65536, 2**20, *HALF)


def library_module():
    before_5 = transformers.__version__.startswith("4.")
    name = "image_processing_qwen2_vl" if before_5 else "image_processing_pil_qwen2_vl"
    return importlib.import_module(f"transformers.models.qwen2_vl.{name}")


def library_processor(geometry):
    module = library_module()
    options = {
        "patch_size": geometry.patch_pixels,
        "image_mean": list(geometry.mean),
        "image_std": list(geometry.std),
    }
    if hasattr(module, "Qwen2VLImageProcessorPil"):
        areas = {"shortest_edge": geometry.min_pixels, "longest_edge": geometry.max_pixels}
        return module.Qwen2VLImageProcessorPil(size=areas, **options)
    limits = {"min_pixels": geometry.min_pixels, "max_pixels": geometry.max_pixels}
    return module.Qwen2VLImageProcessor(**limits, **options)


def picture(width, height, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("geometry", [QWEN2, QWEN3])
def test_the_seen_size_is_smart_resize(geometry):
    smart_resize = library_module().smart_resize
    generator = np.random.default_rng(0)
    for width, height in generator.integers(1, 4000, (3000, 2)).tolist():
        if max(width, height) > 200 * min(width, height):
            continue
        expected = smart_resize(
            height,
            width,
            factor=geometry.factor,
            min_pixels=geometry.min_pixels,
            max_pixels=geometry.max_pixels,
        )
        seen = geometry.seen(Size(width, height))
        assert (seen.height, seen.width) == expected, (width, height)


@pytest.mark.parametrize(
    ("size", "tokens"), [((1920, 1080), 1296), ((1080, 2400), 1296), ((160, 210), 266)]
)
def test_visual_tokens_of_known_screens(size, tokens):
    assert visual_tokens(Size(*size), QWEN2) == tokens


def test_a_sliver_is_refused():
    with pytest.raises(Refused, match="too narrow"):
        QWEN2.seen(Size(2001, 10))


@pytest.mark.parametrize("geometry", [QWEN2, QWEN3])
@pytest.mark.parametrize("size", [(160, 210), (333, 501), (1500, 900)])
def test_the_token_grid_is_the_librarys(geometry, size):
    found = library_processor(geometry)(images=[picture(*size)], return_tensors="np")
    ((frames, rows, columns),) = found["image_grid_thw"].tolist()
    (tile,) = geometry.tiles(Size(*size))
    assert token_grid(tile, geometry) == (rows // geometry.merge, columns // geometry.merge)
    assert visual_tokens(Size(*size), geometry) == frames * rows * columns // geometry.merge**2


@pytest.mark.parametrize("geometry", [QWEN2, QWEN3])
def test_a_screenshot_is_one_tile_of_the_size_that_is_seen(geometry):
    seen = geometry.seen(Size(1920, 1080))
    assert geometry.tiles(Size(1920, 1080)) == (Tile((seen,), seen),)


def encoded(image, form="PNG"):
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def test_a_window_is_cut_out():
    image = picture(100, 80)
    screen = Screenshot(encoded(image), Size(100, 80), Box(0.25, 0.5, 0.75, 1.0))
    np.testing.assert_array_equal(np.asarray(decode(screen)), np.asarray(image)[40:80, 25:75])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_image_are_refused(data):
    with pytest.raises(Refused, match="unreadable image"):
        decode(Screenshot(data, Size(1, 1)))


def test_a_cut_off_image_is_refused():
    data = encoded(picture(64, 64), "JPEG")
    with pytest.raises(Refused, match="unreadable image"):
        decode(Screenshot(data[: len(data) // 2], Size(64, 64)))


def test_an_image_of_another_size_is_refused():
    with pytest.raises(Refused, match="another size than recorded: 64x48 pixels instead of 48x64"):
        decode(Screenshot(encoded(picture(64, 48)), Size(48, 64)))


def test_an_image_with_absurdly_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Refused, match="too large"):
        decode(Screenshot(encoded(picture(64, 64)), Size(64, 64)))
