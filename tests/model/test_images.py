"""Patches equal the library's own; pixels and refusals equal Pillow's, whichever decoder read them."""

import importlib
import io
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import Refused
from screensmith.data.pixels import PatchGeometry, Tile, decode
from screensmith.data.tile_geometry import TileGeometry
from screensmith.model import images
from screensmith.model.images import patch_rows, read_pixels, read_screens, read_tiles, resized

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALF = ((0.5,) * 3, (0.5,) * 3)
QWEN2 = PatchGeometry(14, 2, 56 * 56, 256 * 28 * 28, *CLIP)
QWEN3 = PatchGeometry(16, 2, 128 * 128, 2**18, *HALF)
TILES = TileGeometry(16, 2, 64, 256, *HALF)
FULL, MIDDLE = (0, 256), (96, 160)  # colours drawn from; in the middle no filter runs into black or white

sides = st.integers(1, 120)


def noise(width, height, seed=0, colours=FULL):
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(*colours, (height, width, 3), dtype=np.uint8))


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def shot(image, form="PNG", **options):
    return Screenshot(encoded(image, form, **options), Size(*image.size))


def library_processor(geometry, kind):
    before_5 = transformers.__version__.startswith("4.")
    if kind == "tensor":
        place, name = ("_fast", "Fast") if before_5 else ("", "")
        place = f"image_processing_qwen2_vl{place}"
    else:
        place, name = (
            ("image_processing_qwen2_vl", "") if before_5 else ("image_processing_pil_qwen2_vl", "Pil")
        )
    module = importlib.import_module(f"transformers.models.qwen2_vl.{place}")
    areas = {"shortest_edge": geometry.min_pixels, "longest_edge": geometry.max_pixels}
    limits = {"min_pixels": geometry.min_pixels, "max_pixels": geometry.max_pixels}
    return getattr(module, f"Qwen2VLImageProcessor{name}")(
        patch_size=geometry.patch_pixels,
        image_mean=list(geometry.mean),
        image_std=list(geometry.std),
        **(limits if before_5 else {"size": areas}),
    )


def grey_levels_apart(rows, pixel_values, geometry):
    """The largest difference between our bytes and what the library normalised and doubled."""
    patch = geometry.patch_pixels
    library = pixel_values.reshape(len(rows), 3, 2, patch, patch).astype(np.float64)
    mean, std = (np.reshape(values, (3, 1, 1, 1)) for values in (geometry.mean, geometry.std))
    levels = (library * std + mean) * 255
    return np.abs(levels - rows.reshape(len(rows), patch, patch, 3).transpose(0, 3, 1, 2)[:, :, None]).max()


@pytest.mark.parametrize("geometry", [QWEN2, QWEN3])
@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("JPEG", {}), ("JPEG", {"subsampling": 0})])
def test_patches_equal_those_of_the_librarys_tensor_processor(geometry, form, options):
    processor = library_processor(geometry, "tensor")
    generator = np.random.default_rng(1)
    for seed, (width, height) in enumerate(generator.integers(30, 900, (6, 2)).tolist()):
        screen = shot(noise(width, height, seed), form, **options)
        opened = Image.open(io.BytesIO(screen.source)).convert("RGB")
        expected = processor(images=[opened], return_tensors="pt")["pixel_values"].numpy()
        (rows,) = read_tiles(screen, geometry)
        assert rows.dtype == np.uint8
        assert grey_levels_apart(rows, expected, geometry) <= 1.001, (width, height)


@pytest.mark.parametrize("geometry", [QWEN2, QWEN3])
def test_patches_equal_those_of_the_librarys_pillow_processor(geometry):
    processor = library_processor(geometry, "pillow")
    generator = np.random.default_rng(2)
    for seed, (width, height) in enumerate(generator.integers(30, 900, (6, 2)).tolist()):
        # Since version 13 Pillow sometimes resizes columns before rows. Where a filter overshoots into
        # black or white, cut off between the two, that shows; in the middle of the range it does not.
        image = noise(width, height, seed, MIDDLE)
        expected = processor(images=[image], return_tensors="np")["pixel_values"]
        (rows,) = read_tiles(shot(image), geometry)
        assert grey_levels_apart(rows, expected, geometry) <= 2.001, (width, height)


@given(sides, sides, sides, sides, st.sampled_from(["bicubic", "lanczos"]), st.integers(0, 9))
@settings(deadline=None)
def test_a_resize_is_pillows_rows_first(width, height, new_width, new_height, resample, seed):
    image = noise(width, height, seed)
    pillow = Image.Resampling[resample.upper()]
    expected = image.resize((new_width, height), pillow).resize((new_width, new_height), pillow)
    found = resized(torch.tensor(np.asarray(image)), Size(new_width, new_height), resample)
    assert found.dtype == torch.uint8
    difference = np.abs(np.asarray(expected).astype(int) - found.numpy())
    assert difference.max() <= 2
    assert (difference > 1).mean() < 0.01


def test_a_filter_that_this_pytorch_does_not_have_is_pillows(monkeypatch):
    monkeypatch.setattr(images, "_torch_filters", lambda: frozenset({"bicubic"}))
    image = noise(90, 70)
    found = resized(torch.tensor(np.asarray(image)), Size(40, 30), "lanczos")
    np.testing.assert_array_equal(found, np.asarray(image.resize((40, 30), Image.Resampling.LANCZOS)))


def test_a_resize_to_the_same_size_changes_nothing():
    pixels = torch.tensor(np.asarray(noise(31, 17)))
    assert torch.equal(resized(pixels, Size(31, 17), "bicubic"), pixels)


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_patch_rows_are_blocks_of_patches_row_by_row(patch, block, block_rows, block_columns):
    height, width = patch * block * block_rows, patch * block * block_columns
    pixels = np.asarray(noise(width, height))
    expected = []
    for block_row in range(block_rows):
        for block_column in range(block_columns):
            for row in range(block):
                for column in range(block):
                    top = (block_row * block + row) * patch
                    left = (block_column * block + column) * patch
                    cut = pixels[top : top + patch, left : left + patch]
                    expected.append(cut.flatten().tolist())
    np.testing.assert_array_equal(patch_rows(pixels, patch, block), expected)


@dataclass(frozen=True)
class Cuts:
    """A tower of three pictures: two overlapping cuts of one resize, and all of it made smaller."""

    patch_pixels: int = 8
    merge: int = 2
    patch_block: int = 1
    spreads: bool = False
    mean: tuple[float, float, float] = HALF[0]
    std: tuple[float, float, float] = HALF[1]
    resample: Literal["bicubic", "lanczos"] = "lanczos"

    def seen(self, size):
        return size

    def tiles(self, size):
        first, second = Size(101, 67), Size(96, 64)
        return (
            Tile((first, second), Size(48, 32), left=48, top=32, row=2, column=2),
            Tile((first, second), Size(64, 48), left=13, top=5, row=1, column=1),
            Tile((first, second, Size(32, 16)), Size(32, 16)),
        )


@pytest.mark.parametrize("window", [None, Box(0.1, 0.2, 0.8, 0.9)])
def test_tiles_are_cut_from_the_last_of_several_resizes(window):
    image = noise(150, 110, colours=MIDDLE)
    cuts = read_tiles(Screenshot(encoded(image), Size(150, 110), window), Cuts())
    filter = Image.Resampling.LANCZOS
    seen = image if window is None else image.crop((15, 22, 120, 99))
    large = seen.resize((101, 67), filter).resize((96, 64), filter)
    small = large.resize((32, 16), filter)
    expected = [large.crop((48, 32, 96, 64)), large.crop((13, 5, 77, 53)), small]
    assert len(cuts) == 3
    for rows, picture in zip(cuts, expected, strict=True):
        pixels = np.asarray(picture)
        height, width, _ = pixels.shape
        assert rows.shape == (height * width // 64, 3 * 64)
        # Rounding of one resize goes through the next one.
        assert np.abs(rows.astype(int) - patch_rows(pixels, 8, 1)).max() <= 4


def test_a_screenshot_is_resized_once_for_all_its_tiles(monkeypatch):
    sizes = []

    def counted(pixels, size, resample):
        sizes.append(size)
        return resized(pixels, size, resample)

    monkeypatch.setattr(images, "resized", counted)
    screen = shot(noise(192, 108))
    assert len(read_tiles(screen, TILES)) == 13
    assert sizes == [Size(256, 144), Size(256, 192), Size(64, 64)]


def test_tiles_are_found_by_content_and_number():
    screen = shot(noise(192, 108))
    found = read_screens({"a": screen}, TILES)
    assert list(found) == [f"a:{number}" for number in range(13)]
    for rows, expected in zip(found.values(), read_tiles(screen, TILES), strict=True):
        np.testing.assert_array_equal(rows, expected)


STRIPES = Image.fromarray(np.kron(np.asarray(noise(13, 9)), np.ones((8, 8, 1), dtype=np.uint8)))
ORDINARY = [
    ("JPEG", "RGB", {"quality": 75}),
    ("JPEG", "RGB", {"quality": 95, "subsampling": 0}),
    ("JPEG", "RGB", {"subsampling": 1, "optimize": True}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"restart_marker_rows": 1}),
    ("JPEG", "RGB", {"keep_rgb": True}),
]
UNUSUAL = [
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("MPO", "RGB", {"save_all": True, "append_images": [STRIPES]}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "P", {"transparency": 3}),
    ("PNG", "L", {"transparency": 7}),
    ("PNG", "LA", {}),
    ("PNG", "1", {}),
    ("PNG", "I;16", {}),
    ("WEBP", "RGB", {"lossless": True}),
]


def stored(form, mode, options, window=None):
    image = STRIPES
    if mode in ("RGBA", "LA"):
        image = image.copy()
        image.putalpha(noise(*image.size).convert("L"))
    if mode == "I;16":
        deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image = Image.fromarray(deep)
    return Screenshot(encoded(image.convert(mode), form, **options), Size(*image.size), window)


@pytest.mark.parametrize("window", [None, Box(0.25, 0.1, 0.9, 0.6)])
@pytest.mark.parametrize(("form", "mode", "options"), [*ORDINARY, *UNUSUAL])
def test_pixels_equal_pillows(form, mode, options, window):
    screen = stored(form, mode, options, window)
    np.testing.assert_array_equal(read_pixels(screen), np.asarray(decode(screen)))


@pytest.mark.parametrize(("form", "mode", "options"), ORDINARY)
def test_an_ordinary_jpeg_needs_no_pillow(form, mode, options, monkeypatch):
    monkeypatch.setattr(images, "decode", lambda _: pytest.fail("read by Pillow"))
    assert read_pixels(stored(form, mode, options)).shape == (72, 104, 3)


def outcome(read, screen):
    """Pixels, or the words of the refusal without the memory address that Pillow puts into some."""
    try:
        return np.asarray(read(screen)).tolist()
    except Refused as refusal:
        return re.sub("0x[0-9a-f]+", "", str(refusal))


@given(st.sampled_from(ORDINARY), st.data())
@settings(deadline=None, max_examples=150)
def test_a_broken_jpeg_is_read_or_refused_as_by_pillow(kind, draw):
    data = bytearray(stored(*kind).source)
    for _ in range(draw.draw(st.integers(0, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.sampled_from([start, len(data), start + 1, start + 20]))
    del data[start:end]
    screen = Screenshot(bytes(data), Size(104, 72))
    assert outcome(read_pixels, screen) == outcome(decode, screen)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
@settings(deadline=None)
def test_bytes_that_are_no_image_are_refused(data, start):
    with pytest.raises(Refused, match="unreadable image"):
        read_tiles(Screenshot(start + data, Size(28, 28)), QWEN2)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_refusals_say_what_pillow_found(form, monkeypatch):
    screen = shot(noise(64, 64), form)
    other = Screenshot(screen.source, Size(64, 63))
    with pytest.raises(Refused, match="another size than recorded: 64x64 pixels instead of 64x63"):
        read_tiles(other, QWEN2)
    cut_off = Screenshot(screen.source[: len(screen.source) // 2], Size(64, 64))
    with pytest.raises(Refused, match="unreadable image: "):
        read_tiles(cut_off, QWEN2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    with pytest.raises(Refused, match="image too large: "):
        read_tiles(screen, QWEN2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Refused, match="image too large: "):
        read_tiles(screen, QWEN2)
