"""Which screenshot cells form one component, which of their tokens stay, and in which layers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.data.ui_graph import components, keep_mask, layer_flags, selects_anything

CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# Of two cells of 28 x 28 pixels that differ by one grey level everywhere.
GREY_LEVEL_NORM = math.sqrt(2 * 28 * 28 * sum((1 / 255 / std) ** 2 for std in CLIP_STD))


def patches_of(image, merge, patch_pixels):
    """The patch array of a (height, width, 3) image, cut out one patch at a time."""
    height, width, _ = image.shape
    cell = merge * patch_pixels
    result = []
    for top in range(0, height, cell):
        for left in range(0, width, cell):
            for y in range(top, top + cell, patch_pixels):
                for x in range(left, left + cell, patch_pixels):
                    patch = image[y : y + patch_pixels, x : x + patch_pixels]
                    result.append(patch.reshape(-1))
    return np.stack(result)


def components_of(image, merge=2, patch_pixels=14, threshold=1.0, **more):
    cell = merge * patch_pixels
    return components(
        patches_of(image, merge, patch_pixels),
        rows=image.shape[0] // cell,
        columns=image.shape[1] // cell,
        merge=merge,
        threshold=threshold,
        std=CLIP_STD,
        **more,
    )


def naive_components(image, cell, threshold, temporal=2):
    """Union-find over the pixels of the image itself, cell by cell."""
    rows, columns = image.shape[0] // cell, image.shape[1] // cell
    normalised = image.astype(np.float64) / 255 / np.array(CLIP_STD)
    parent = list(range(rows * columns))

    def find(node):
        while parent[node] != node:
            node = parent[node]
        return node

    def pixels(row, column):
        return normalised[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]

    for row in range(rows):
        for column in range(columns):
            for down, right in ((0, 1), (1, 0)):
                if row + down < rows and column + right < columns:
                    difference = pixels(row, column) - pixels(row + down, column + right)
                    if math.sqrt(temporal * (difference**2).sum()) < threshold:
                        one = find(row * columns + column)
                        other = find((row + down) * columns + column + right)
                        parent[max(one, other)] = min(one, other)
    numbers = {}
    return [numbers.setdefault(find(node), len(numbers)) for node in range(rows * columns)]


def painted(cells, cell_pixels):
    """An image whose cells each have one grey level."""
    levels = np.asarray(cells, dtype=np.uint8)
    return np.repeat(levels, cell_pixels, 0).repeat(cell_pixels, 1)[..., None].repeat(3, 2)


@st.composite
def small_images(draw, cell_pixels):
    """Cells of a few colours, some with a few other pixels: many neighbours alike, not all."""
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    palette = random.integers(0, 256, (draw(st.integers(1, 3)), 3), dtype=np.uint8)
    colours = palette[random.integers(0, len(palette), (rows, columns))]
    image = np.repeat(colours, cell_pixels, 0).repeat(cell_pixels, 1)
    for _ in range(draw(st.integers(0, 5))):
        y, x = random.integers(image.shape[0]), random.integers(image.shape[1])
        image[y, x, random.integers(3)] ^= 1 << random.integers(8)
    return image


@given(small_images(4), st.sampled_from([0.0, 0.05, 1.0, 3.0, 20.0]), st.integers(1, 2))
def test_components_of_merged_patches_equal_union_find_over_pixels(image, threshold, temporal):
    found = components_of(image, 2, 2, threshold, temporal=temporal)
    assert found.dtype == np.int64
    assert found.tolist() == naive_components(image, 4, threshold, temporal)


@given(small_images(3), st.sampled_from([0.05, 1.0, 3.0]))
def test_components_of_single_patches_equal_union_find_over_pixels(image, threshold):
    assert components_of(image, 1, 3, threshold).tolist() == naive_components(image, 3, threshold)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.3, 0.7))
def test_winding_components_of_large_grids_are_found(rows, columns, seed, share):
    levels = (np.random.default_rng(seed).random((rows, columns)) < share) * 200
    image = painted(levels, 1)
    assert components_of(image, 1, 1).tolist() == naive_components(image, 1, 1.0)


def test_a_spiral_is_one_component():
    """A long winding path, whose end lies far from its beginning in raster order."""
    size = 31
    level = np.zeros((size, size), np.uint8)
    row, column, down, right = 0, 0, 0, 1
    level[row, column] = 255
    turns = 0
    while turns < 2:
        ahead = (row + 2 * down, column + 2 * right)
        inside = 0 <= row + down < size and 0 <= column + right < size
        blocked = not inside or level[row + down, column + right]
        if not blocked and min(ahead) >= 0 and max(ahead) < size:
            blocked = bool(level[ahead])
        if blocked:
            down, right, turns = right, -down, turns + 1
            continue
        row, column, turns = row + down, column + right, 0
        level[row, column] = 255
    found = components_of(painted(level, 1), 1, 1).reshape(size, size)
    assert set(found[level == 255].tolist()) == {0}
    assert set(found[level == 0].tolist()) == {1}


def test_components_are_numbered_by_first_appearance():
    cells = [
        [7, 9, 7, 7],
        [7, 9, 9, 7],
        [7, 7, 9, 5],
        [9, 7, 7, 7],
    ]
    golden = [
        [0, 1, 2, 2],
        [0, 1, 1, 2],
        [0, 0, 1, 3],
        [4, 0, 0, 0],
    ]
    assert components_of(painted(cells, 28)).reshape(4, 4).tolist() == golden


def test_a_component_that_closes_late_takes_the_number_of_its_first_cell():
    cells = [[9, 7, 9, 7, 9], [9, 9, 9, 7, 9], [7, 7, 9, 9, 9]]
    golden = [[0, 1, 0, 2, 0], [0, 0, 0, 2, 0], [3, 3, 0, 0, 0]]
    assert components_of(painted(cells, 28)).reshape(3, 5).tolist() == golden


def test_the_end_of_a_row_does_not_join_the_beginning_of_the_next():
    assert components_of(painted([[1, 2, 9], [9, 3, 4]], 28)).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("neighbours", [[[100, 101]], [[100], [101]]])
def test_one_grey_level_is_just_too_different_at_threshold_one(neighbours):
    assert pytest.approx(1.002, abs=5e-4) == GREY_LEVEL_NORM
    image = painted(neighbours, 28)
    assert components_of(image, threshold=1.0).tolist() == [0, 1]
    assert components_of(image, threshold=GREY_LEVEL_NORM - 1e-6).tolist() == [0, 1]
    assert components_of(image, threshold=GREY_LEVEL_NORM + 1e-6).tolist() == [0, 0]
    assert components_of(image, threshold=1.0, temporal=1).tolist() == [0, 0]
    assert components_of(painted(np.full_like(neighbours, 100), 28)).tolist() == [0, 0]


def test_one_black_pixel_in_a_white_cell_is_seen_in_either_direction():
    image = painted([[255, 255]], 28)
    image[13, 40] = 0
    norm = math.sqrt(2 * sum(1 / std**2 for std in CLIP_STD))
    assert norm == pytest.approx(9.1, abs=0.05)
    assert components_of(image, threshold=norm - 1e-6).tolist() == [0, 1]
    assert components_of(image, threshold=norm + 1e-6).tolist() == [0, 0]
    assert components_of(255 - image, threshold=norm - 1e-6).tolist() == [0, 1]


def test_channels_count_by_their_own_standard_deviation():
    for channel, std in enumerate(CLIP_STD):
        image = painted([[10, 10]], 28)
        image[:, 28:, channel] = 12
        norm = math.sqrt(2 * 28 * 28) * 2 / 255 / std
        assert components_of(image, threshold=norm * 0.9999).tolist() == [0, 1]
        assert components_of(image, threshold=norm * 1.0001).tolist() == [0, 0]


def test_the_largest_difference_is_not_lost_to_wrapping_or_rounding():
    image = painted([[0, 255]], 32)
    norm = math.sqrt(2 * 32 * 32 * sum(1 / std**2 for std in CLIP_STD))
    assert components_of(image, 2, 16, norm * (1 - 1e-9)).tolist() == [0, 1]
    assert components_of(image, 2, 16, norm * (1 + 1e-9)).tolist() == [0, 0]


def test_an_image_of_one_colour_keeps_half_of_its_tokens():
    found = components_of(painted(np.full((27, 48), 33), 28))
    assert found.shape == (1296,)
    assert not found.any()
    assert keep_mask(found, 0.5).sum() == 648


def test_an_image_whose_cells_all_differ_drops_nothing():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (9 * 28, 16 * 28, 3), dtype=np.uint8)
    found = components_of(image)
    assert found.tolist() == list(range(144))
    assert keep_mask(found, 1.0).all()


@pytest.mark.parametrize(
    ("patches", "grid", "message"),
    [
        (np.zeros((16, 12), np.float32), (2, 2, 2), "uint8"),
        (np.zeros((15, 12), np.uint8), (2, 2, 2), r"\(16, 3 \* p \* p\), not \(15, 12\)"),
        (np.zeros((16, 11), np.uint8), (2, 2, 2), r"not \(16, 11\)"),
        (np.zeros((16, 0), np.uint8), (2, 2, 2), r"not \(16, 0\)"),
        (np.zeros((16, 3, 4), np.uint8), (2, 2, 2), r"not \(16, 3, 4\)"),
        (np.zeros((0, 12), np.uint8), (0, 2, 2), "is empty"),
    ],
)
def test_other_patches_are_refused(patches, grid, message):
    rows, columns, merge = grid
    with pytest.raises(ValueError, match=message):
        components(patches, rows=rows, columns=columns, merge=merge, threshold=1.0, std=CLIP_STD)


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": -1.0}, {"threshold": math.nan}, {"temporal": 0}, {"std": (0.2, 0.0, 0.2)}],
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    settings = {"threshold": 1.0, "std": CLIP_STD} | wrong
    with pytest.raises(ValueError, match="threshold must be 0 or more"):
        components(np.zeros((16, 12), np.uint8), rows=2, columns=2, merge=2, **settings)


KEPT = {
    0.5: {1: 1, 2: 1, 3: 1, 4: 2, 5: 3, 10: 5, 100: 50, 1296: 648},
    0.25: {2: 2, 3: 2, 4: 3, 5: 4, 10: 8},
    1.0: {1: 1, 2: 1, 3: 1, 50: 1},
    0.0: {1: 1, 2: 2, 7: 7},
}


@pytest.mark.parametrize("ratio", KEPT)
def test_a_component_keeps_its_share(ratio):
    for size, kept in KEPT[ratio].items():
        component = np.zeros(size, dtype=np.int64)
        assert keep_mask(component, ratio).sum() == kept
        assert keep_mask(component, ratio, generator=np.random.default_rng(3)).sum() == kept


def test_kept_tokens_are_spread_from_the_first_to_the_last():
    assert np.flatnonzero(keep_mask(np.zeros(10, np.int64), 0.5)).tolist() == [0, 2, 4, 6, 9]
    assert np.flatnonzero(keep_mask(np.zeros(5, np.int64), 0.5)).tolist() == [0, 2, 4]
    mixed = np.array([0, 1, 1, 0, 2, 0, 1, 0, 1, 0, 1])
    assert np.flatnonzero(keep_mask(mixed, 0.5)).tolist() == [0, 1, 4, 5, 6, 9, 10]


def naive_mask(component, ratio):
    mask = np.zeros(len(component), bool)
    for number in set(component.tolist()):
        places = np.flatnonzero(component == number)
        keep = max(1, len(places) - round(len(places) * ratio))
        mask[places[np.linspace(0, len(places) - 1, keep).astype(int)]] = True
    return mask


SOME_COMPONENTS = st.builds(
    lambda tokens, numbers, seed: np.random.default_rng(seed).integers(0, numbers, tokens) * 3 + 5,
    st.integers(0, 400),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)


@given(SOME_COMPONENTS, st.floats(0, 1))
def test_the_mask_equals_a_loop_over_components(component, ratio):
    np.testing.assert_array_equal(keep_mask(component, ratio), naive_mask(component, ratio))


@given(st.integers(1, 20_000), st.floats(0, 1))
def test_one_large_component_equals_linspace(size, ratio):
    component = np.zeros(size, dtype=np.int64)
    np.testing.assert_array_equal(keep_mask(component, ratio), naive_mask(component, ratio))


def test_every_pair_of_sizes_equals_linspace():
    """All sizes up to 400 at once, whose ratios reach every number of kept tokens up to the size."""
    sizes = np.arange(1, 401)
    component = np.repeat(sizes, sizes)
    for ratio in np.linspace(0, 1, 41):
        np.testing.assert_array_equal(keep_mask(component, ratio), naive_mask(component, ratio))


@given(SOME_COMPONENTS, st.floats(0, 1), st.booleans(), st.integers(0, 2**32 - 1))
def test_each_component_keeps_exactly_its_count(component, ratio, random, seed):
    generator = np.random.default_rng(seed) if random else None
    mask = keep_mask(component, ratio, generator=generator)
    assert mask.dtype == np.bool_
    assert mask.shape == component.shape
    for number in np.unique(component):
        own = mask[component == number]
        keep = max(1, len(own) - round(len(own) * ratio))
        assert own.sum() == keep
        if keep >= 2 and not random:
            assert own[0]
            assert own[-1]


def test_random_masks_follow_their_generator_and_reach_every_token_alike():
    component = np.repeat([0, 1], [4, 40])
    masks = [keep_mask(component, 0.5, generator=np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(*masks)
    generator = np.random.default_rng(0)
    often = np.mean([keep_mask(component, 0.5, generator=generator) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(often, 0.5, atol=0.06)  # five standard deviations


@pytest.mark.parametrize("ratio", [-0.1, 1.1, math.nan, 50])
def test_a_ratio_outside_zero_to_one_is_refused(ratio):
    with pytest.raises(ValueError, match="within 0 to 1"):
        keep_mask(np.zeros(3, np.int64), ratio)


@pytest.mark.parametrize(
    ("spec", "selecting"),
    [
        ("[1,28,0]", []),
        ("[1,28,1]", list(range(1, 29))),
        ("[2,2,1],[4,4,1]", [2, 4]),
        (" [2, 2, 1] ,\n[4, 4, 1] ", [2, 4]),
        ("[[2,2,1],[4,4,1]]", [2, 4]),
        ("[[2,3,1]]", [2, 3]),
        ("[1,28,1],[3,27,0]", [1, 2, 28]),
        ("[3,4,0],[1,28,1]", list(range(1, 29))),
        ("[27,99,1]", [27, 28]),
        ("[29,36,1],[5,5,1]", [5]),
        ("", []),
        ([[2, 2, 1], (4, 5, 1)], [2, 4, 5]),
        ([], []),
    ],
)
def test_layers_are_ranges_from_one_whose_later_ones_override(spec, selecting):
    expected = tuple(layer in selecting for layer in range(1, 29))
    assert layer_flags(spec, 28) == expected


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(1, 70), st.integers(0, 70), st.integers(0, 1)), max_size=8),
)
def test_text_and_lists_of_ranges_mean_the_same(layers, drawn):
    ranges = [[start, start + more, flag] for start, more, flag in drawn]
    expected = []
    for layer in range(1, layers + 1):
        naming = [flag for start, end, flag in ranges if start <= layer <= end]
        expected.append(bool(naming and naming[-1]))
    assert layer_flags(ranges, layers) == tuple(expected)
    assert layer_flags(",".join(map(str, ranges)), layers) == tuple(expected)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("[0,28,1]", "count from 1"),
        ("[-2,3,1]", "count from 1"),
        ("[5,4,1]", "not be greater"),
        ("[1,28,2]", "must be 1"),
        ("[1,28,-1]", "must be 1"),
        ("[1,28]", "three whole numbers"),
        ("[1,28,1,1]", "three whole numbers"),
        ("1,28,1", "three whole numbers"),
        ("[1.5,28,1]", "three whole numbers"),
        ("[1,28,true]", "three whole numbers"),
        ('["1","28","1"]', "three whole numbers"),
        ("[[[1,28,1]]]", "three whole numbers"),
        ("[1,28,1],", "cannot be read"),
        ("[1,28,1", "cannot be read"),
        ("all", "cannot be read"),
        ("__import__('os')", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("9" * 5_000, "cannot be read"),
        ([1, 28, 1], "three whole numbers"),
        (["abc"], "three whole numbers"),
        ([[1, None, 1]], "three whole numbers"),
        ([{"start": 1}], "three whole numbers"),
    ],
)
def test_nonsense_for_layers_is_refused_by_name(spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        layer_flags(spec, 28)
    assert str(caught.value).startswith("lm_skip_layer: ")
    assert len(str(caught.value)) < 250


def test_settings_that_select_nothing_say_why():
    assert selects_anything(layer_flags("[1,28,1]", 28), 0.5) == ""
    assert selects_anything(layer_flags("[2,2,1]", 28), 0.01) == ""
    documented = selects_anything(layer_flags("[1,28,0]", 28), 0.5)
    assert "[1,28,0] means that no layer selects" in documented
    assert "lm_skip_layer" in documented
    assert "[1,36,1]" in selects_anything((False,) * 36, 0.5)
    assert selects_anything((), 0.5)
    assert "to drop is 0" in selects_anything((True, False), 0.0)
