"""Coordinates too coarse for the smallest tenth of the targets are warned about, with the numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Size
from screensmith.core.sample import Question, Sample
from screensmith.data.coarseness import coarse_coordinates

SCREEN = Size(1920, 1080)
WIDE = Box(0.25, 0.25, 0.5, 0.5)


def sample(*targets, screen=SCREEN):
    return Sample(
        "s", "find it", Screenshot(b"", screen), tuple(Question("it", (), box) for box in targets)
    )


def pixels_wide(width, height=400):
    return Box(0.25, 0.25, 0.25 + width / SCREEN.width, 0.25 + height / SCREEN.height)


def steps(across, down=None):
    return lambda _: (across, across if down is None else down)


TARGETS = [pixels_wide(12)] * 52 + [WIDE] * 460


def test_the_warning_has_the_numbers_and_a_way_out():
    found = coarse_coordinates([sample(*TARGETS[:100]), sample(*TARGETS[100:])], steps(0.01))
    assert found.warning == (
        "coordinates step 19.2 pixels on a screen 1920 pixels wide, but a tenth of the 512 targets "
        "is at most 0.625 steps wide (12 pixels there): use at least 3 decimals, a 0-1000 frame, or, "
        "where coordinates are pixels of the image that the model sees, larger images"
    )
    assert (found.targets, found.sizeless, found.across) == (512, 0, True)


def test_finer_coordinates_are_not_warned_about():
    assert coarse_coordinates([sample(*TARGETS)], steps(0.001)) is None


def test_fewer_than_a_tenth_of_small_targets_are_not_warned_about():
    assert coarse_coordinates([sample(*TARGETS[1:])], steps(0.01)) is None


@pytest.mark.parametrize("count", [1, 9, 10])
def test_of_few_targets_the_smallest_counts(count):
    assert coarse_coordinates([sample(pixels_wide(12), *[WIDE] * (count - 1))], steps(0.01))
    assert not coarse_coordinates([sample(pixels_wide(12), *[WIDE] * 10)], steps(0.01))


def test_a_target_of_exactly_one_step_is_wide_enough():
    just_less = Box(0.28, 0.1, 0.29, 0.9)  # in floats
    assert just_less.width < 0.01
    assert coarse_coordinates([sample(just_less)], steps(0.01)) is None


def test_low_targets_are_found_too():
    found = coarse_coordinates([sample(pixels_wide(400, 5.4))], steps(0.01))
    assert not found.across
    assert "10.8 pixels on a screen 1080 pixels tall" in found.warning
    assert "0.5 steps tall (5.4 pixels there)" in found.warning


def test_a_frame_of_a_thousand_is_not_advised_where_it_is_too_coarse_itself():
    found = coarse_coordinates([sample(pixels_wide(1))], steps(0.001))
    assert "at least 4 decimals, or, where" in found.warning


def test_each_target_is_compared_with_the_step_of_its_own_screen():
    large, small = Size(4000, 3000), Size(400, 300)
    target = Box(0.1, 0.1, 0.11, 0.2)  # 4 pixels of the small screen, 40 of the large one
    samples = [sample(target, screen=large), sample(target, screen=small)]
    # One pixel of a picture 50 wide: too coarse for both; of one 200 wide: for neither.
    assert coarse_coordinates(samples, steps(1 / 200)) is None
    only_small = coarse_coordinates(
        samples, lambda one: (1 / 50 if one.screenshot.size == small else 1 / 200, 1 / 200)
    )
    assert only_small.extent.screen_pixels == 400
    assert only_small.extent.step_pixels == pytest.approx(8)


def test_targets_without_area_are_left_out_and_said():
    place = Box(0.5, 0.5, 0.5, 0.5)
    line = Box(0.2, 0.5, 0.8, 0.5)
    found = coarse_coordinates([sample(place, line, pixels_wide(12))], steps(0.01))
    assert (found.targets, found.sizeless) == (1, 2)
    assert "(2 targets without area are left out)" in found.warning
    assert coarse_coordinates([sample(place, line, WIDE)], steps(0.01)) is None


def test_boxes_that_no_coordinates_could_hit_point_at_the_data():
    assert "check the boxes" in coarse_coordinates([sample(pixels_wide(1e-5))], steps(0.01)).warning


def test_without_targets_nothing_is_asked_or_said():
    def never(_):
        raise AssertionError("no target, so no step is needed")

    assert coarse_coordinates([], never) is None
    assert coarse_coordinates([sample(None)], never) is None
    assert coarse_coordinates([sample(Box(0, 0, 0, 0))], steps(0.5)) is None


@given(st.lists(st.floats(0.001, 0.2), min_size=1, max_size=40), st.integers(1, 4))
def test_a_warning_means_a_tenth_is_narrower_and_its_advice_ends_it(widths, decimals):
    targets = [Box(0.5, 0.1, 0.5 + width, 0.9) for width in widths]
    unit = 10.0**-decimals
    found = coarse_coordinates([sample(*targets)], steps(unit))
    narrow = sum(box.width < unit * (1 - 1e-9) for box in targets)
    assert (found is not None) == (narrow * 10 >= len(targets))
    if found:
        assert coarse_coordinates([sample(*targets)], steps(10.0**-found.decimals_needed)) is None
        assert coarse_coordinates([sample(*targets)], steps(10.0 ** (1 - found.decimals_needed)))
