"""Rows keep the budget, share what they can, and nothing is lost or cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from screensmith.data.packing import Load, balance, pack_rows
from screensmith.data.trie import ImageSpan, TokenSequence, lay_out


def plain(tokens, images=()):
    return TokenSequence(np.asarray(tokens, np.int64), np.zeros(len(tokens), bool), tuple(images))


def question(screen: str, number: int, visual: int = 30, words: int = 10) -> TokenSequence:
    """A sequence that begins with a screen of its own and goes on with words of its own."""
    span = ImageSpan(1, 1, visual, screen)
    return plain([1] + [9] * visual + [100 + number] * words, [span])


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=15),
    st.integers(1, 30),
)
def test_every_sequence_comes_once_and_rows_keep_the_budget(texts, budget):
    sequences = [plain(text) for text in texts]
    rows = pack_rows(sequences, budget)
    assert sorted(index for row in rows for index in row) == list(range(len(texts)))
    for row in rows:
        assert len(row) == 1 or len(lay_out([sequences[index] for index in row])) <= budget


def test_a_sequence_longer_than_the_budget_has_a_row_of_its_own_and_is_not_cut():
    sequences = [plain([1] * 50), plain([2] * 5), plain([3] * 5)]
    rows = pack_rows(sequences, 10)
    assert sorted(map(sorted, rows)) == [[0], [1, 2]]


def test_the_questions_of_a_screen_stay_together_and_are_counted_once():
    sequences = [question(screen, number) for number in range(4) for screen in "ab"]
    rows = pack_rows(sequences, 31 + 4 * 10)
    assert sorted(map(sorted, rows)) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_a_beginning_that_all_share_makes_room_for_more():
    texts = [plain([7] * 20 + [number] * 8) for number in range(3)]
    assert len(pack_rows(texts, 20 + 3 * 8)) == 1
    assert len(pack_rows(texts, 20 + 3 * 8 - 1)) == 2


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=20), st.integers(1, 6)
)
def test_every_row_has_one_bin_and_no_bin_is_needlessly_empty(pairs, bins):
    loads = [Load(patches, tokens) for patches, tokens in pairs]
    result = balance(loads, bins)
    assert len(result) == bins
    assert sorted(index for members in result for index in members) == list(range(len(loads)))
    assert sum(not members for members in result) == max(0, bins - len(loads))


def test_patches_and_tokens_are_both_balanced():
    loads = [Load(100, 10), Load(100, 10), Load(0, 100), Load(0, 100)]
    for members in balance(loads, 2):
        assert sum(loads[index].patches for index in members) == 100
        assert sum(loads[index].tokens for index in members) == 110
