"""Token sequences laid out as a forest of tries, one integer per token.

Sequences that begin with the same tokens (and images) share them. Tokens lie in depth-first order
and each stores `subtree_end`; token i may see token j exactly when `j <= i < subtree_end[j]`, which
is the causal mask of every sequence alone. So one row holds many questions about one screenshot, or
unrelated samples, with the same loss and gradients as training each sequence by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ImageSpan:
    """A tile of an image in a sequence: where its tokens begin, its grid, and what identifies it.

    Where a tile `spreads`, its tokens' rotary positions are their rows and columns; else it counts
    like text.
    """

    start: int
    rows: int
    columns: int
    key: Hashable
    spreads: bool = True

    @property
    def tokens(self) -> int:
        """How many tokens the image takes."""
        return self.rows * self.columns


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One training text: its tokens, which of them are targets of the loss, and its images.

    `tokens` and `learn` have the same length; the first token can never be learned.
    """

    tokens: Integers
    learn: NDArray[np.bool_]
    images: tuple[ImageSpan, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """A forest of sequences in one row of length L.

    `positions` is (3, L): time, height and width of each token in its own sequence. `labels` are
    three arrays of equal length: where a prediction is read, the token it should be, its weight.
    `sequence_end` is where the last token of each sequence lies, in the order they were given.
    """

    tokens: Integers
    subtree_end: Integers
    positions: Integers
    label_at: Integers
    label_target: Integers
    label_weight: NDArray[np.float32]
    images: tuple[ImageSpan, ...]
    sequence_end: Integers

    def __len__(self) -> int:
        return len(self.tokens)

    def visible(self) -> NDArray[np.bool_]:
        """(L, L) mask: whether the row's token i (first axis) may see token j (second axis)."""
        index = np.arange(len(self))
        later = index[None, :] <= index[:, None]
        return later & (index[:, None] < self.subtree_end[None, :])


def positions_of(sequence: TokenSequence) -> Integers:
    """(3, n) rotary positions: text counts on all axes, an image spreads over its rows and columns.

    After an image, text goes on from the largest position used, plus one (Qwen2-VL, section 2.1).
    """
    length = len(sequence.tokens)
    positions = np.empty((3, length), dtype=np.int64)
    at, next_position = 0, 0
    for image in (image for image in sequence.images if image.spreads):
        text = image.start - at
        positions[:, at : image.start] = next_position + np.arange(text)
        origin = next_position + text
        stop = image.start + image.tokens
        positions[0, image.start : stop] = origin
        positions[1, image.start : stop] = origin + np.repeat(np.arange(image.rows), image.columns)
        positions[2, image.start : stop] = origin + np.tile(np.arange(image.columns), image.rows)
        at, next_position = stop, origin + max(image.rows, image.columns)
    positions[:, at:] = next_position + np.arange(length - at)
    return positions


def lay_out(sequences: Sequence[TokenSequence]) -> Row:
    """Lay sequences out as one row in which equal beginnings are stored once.

    Raises:
        ValueError: there is no sequence, or one learns its first token.
    """
    if not sequences:
        raise ValueError("a row needs at least one sequence")
    identities = identities_of(sequences)
    order = sorted(range(len(sequences)), key=lambda index: identities[index].tolist())
    builder = _RowBuilder()
    previous: Integers = np.empty(0, dtype=np.int64)
    for index in order:
        builder.add(sequences[index], common_prefix(previous, identities[index]))
        previous = identities[index]
    return builder.finish(np.argsort(order))


def identities_of(sequences: Sequence[TokenSequence]) -> list[Integers]:
    """Tokens with every image's tokens replaced by a negative number that names its content."""
    numbers: dict[Hashable, int] = {}
    result = []
    for sequence in sequences:
        identity = sequence.tokens.astype(np.int64, copy=True)
        for image in sequence.images:
            number = numbers.setdefault((image.key, image.rows, image.columns), len(numbers))
            identity[image.start : image.start + image.tokens] = -1 - number
        result.append(identity)
    return result


def common_prefix(first: Integers, second: Integers) -> int:
    """How many leading values are equal."""
    length = min(len(first), len(second))
    differing = np.flatnonzero(first[:length] != second[:length])
    return int(differing[0]) if len(differing) else length


class _RowBuilder:
    """Appends sequences in sorted order; `_path` maps depth in the last sequence to row index."""

    def __init__(self) -> None:
        self._tokens: list[Integers] = []
        self._positions: list[Integers] = []
        self._ends: list[tuple[Integers, int]] = []
        self._labels: list[tuple[Integers, Integers, float]] = []
        self._images: list[ImageSpan] = []
        self._path: Integers = np.empty(0, dtype=np.int64)
        self._length = 0
        self._last: list[int] = []

    def add(self, sequence: TokenSequence, shared: int) -> None:
        if sequence.learn[:1].any():
            raise ValueError("the first token of a sequence cannot be learned")
        self._ends.append((self._path[shared:], self._length))
        new = len(sequence.tokens) - shared
        offset = self._length - shared
        self._path = np.concatenate([self._path[:shared], self._length + np.arange(new)])
        self._tokens.append(sequence.tokens[shared:])
        self._positions.append(positions_of(sequence)[:, shared:])
        self._images += [
            dataclasses.replace(image, start=image.start + offset)
            for image in sequence.images
            if image.start >= shared
        ]
        learned = np.flatnonzero(sequence.learn)
        self._labels.append((self._path[learned - 1], sequence.tokens[learned], sequence.weight))
        self._length += new
        self._last.append(int(self._path[-1]))

    def finish(self, given: Integers) -> Row:
        """The row; `given` is the number among those added of each sequence in its first order."""
        self._ends.append((self._path, self._length))
        subtree_end = np.empty(self._length, dtype=np.int64)
        for indices, end in self._ends:
            subtree_end[indices] = end
        weights = [np.full(len(at), weight, np.float32) for at, _, weight in self._labels]
        return Row(
            tokens=np.concatenate(self._tokens).astype(np.int64),
            subtree_end=subtree_end,
            positions=np.concatenate(self._positions, axis=1),
            label_at=np.concatenate([at for at, _, _ in self._labels]),
            label_target=np.concatenate([target for _, target, _ in self._labels]).astype(np.int64),
            label_weight=np.concatenate(weights),
            images=tuple(self._images),
            sequence_end=np.asarray(self._last, dtype=np.int64)[given],
        )
