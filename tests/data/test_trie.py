"""One integer per token gives every sequence its own causal mask, positions and labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.data.trie import ImageSpan, TokenSequence, lay_out, positions_of


def plain(tokens, learn=None, images=(), weight=1.0):
    tokens = np.asarray(tokens, dtype=np.int64)
    flags = np.zeros(len(tokens), bool) if learn is None else np.asarray(learn, bool)
    return TokenSequence(tokens, flags, tuple(images), weight)


def with_image(before: int, rows: int, columns: int, after: int, key: str) -> TokenSequence:
    tokens = [1] * before + [9] * (rows * columns) + [2] * after
    return plain(tokens, images=[ImageSpan(before, rows, columns, key)])


@st.composite
def sequences(draw):
    """Short sequences over few tokens, so that beginnings are often shared."""
    texts = st.lists(st.integers(0, 2), min_size=1, max_size=7)
    result = []
    for tokens in draw(st.lists(texts, min_size=1, max_size=8)):
        learn = draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)))
        result.append(plain(tokens, [False, *learn[1:]], weight=draw(st.sampled_from([1.0, 0.5]))))
    return result


def paths(row):
    """The sequence of row indices that each token of the row can see, itself last."""
    visible = row.visible()
    return [np.flatnonzero(visible[index]).tolist() for index in range(len(row))]


@given(sequences())
def test_every_sequence_is_a_path_and_every_label_is_on_it(given_sequences):
    row = lay_out(given_sequences)
    found = {tuple(row.tokens[path].tolist()): path for path in paths(row)}
    wanted = []
    for sequence in given_sequences:
        tokens = tuple(sequence.tokens.tolist())
        path = found[tokens]
        np.testing.assert_array_equal(row.positions[:, path], positions_of(sequence))
        wanted += [(path[at - 1], tokens[at], sequence.weight) for at in np.flatnonzero(sequence.learn)]
    labels = zip(row.label_at, row.label_target, row.label_weight, strict=True)
    assert sorted((int(a), int(t), float(w)) for a, t, w in labels) == sorted(wanted)


@given(sequences())
def test_equal_beginnings_are_stored_once(given_sequences):
    distinct = {
        tuple(sequence.tokens[:length].tolist())
        for sequence in given_sequences
        for length in range(1, len(sequence.tokens) + 1)
    }
    assert len(lay_out(given_sequences)) == len(distinct)


def test_text_goes_on_after_an_image_from_its_longest_side():
    positions = positions_of(with_image(2, 2, 3, 2, "a"))
    assert positions.tolist() == [
        [0, 1, 2, 2, 2, 2, 2, 2, 5, 6],
        [0, 1, 2, 2, 2, 3, 3, 3, 5, 6],
        [0, 1, 2, 3, 4, 2, 3, 4, 5, 6],
    ]


def test_only_the_same_image_is_shared():
    same = lay_out([with_image(2, 2, 2, 1, "a"), with_image(2, 2, 2, 3, "a")])
    assert (len(same), len(same.images)) == (2 + 4 + 3, 1)
    other = lay_out([with_image(2, 2, 2, 1, "a"), with_image(2, 2, 2, 1, "b")])
    assert (len(other), [image.start for image in other.images]) == (2 + 5 + 5, [2, 7])
    shape = lay_out([with_image(2, 1, 4, 1, "a"), with_image(2, 2, 2, 1, "a")])
    assert len(shape.images) == 2


def test_a_row_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="at least one"):
        lay_out([])
    with pytest.raises(ValueError, match="first token"):
        lay_out([plain([1, 2], [True, False])])


@given(sequences())
def test_the_end_of_each_sequence_is_known_in_the_given_order(given_sequences):
    row = lay_out(given_sequences)
    for sequence, end in zip(given_sequences, row.sequence_end, strict=True):
        path = np.flatnonzero(row.visible()[end])
        assert row.tokens[path].tolist() == sequence.tokens.tolist()


def test_a_tile_that_does_not_spread_counts_like_text():
    sequence = plain([1, 9, 9, 9, 9, 2], images=[ImageSpan(1, 2, 2, "a", spreads=False)])
    assert positions_of(sequence).tolist() == [[0, 1, 2, 3, 4, 5]] * 3
