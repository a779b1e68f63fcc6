"""Sizes from the first bytes of images, held against Pillow."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.geometry import Size
from screensmith.core.refusals import Refused
from screensmith.readers._folder import image_size
from screensmith.readers._image_headers import HEAD_BYTES, quick_size


def encoded(width: int, height: int, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"optimize": True, "restart_marker_rows": 1}),
        ("JPEG", {"icc_profile": b"x" * 3000}),
        ("JPEG", {"icc_profile": b"x" * 9000}),  # the size stands behind the first bytes
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
    ],
)
@pytest.mark.parametrize("size", [(3, 2), (97, 61), (640, 33)])
def test_it_is_the_size_that_pillow_says(tmp_path, kind, options, size):
    path = tmp_path / "image"
    path.write_bytes(encoded(*size, kind, **options))
    assert quick_size(path) == Size(*size)


GOOD = [encoded(80, 70, "PNG"), encoded(90, 110, "JPEG")]


@settings(max_examples=60)
@given(which=st.sampled_from(GOOD), seed=st.integers(0, 10**6), changes=st.integers(0, 6))
def test_broken_heads_give_a_size_or_are_refused(which, seed, changes, tmp_path_factory):
    chance = random.Random(seed)
    data = bytearray(which)
    for _ in range(changes):
        data[chance.randrange(40 if changes % 2 else 700)] = chance.randrange(256)
    path = tmp_path_factory.mktemp("heads") / "image"
    path.write_bytes(data)
    said = []
    for ask in (quick_size, image_size):
        try:
            said.append(ask(path))
        except Refused as refused:
            said.append(refused.reason)
    quick, slow = said
    # A broken length or checksum further on is seen by Pillow only, which reads it with the pixels again.
    assert quick == slow or isinstance(quick, Size)


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"nothing" * HEAD_BYTES, GOOD[0][:20], GOOD[1][:300]])
def test_what_is_no_image_is_refused(tmp_path, data):
    path = tmp_path / "image"
    path.write_bytes(data)
    with pytest.raises(Refused, match="image corrupt"):
        quick_size(path)
    with pytest.raises(Refused, match="image corrupt"):
        quick_size(Path(tmp_path / "gone"))


def test_more_pixels_than_are_opened_are_refused(tmp_path):
    data = bytearray(GOOD[0])
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    path = tmp_path / "image"
    path.write_bytes(data)
    with pytest.raises(Refused, match="image"):
        quick_size(path)
