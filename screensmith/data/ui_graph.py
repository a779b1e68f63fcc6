"""UI-guided visual token selection, the part without a model: what to drop, and in which layers.

A screenshot is a grid of cells, one per visual token. Neighbours that look the same form components
(a blank page is one), and layers that select read only a share of each component. Everything works on
whole arrays. The method is ShowUI's (arXiv 2411.17465).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

CELLS_COMPARED_AT_ONCE = 64  # the differences of so many cells stay in a core's cache


def components(
    patches: NDArray[np.uint8],
    *,
    rows: int,
    columns: int,
    merge: int,
    threshold: float,
    std: tuple[float, float, float],
    temporal: int = 2,
) -> Integers:
    """(rows * columns,): the component of each cell of one image, numbered by first appearance.

    `patches` is what the Qwen towers read: uint8 of shape (rows * columns * merge * merge, 3 * p * p),
    a patch being (y, x, channel) and the patches of a cell following each other, cells row by row.
    A cell joins its right and lower neighbour when the L2 norm of the difference of their normalised
    values is below `threshold`, every value counting `temporal` times because a still image stands
    for that many video frames. At a threshold of 0 nothing joins.

    Raises:
        ValueError: the patches are not such an array, or a number makes no sense.
    """
    refuse_other_patches(patches, rows, columns, merge)
    if not (threshold >= 0 and temporal >= 1 and len(std) == 3 and min(std) > 0):
        raise ValueError(
            "the threshold must be 0 or more, the temporal copies 1 or more and the three standard "
            f"deviations above 0, not {threshold}, {temporal} and {tuple(std)}"
        )
    cells = patches.reshape(rows * columns, merge * merge, -1, 3)
    weight = temporal / (255.0 * np.asarray(std, dtype=np.float64)) ** 2
    to_the_right = difference_norms(cells, 1, weight) < threshold
    to_the_right[columns - 1 :: columns] = False  # the last cell of a row and the first of the next
    below = difference_norms(cells, columns, weight) < threshold
    right, lower = np.flatnonzero(to_the_right), np.flatnonzero(below)
    first, second = np.concatenate([right, lower]), np.concatenate([right + 1, lower + columns])
    return connected(rows * columns, first, second)


def refuse_other_patches(patches: NDArray[np.uint8], rows: int, columns: int, merge: int) -> None:
    """Raise ValueError unless `patches` can be a `rows` x `columns` grid of merged uint8 patches."""
    if min(rows, columns, merge) < 1:
        raise ValueError(f"a grid of {rows} x {columns} cells of {merge} x {merge} patches is empty")
    if patches.dtype != np.uint8:
        raise ValueError(f"patches must be uint8 colours before normalisation, not {patches.dtype}")
    expected = rows * columns * merge * merge
    if patches.ndim != 2 or len(patches) != expected or not patches.size or patches.shape[1] % 3:
        raise ValueError(
            f"a grid of {rows} x {columns} cells of {merge} x {merge} patches has shape "
            f"({expected}, 3 * p * p), not {patches.shape}"
        )


def difference_norms(
    cells: NDArray[np.uint8], offset: int, weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n - offset,): the weighted L2 norm of each cell's difference to the cell `offset` after it.

    `cells` is (n, patches, pixels, channels), `weight` (channels,). A band of cells at a time, so
    that no float copy of the image is made. Sums of whole squares stay exact in float32 for patches
    of up to 16 x 16 pixels (16 * 16 * 255 ** 2 < 2 ** 24); only they are weighted, in float64.
    """
    pairs = max(len(cells) - offset, 0)
    squares = np.empty(pairs, dtype=np.float64)
    for start in range(0, pairs, CELLS_COMPARED_AT_ONCE):
        stop = min(start + CELLS_COMPARED_AT_ONCE, pairs)
        here, there = cells[start:stop], cells[start + offset : stop + offset]
        difference = np.subtract(here, there, dtype=np.float32)
        sums = np.einsum("npxc,npxc->npc", difference, difference)
        squares[start:stop] = sums.sum(axis=1, dtype=np.float64) @ weight
    return np.sqrt(squares)


def connected(nodes: int, first: Integers, second: Integers) -> Integers:
    """(nodes,): the connected component of each node, numbered by first appearance.

    `first` and `second` are the ends of the edges. Each round hangs roots under smaller roots that
    they touch, then lets every node point at its root (pointer jumping), so that no cycle can arise
    and the root of a component is its first node.
    """
    root = np.arange(nodes, dtype=np.int64)
    while True:
        one, other = root[first], root[second]
        apart = one != other
        if not apart.any():
            break
        # Of several smaller roots any will do: the last one written stays.
        root[np.maximum(one, other)[apart]] = np.minimum(one, other)[apart]
        while not np.array_equal(above := root[root], root):
            root = above
        first, second = first[apart], second[apart]
    number: Integers = np.cumsum(root == np.arange(nodes)) - 1
    return number[root]


def keep_mask(
    component: Integers, ratio: float, *, generator: np.random.Generator | None = None
) -> NDArray[np.bool_]:
    """(n,): whether each visual token is read by the layers that select.

    `component` holds a number for each token; equal numbers are one component, so the images of a
    sample need different ones. A component of n tokens keeps max(1, n - round(n * ratio)), rounded
    half to even: evenly spread with the first and the last, or a random choice with a `generator`.

    Raises:
        ValueError: the ratio is not within 0 to 1.
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f"the share of visual tokens to drop must be within 0 to 1, not {ratio}")
    _, group, size = np.unique(component, return_inverse=True, return_counts=True)
    keep = np.maximum(1, size - np.rint(size * float(ratio)).astype(np.int64))
    key = np.zeros(len(component)) if generator is None else generator.random(len(component))
    by_group = np.lexsort((key, group))  # stable: without a generator tokens stay in their order

    kept_group = np.repeat(np.arange(len(size)), keep)
    turn = np.arange(len(kept_group)) - np.repeat(np.cumsum(keep) - keep, keep)
    place = turn if generator is not None else spread(turn, size[kept_group], keep[kept_group])
    begin = np.cumsum(size) - size
    mask = np.zeros(len(component), dtype=np.bool_)
    mask[by_group[begin[kept_group] + place]] = True
    return mask


def spread(turn: Integers, size: Integers, keep: Integers) -> Integers:
    """Element `turn` of linspace(0, size - 1, keep), truncated; the three arrays have one shape.

    The same float64 operations as in NumPy's linspace: turn times step, and the end as it is.
    """
    step = (size - 1) / np.maximum(keep - 1, 1)
    place = (turn * step).astype(np.int64)
    return np.where((turn == keep - 1) & (keep > 1), size - 1, place)


def layer_flags(spec: str | Sequence[Sequence[int]], layers: int) -> tuple[bool, ...]:
    """Which of the language model's `layers` select visual tokens.

    `spec` is ranges (start, end, flag), also as text: '[2,2,1],[4,4,1]'. Layers count from 1, the end
    is included, later ranges override, what lies beyond the last layer is ignored; layers that no
    range names do not select. So '[1,28,0]' is no layer at all and '[1,28,1]' the first 28.

    Raises:
        ValueError: the text or a range is not of this form.
    """
    flags = [False] * layers
    for entry in parsed_ranges(spec) if isinstance(spec, str) else spec:
        start, end, flag = checked_range(entry)
        for layer in range(start, min(end, layers) + 1):
            flags[layer - 1] = bool(flag)
    return tuple(flags)


def parsed_ranges(spec: str) -> Sequence[object]:
    """The ranges written in `spec`, with or without brackets around them all; not yet checked."""
    try:
        ranges: list[object] = json.loads(f"[{spec}]")
    except (ValueError, RecursionError):
        raise ValueError(
            f"lm_skip_layer: {shortened(spec)} cannot be read; write ranges [start,end,flag] with commas "
            "between them, such as [2,2,1],[4,4,1]"
        ) from None
    if len(ranges) == 1 and isinstance(ranges[0], list):
        inner: list[object] = ranges[0]
        if all(isinstance(entry, list) for entry in inner):
            return inner
    return ranges


def checked_range(entry: object) -> tuple[int, int, int]:
    """`entry` as (start, end, flag); raises ValueError where it is no range of layers."""
    values: list[object] = list(entry) if isinstance(entry, list | tuple) else []
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(values) != 3 or len(numbers) != 3:
        raise ValueError(
            f"lm_skip_layer: {shortened(entry)} is not a range; write [start,end,flag] with three whole "
            "numbers, such as [1,28,1]"
        )
    start, end, flag = numbers
    if start < 1 or start > end:
        raise ValueError(
            f"lm_skip_layer: {shortened(entry)} names no layers; layers count from 1 and the start must "
            "not be greater than the end"
        )
    if flag not in (0, 1):
        raise ValueError(
            f"lm_skip_layer: the flag of {shortened(entry)} must be 1 (select visual tokens) or 0 (do not)"
        )
    return start, end, flag


def shortened(value: object, characters: int = 60) -> str:
    """`value` as an error message shows it, cut when it is long."""
    text = repr(value)
    return text if len(text) <= characters else f"{text[: characters - 3]}..."


def selects_anything(flags: Sequence[bool], ratio: float) -> str:
    """Empty when these settings can drop tokens, otherwise one sentence on why they never do."""
    if not any(flags):
        return (
            "lm_skip_layer selects visual tokens in no layer, so none is dropped: the third number of "
            f"a range must be 1, such as [1,{max(len(flags), 1)},1] ([1,28,0] means that no layer selects)."
        )
    if ratio == 0:
        return (
            "The share of visual tokens to drop is 0, so none is dropped: set a ratio above 0, such as 0.5."
        )
    return ""
