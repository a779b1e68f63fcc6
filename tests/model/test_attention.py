"""Dense masks, gathered blocks and FlexAttention's block masks say the same of random tries."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from screensmith.data.trie import TokenSequence, lay_out
from screensmith.model import attention
from screensmith.model.attention import Visibility, attend, visibility


@st.composite
def rows(draw):
    """A few rows of tries, their `subtree_end` padded to one length as `collate` does it."""
    ends = []
    for _ in range(draw(st.integers(1, 3))):
        texts = draw(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=25), min_size=1, max_size=6))
        sequences = [TokenSequence(np.asarray(text, np.int64), np.zeros(len(text), bool)) for text in texts]
        ends.append(lay_out(sequences).subtree_end)
    length = max(map(len, ends))
    padded = np.tile(np.arange(1, length + 1), (len(ends), 1))
    for row, end in zip(padded, ends, strict=True):
        row[: len(end)] = end
    return torch.from_numpy(padded)


def dense(subtree_end):
    """The rule of the design, written down once more, in plain loops over pairs."""
    size, length = subtree_end.shape
    mask = torch.zeros(size, 1, length, length, dtype=torch.bool)
    for row in range(size):
        for query in range(length):
            for key in range(query + 1):
                mask[row, 0, query, key] = query < subtree_end[row, key]
    return mask


def states(subtree_end, heads, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = (subtree_end.shape[0], heads, subtree_end.shape[1], 8)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def attended(seen, values):
    output, _ = attend(torch.nn.Module(), *values, seen, scaling=0.3)
    return output, torch.autograd.grad(output.square().sum(), values)


def assert_same(one, other):
    torch.testing.assert_close(one[0], other[0])
    for ours, theirs in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(ours, theirs)


@settings(max_examples=30, deadline=None)
@given(rows(), st.integers(1, 7))
def test_blocks_give_what_the_dense_mask_gives(subtree_end, block):
    values = [states(subtree_end, heads, seed) for seed, heads in enumerate((4, 2, 2))]
    expected = attended(Visibility(dense(subtree_end)), values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "BLOCK_QUERIES", block)
        patch.setattr(attention, "WORTHWHILE", 2.0)
        seen = visibility(subtree_end)
        assert bool(seen.blocks) == (subtree_end.shape[1] > 2 * block)
        assert_same(attended(seen, values), expected)


@settings(max_examples=10, deadline=None)
@given(rows())
def test_flex_attention_gives_what_the_dense_mask_gives(subtree_end):
    from torch.nn.attention.flex_attention import flex_attention

    values = [states(subtree_end, heads, seed).detach().float() for seed, heads in enumerate((4, 2, 2))]
    index = torch.arange(subtree_end.shape[1]).expand_as(subtree_end)
    seen = Visibility(flex=attention._flex_mask(index, subtree_end))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it is not compiled, which needs a GPU to pay
        patch.setattr(attention, "_flex", lambda: flex_attention)
        output, _ = attend(torch.nn.Module(), *values, seen, scaling=0.3)
    expected, _ = attend(torch.nn.Module(), *values, Visibility(dense(subtree_end)), scaling=0.3)
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(rows(), st.data())
def test_absent_tokens_are_as_if_they_were_not_there(subtree_end, data):
    size, length = subtree_end.shape
    chosen = [
        sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1), label="kept"))
        for _ in range(size)
    ]
    width = max(map(len, chosen))
    keys = torch.full((size, width), -1)
    for row, kept in zip(keys, chosen, strict=True):
        row[: len(kept)] = torch.tensor(kept)
    mask = visibility(subtree_end, keys=keys).mask
    whole = dense(subtree_end)
    for row, kept in enumerate(chosen):
        found = mask[row, 0, : len(kept)]
        assert (found[:, : len(kept)] == whole[row, 0][kept][:, kept]).all()
        assert not found[:, len(kept) :].any()
    assert mask.any(dim=3).all()  # a softmax over nothing would be NaN


def test_a_plain_mask_or_none_goes_to_the_librarys_own_attention():
    values = [torch.randn(1, 2, 5, 8) for _ in range(3)]
    output, _ = attend(torch.nn.Module(), *values, None, scaling=0.3, is_causal=True)
    causal = Visibility(torch.ones(5, 5, dtype=torch.bool).tril()[None, None])
    torch.testing.assert_close(output, attend(torch.nn.Module(), *values, causal, scaling=0.3)[0])


@pytest.mark.parametrize("queries", [1, 3, 40])
def test_few_queries_of_grouped_heads_give_what_repeated_keys_give(queries):
    generator = torch.Generator().manual_seed(queries)
    keys = 48
    query = torch.randn(2, 6, queries, 8, generator=generator)
    key, value = torch.randn(2, 2, 2, keys, 8, generator=generator)
    mask = torch.rand(2, 1, queries, keys, generator=generator) < 0.5
    mask[..., 0] = True
    found = attention._sdpa(query, key, value, mask, None, 0.0)
    whole = torch.nn.functional.scaled_dot_product_attention(
        query, key.repeat_interleave(3, 1), value.repeat_interleave(3, 1), attn_mask=mask
    )
    torch.testing.assert_close(found, whole)
    alone = attention._sdpa(query[:1], key[:1], value[:1], mask[0, 0], None, 0.0)
    torch.testing.assert_close(alone, whole[:1])
