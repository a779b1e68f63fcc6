"""Places written in each frame come back within half a unit, through every crop and resize."""

import json
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from screensmith.core.frames import Chain, Crop, Resize
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import Refused
from screensmith.data.pixels import PatchGeometry
from screensmith.dialects import Unreadable
from screensmith.dialects._coordinates import frame
from screensmith.plugins import UnknownName

FRACTIONS = st.floats(0, 1)
POINTS = st.builds(Point, FRACTIONS, FRACTIONS)
SIZES = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))
FRAMES = st.builds(
    lambda name, decimals: frame(name, decimals=decimals),
    st.sampled_from(["fraction", "thousand", "seen_pixels"]),
    st.integers(1, 6),
)
PLAIN = ((0.5,) * 3, (0.5,) * 3)
GEOMETRIES = st.sampled_from(
    [
        PatchGeometry(14, 2, 256 * 28 * 28, 1344 * 28 * 28, *PLAIN),
        PatchGeometry(16, 2, 65536, 2**20, *PLAIN),
        PatchGeometry(14, 2, 4 * 28 * 28, 16384 * 28 * 28, *PLAIN),
    ]
)
SEEN = Size(1092, 616)
NAMES = ("fraction", "thousand", "seen_pixels")
NOISE = 1e-9


@st.composite
def boxes(draw):
    left, right = sorted(draw(st.tuples(FRACTIONS, FRACTIONS)))
    top, bottom = sorted(draw(st.tuples(FRACTIONS, FRACTIONS)))
    return Box(left, top, right, bottom)


@st.composite
def chains(draw):
    """A screen of any size, any crop (or none), and the resize of one of the models (or any)."""
    try:
        chain = Chain(draw(SIZES), tuple(draw(st.lists(st.builds(Crop, boxes()), max_size=2))))
        seen = draw(GEOMETRIES).seen(chain.size) if draw(st.booleans()) else draw(SIZES)
    except Refused:
        assume(False)
    return chain.then(Resize(seen))


@given(chains(), FRAMES, POINTS)
@example(Chain(Size(1921, 1079), (Resize(Size(1932, 1092)),)), frame("seen_pixels"), Point(1.0, 1.0))
@example(Chain(Size(1, 5000), (Resize(Size(28, 5012)),)), frame("thousand"), Point(0.0, 1.0))
def test_any_point_on_any_screen_comes_back_within_half_a_unit(chain, places, on_image):
    original = chain.back(on_image)
    seen = chain.forward(original)
    x, y = places.write(seen, chain.size)
    again = chain.back(places.read(x, y, chain.size))
    across, down = places.quantum(chain.size)
    assert abs(again.x - original.x) <= across / 2 * chain.shown.width + NOISE
    assert abs(again.y - original.y) <= down / 2 * chain.shown.height + NOISE


@given(FRAMES, SIZES, POINTS)
def test_numbers_text_and_json_say_the_same_and_are_stable(places, seen, point):
    numbers, text = places.numbers(point, seen), places.write(point, seen)
    assert tuple(float(part) for part in text) == numbers
    read = places.read(*text, seen)
    assert read == places.read(*numbers, seen) == places.read(*json.loads(json.dumps(numbers)), seen)
    assert places.write(read, seen) == text
    pattern = r"[01]\.[0-9]+" if places.name == "fraction" else r"[0-9]+"
    assert all(re.fullmatch(pattern, part) for part in text)


@pytest.mark.parametrize(
    ("name", "text", "quantum"),
    [
        ("fraction", ("0.333", "0.5"), (0.001, 0.001)),
        ("thousand", ("333", "500"), (0.001, 0.001)),
        ("seen_pixels", ("364", "308"), (1 / 1092, 1 / 616)),
    ],
)
def test_the_same_place_in_each_frame(name, text, quantum):
    places = frame(name)
    assert places.write(Point(1 / 3, 0.5), SEEN) == text
    assert places.quantum(SEEN) == pytest.approx(quantum)


@pytest.mark.parametrize("name", NAMES)
def test_the_edges_are_sayable(name):
    places = frame(name)
    for corner in (Point(0, 0), Point(1, 0), Point(0, 1), Point(1, 1)):
        assert places.read(*places.write(corner, SEEN), SEEN) == corner


def test_small_fractions_have_no_exponent():
    assert frame("fraction", decimals=5).write(Point(0.00001, 1), SEEN) == ("0.00001", "1.0")
    assert frame("fraction", decimals=2).write(Point(0.00001, 0.125), SEEN) == ("0.0", "0.12")


@pytest.mark.parametrize(
    ("name", "x", "reason"),
    [
        ("fraction", 1.001, "off the screen"),
        ("fraction", -0.001, "off the screen"),
        ("fraction", 420, "off the screen"),
        ("thousand", 1001, "off the screen"),
        ("thousand", -1, "off the screen"),
        ("thousand", 0.42, "not a whole number"),
        ("thousand", "420.5", "not a whole number"),
        ("seen_pixels", 1093, "off the screen"),
        ("seen_pixels", 0.5, "not a whole number"),
        *[
            (name, wrong, "not a number")
            for name in NAMES
            for wrong in (
                None,
                True,
                [1],
                float("nan"),
                float("-inf"),
                10**400,
                "1e999",
                "",
                "x",
                "nan",
                " 1",
                "1_0",
                "\u0661",
                "1 ",
                "0x1",
            )
        ],
    ],
)
def test_what_lies_off_the_image_or_is_no_number_is_unreadable(name, x, reason):
    places = frame(name)
    assert places.read(0, 0, SEEN) == Point(0, 0)
    with pytest.raises(Unreadable, match=reason):
        places.read(x, 0, SEEN)
    with pytest.raises(Unreadable, match=reason):
        places.read(0, x if x != 1093 else 617, SEEN)


def test_pixels_are_those_of_the_image_that_is_seen():
    places = frame("seen_pixels")
    assert places.read("100", 50, Size(100, 50)) == Point(1, 1)
    assert places.read(100.0, "50", Size(200, 200)) == Point(0.5, 0.25)
    with pytest.raises(Unreadable):
        places.read(100, 51, Size(100, 50))


def test_an_unknown_frame_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"did you mean 'thousand'.*fraction, thousand, seen_pixels"):
        frame("thousands")


@pytest.mark.parametrize("decimals", [0, 7, -1])
def test_decimals_have_a_range(decimals):
    with pytest.raises(ValueError, match="decimals must be 1 to 6"):
        frame("fraction", decimals=decimals)
