"""Points and boxes carried through crops and resizes, and back."""

import io

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.episode import Screenshot
from screensmith.core.frames import Chain, Crop, Resize
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import Refused
from screensmith.data.pixels import decode

FRACTIONS = st.floats(0, 1)
POINTS = st.builds(Point, FRACTIONS, FRACTIONS)
SIZES = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))
WHOLE = Box(0, 0, 1, 1)
CORNERS = [Point(x, y) for x in (0.0, 1.0) for y in (0.0, 1.0)]


@st.composite
def boxes(draw):
    left, right = sorted(draw(st.tuples(FRACTIONS, FRACTIONS)))
    top, bottom = sorted(draw(st.tuples(FRACTIONS, FRACTIONS)))
    return Box(left, top, right, bottom)


STEPS = st.lists(st.builds(Crop, boxes()) | st.builds(Resize, SIZES), max_size=4).map(tuple)


def made(original, steps):
    try:
        return Chain(original, steps)
    except Refused:
        return assume(False)  # a crop that keeps no pixel


CHAINS = st.builds(made, SIZES, STEPS)


def near(first, second, tolerance=1e-9):
    return abs(first.x - second.x) <= tolerance and abs(first.y - second.y) <= tolerance


@given(CHAINS, POINTS)
def test_what_the_model_sees_comes_back(chain, point):
    original = chain.back(point)
    again = chain.forward(original)
    assert again is not None
    assert near(chain.back(again), original)
    part = chain.shown  # the smaller the window, the more of a fraction a last digit is
    assert abs(again.x - point.x) * part.width <= 1e-12
    assert abs(again.y - point.y) * part.height <= 1e-12


@given(CHAINS, POINTS)
def test_a_point_of_the_original_comes_back_or_was_cut_away(chain, point):
    seen = chain.forward(point)
    if seen is None:
        assert not chain.shown.contains(point)
    else:
        assert near(chain.back(seen), point)


@given(CHAINS)
def test_the_corners_of_the_last_image_are_those_of_the_part_shown(chain):
    edges = chain.shown
    assert near(chain.back(Point(0, 0)), Point(edges.left, edges.top), 1e-15)
    assert near(chain.back(Point(1, 1)), Point(edges.right, edges.bottom), 1e-15)
    assert all(chain.forward(chain.back(corner)) == corner for corner in CORNERS)


@given(SIZES, STEPS, STEPS, POINTS)
def test_then_is_one_after_the_other(original, early, late, point):
    first = made(original, early)
    both = made(original, early + late)
    second = Chain(first.size, late)
    assert first.then(*late) == both
    assert both.size == second.size
    assert near(both.back(point), first.back(second.back(point)))
    between = first.forward(both.back(point))
    assert near(first.back(between), both.back(point))
    seen = second.forward(between)
    assert seen is None or near(both.back(seen), both.back(point))


@given(SIZES, st.lists(SIZES), POINTS)
def test_resizing_moves_no_point(original, sizes, point):
    chain = Chain(original, tuple(Resize(size) for size in sizes))
    assert chain.forward(point) == point == chain.back(point)
    assert chain.size == (sizes[-1] if sizes else original)


@given(CHAINS, boxes(), FRACTIONS, FRACTIONS)
def test_a_box_keeps_the_points_in_it(chain, box, across, down):
    point = Point(
        min(box.left + across * box.width, box.right), min(box.top + down * box.height, box.bottom)
    )
    seen, seen_box = chain.forward(point), chain.forward_box(box)
    if seen is not None and seen_box is not None:
        assert seen_box.contains(seen)
    if seen_box is None:
        part = chain.shown
        strictly_inside = (
            part.left + 1e-9 < point.x < part.right - 1e-9
            and part.top + 1e-9 < point.y < part.bottom - 1e-9
        )
        assert not strictly_inside
    else:
        kept = chain.back_box(seen_box)
        assert near(kept.centre, Point(*middle_of_overlap(box, chain.shown)))
    assert chain.back_box(box).contains(chain.back(point))


def middle_of_overlap(first, second):
    return (
        (max(first.left, second.left) + min(first.right, second.right)) / 2,
        (max(first.top, second.top) + min(first.bottom, second.bottom)) / 2,
    )


def test_a_crop_by_hand():
    chain = Chain(Size(99, 50)).then(Crop(Box(0.25, 0.1, 0.75, 0.5)), Resize(Size(28, 56)))
    # 24.75 and 74.25 pixels are rounded to 25 and 74; 5 and 25 are whole already.
    assert Crop(Box(0.25, 0.1, 0.75, 0.5)).pixels(Size(99, 50)) == (25, 5, 74, 25)
    assert chain.size == Size(28, 56)
    assert near(chain.forward(Point(49.5 / 99, 0.2)), Point(0.5, 0.25))
    assert near(chain.back(Point(0, 1)), Point(25 / 99, 0.5))
    assert chain.forward(Point(24.9 / 99, 0.2)) is None
    assert chain.forward(Point(0.5, 0.51)) is None


@given(SIZES, boxes(), boxes())
@example(Size(100, 100), Box(0.03, 0.07, 1, 1), Box(0.3, 0.4, 0.6, 0.7))
def test_the_outermost_pixels_of_a_crop_of_a_crop_are_kept(size, outer, inner):
    chain = made(size, (Crop(outer), Crop(inner)))
    first_left, first_top, first_right, first_bottom = Crop(outer).pixels(size)
    left, top, right, bottom = Crop(inner).pixels(Size(first_right - first_left, first_bottom - first_top))
    edges = (first_left + left, first_top + top), (first_left + right, first_top + bottom)
    # Worked out in pixels, so that the last digits differ from those of the chain's own edges.
    near_corner, far_corner = (Point(x / size.width, y / size.height) for x, y in edges)
    assert chain.forward(near_corner) is not None
    assert chain.forward(far_corner) is not None
    assert near(chain.forward(near_corner), Point(0, 0))
    assert near(chain.forward(far_corner), Point(1, 1))
    assert chain.screen_pixel(Point(0, 0)) == edges[0]
    assert chain.screen_pixel(Point(1, 1)) == (edges[1][0] - 1, edges[1][1] - 1)


def test_boxes_at_the_edge_of_a_crop():
    chain = Chain(Size(100, 100), (Crop(Box(0.5, 0, 1, 1)),))
    assert chain.forward_box(Box(0.4, 0.2, 0.75, 0.4)) == Box(0, 0.2, 0.5, 0.4)
    assert chain.forward_box(Box(0.1, 0.2, 0.4, 0.4)) is None
    assert chain.forward_box(Box(0.1, 0.2, 0.5, 0.4)) is None  # touches, but no area is left
    assert chain.forward_box(Box(0.75, 0.5, 0.75, 0.5)) == Box(0.5, 0.5, 0.5, 0.5)  # a place, kept
    assert chain.forward_box(Box(0.5, 0.5, 0.5, 0.5)) == Box(0, 0.5, 0, 0.5)


@pytest.mark.parametrize("window", [Box(0.5, 0, 0.5, 1), Box(0, 0.501, 1, 0.502)])
def test_a_crop_that_keeps_no_pixel_is_refused(window):
    with pytest.raises(Refused, match=r"window holds no pixel.*100x100"):
        Chain(Size(100, 100), (Crop(window),))


def numbered(size):
    """An image (PNG) whose colours say the column (red, green) and the row (blue) of each pixel."""
    columns, rows = np.meshgrid(np.arange(size.width), np.arange(size.height))
    colours = np.stack([columns % 256, columns // 256, rows], axis=-1).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(colours).save(encoded, "PNG", compress_level=0)
    return encoded.getvalue()


@given(st.builds(Size, st.integers(1, 300), st.integers(1, 255)), boxes(), POINTS)
@example(Size(299, 201), WHOLE, Point(1.0, 1.0))
@example(Size(299, 201), Box(0.1, 0.1, 0.5, 0.5), Point(1.0, 1.0))
@example(Size(299, 201), Box(0.1, 0.1, 0.5, 0.5), Point(0.0, 0.0))
def test_the_pixel_under_a_point_is_the_one_that_decoding_cuts_out(size, window, point):
    chain = made(size, (Crop(window),))
    image = decode(Screenshot(numbered(size), size, window))
    assert Size(*image.size) == chain.size
    red, green, blue = image.getpixel(point.to_pixels(chain.size))
    column, row = chain.screen_pixel(point)
    # A point on the border of two pixels may fall to either; everywhere else the pixel is the same.
    assert abs(column - (red + 256 * green)) <= on_border(point.x * chain.size.width)
    assert abs(row - blue) <= on_border(point.y * chain.size.height)
    left, top, right, bottom = Crop(window).pixels(size)
    assert left <= column < right
    assert top <= row < bottom


def on_border(pixels):
    return abs(pixels - round(pixels)) < 1e-8


@given(CHAINS)
def test_the_edges_of_the_last_image_lie_on_its_outermost_pixels(chain):
    width, height = chain.original.width, chain.original.height
    left, top = chain.screen_pixel(Point(0, 0))
    right, bottom = chain.screen_pixel(Point(1, 1))
    assert 0 <= left <= right < width
    assert 0 <= top <= bottom < height
    assert abs(left - np.floor(chain.shown.left * width + 1e-6)) == 0
    assert abs(right - (np.ceil(chain.shown.right * width - 1e-6) - 1)) == 0
    assert (top, bottom) == (
        np.floor(chain.shown.top * height + 1e-6),
        np.ceil(chain.shown.bottom * height - 1e-6) - 1,
    )


@given(SIZES, st.data())
def test_every_pixel_of_a_window_is_found_again(size, data):
    window = data.draw(boxes())
    chain = made(size, (Crop(window),))
    left, top, _, _ = Crop(window).pixels(size)
    column = data.draw(st.integers(0, chain.size.width - 1))
    row = data.draw(st.integers(0, chain.size.height - 1))
    for offset in (0.0, 0.5):  # the pixel's corner, and its middle
        point = Point((column + offset) / chain.size.width, (row + offset) / chain.size.height)
        assert chain.screen_pixel(point) == (left + column, top + row)
