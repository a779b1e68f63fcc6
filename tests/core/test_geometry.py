"""Fractions inside, pixels at the border."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core.geometry import Box, Point, Size

FRACTIONS = st.floats(0, 1)
SIDES = st.integers(1, 5000)


@given(FRACTIONS, FRACTIONS, SIDES, SIDES)
def test_every_point_lies_in_a_pixel_and_that_pixels_middle_is_near_it(x, y, width, height):
    size = Size(width, height)
    column, row = Point(x, y).to_pixels(size)
    assert 0 <= column < width
    assert 0 <= row < height
    assert abs((column + 0.5) / width - x) <= 0.5 / width + 1e-9
    assert abs((row + 0.5) / height - y) <= 0.5 / height + 1e-9


@given(st.data(), SIDES, SIDES)
def test_a_pixel_s_own_corner_falls_in_it(data, width, height):
    pixel = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    assert Point(pixel[0] / width, pixel[1] / height).to_pixels(Size(width, height)) == pixel


def test_the_edges_of_the_screen_lie_on_its_outermost_pixels():
    assert Point(0.0, 1.0).to_pixels(Size(1921, 1079)) == (0, 1078)
    assert Point(1.0, 0.0).to_pixels(Size(1921, 1079)) == (1920, 0)
    assert Point(0.29, 0.0).to_pixels(Size(100, 1)) == (29, 0)  # although 0.29 * 100 < 29 in floats


def test_the_sides_of_a_box():
    box = Box(0.25, 0.5, 0.75, 0.625)
    assert (box.width, box.height) == (0.5, 0.125)


@pytest.mark.parametrize("place", [(-0.1, 0.5), (0.5, 1.01), (float("nan"), 0.5)])
def test_a_point_off_the_screen_cannot_be_written_down(place):
    with pytest.raises(ValueError, match="on the screen"):
        Point(*place)


@pytest.mark.parametrize("edges", [(0.5, 0, 0.4, 1), (0, 0.5, 1, 0.4), (0, 0, 1.1, 1), (-0.1, 0, 1, 1)])
def test_a_box_off_the_screen_or_inside_out_cannot_be_written_down(edges):
    with pytest.raises(ValueError, match="box"):
        Box(*edges)


@pytest.mark.parametrize("sides", [(0, 10), (10, 0), (-1, 5)])
def test_a_size_has_pixels(sides):
    with pytest.raises(ValueError, match="1x1"):
        Size(*sides)


def test_all_four_edges_of_a_box_are_inside():
    box = Box(0.1, 0.2, 0.3, 0.4)
    corners = [Point(x, y) for x in (0.1, 0.3) for y in (0.2, 0.4)]
    assert all(box.contains(corner) for corner in [*corners, box.centre])
    assert not box.contains(Point(0.31, 0.3))
    assert not box.contains(Point(0.2, 0.19))


def test_distance_is_euclidean():
    assert Point(0, 0).distance(Point(0.3, 0.4)) == pytest.approx(0.5)
