"""Attention over token tries: one integer per token says what sees what.

The library's attention layers look their function up by name; this module registers one that takes
a `Visibility` where others take a mask. Everything else, a plain mask or none, goes to the library's
own SDPA, so that a model prepared here still works with the library's `forward` and `generate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

NAME = "screensmith_tries"


BLOCK_QUERIES = 128  # of consecutive tokens whose keys are gathered together
FEW = 8  # keys for each query from which copying keys costs more than repeating the mask
WORTHWHILE = 0.7  # share of all scores below which gathering pays for itself


class Block(NamedTuple):
    """Queries `start` to `stop` of one row, the keys (n,) that any of them sees, and which sees which."""

    start: int
    stop: int
    keys: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Visibility:
    """What each of Q queries may see of K keys, for B rows; exactly one of the three is given.

    `mask` (B, 1, Q, K) is true where a query may look. `blocks` lists each row's blocks: siblings
    are skipped instead of computed and masked. `flex` is FlexAttention's block mask.
    """

    mask: Tensor | None = None
    blocks: tuple[tuple[Block, ...], ...] = ()
    flex: Any = None


def visibility(subtree_end: Tensor, *, keys: Tensor | None = None) -> Visibility:
    """What rows of tries may see: by FlexAttention on CUDA, else in blocks where that saves enough.

    Args:
        subtree_end: (B, L), see `Batch`.
        keys: (B, K) indices of the tokens that are present, ascending, -1 for none; None for all.
    """
    index = torch.arange(subtree_end.shape[1], device=subtree_end.device).expand_as(subtree_end)
    ends = subtree_end
    if keys is not None:
        ends = torch.where(keys < 0, 0, subtree_end.gather(1, keys.clamp(min=0)))
        index = keys
    if subtree_end.is_cuda:
        return Visibility(flex=_flex_mask(index, ends))
    if index.shape[1] > 2 * BLOCK_QUERIES:
        blocks = tuple(_blocks(*row) for row in zip(index, ends, strict=True))
        scores = sum(block.mask.numel() for row in blocks for block in row)
        if scores < WORTHWHILE * index.numel() * index.shape[1]:
            return Visibility(blocks=blocks)
    return Visibility(_may_see(index[:, :, None], index[:, None, :], ends[:, None, :])[:, None])


def _blocks(index: Tensor, ends: Tensor) -> tuple[Block, ...]:
    """The blocks of one row of K tokens: before a block, only what its first or later tokens see."""
    result = []
    for start in range(0, len(index), BLOCK_QUERIES):
        stop = min(start + BLOCK_QUERIES, len(index))
        first = index[start]
        before = torch.nonzero((ends[:start] > first) & (first >= 0)).flatten()
        keys = torch.cat([before, torch.arange(start, stop, device=index.device)])
        mask = _may_see(index[start:stop, None], index[None, keys], ends[None, keys])
        result.append(Block(start, stop, keys, mask))
    return tuple(result)


def _may_see(query: Tensor, key: Tensor, key_end: Tensor) -> Tensor:
    """The rule. Absent tokens (-1) see each other, so that no softmax is over nothing."""
    return ((key <= query) & (query < key_end) & (key >= 0)) | ((query < 0) & (key < 0))


def _flex_mask(index: Tensor, ends: Tensor) -> Any:
    """FlexAttention's block mask of the same rule."""
    from torch.nn.attention.flex_attention import create_block_mask

    rows, length = index.shape

    def may_see(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:  # noqa: ARG001
        return _may_see(index[row, query], index[row, key], ends[row, key])

    return create_block_mask(may_see, rows, None, length, length, device=index.device)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """The library's attention interface: (B, heads, Q, width) in, (B, Q, heads, width) out."""
    if not isinstance(attention_mask, Visibility):
        return _stock(module, query, key, value, attention_mask, scaling, dropout, options)
    grouped = query.shape[1] != key.shape[1]
    if attention_mask.flex is not None:
        output = _flex()(
            query, key, value, block_mask=attention_mask.flex, scale=scaling, enable_gqa=grouped
        )
    elif attention_mask.blocks:
        output = _in_blocks(query, key, value, attention_mask.blocks, scaling, dropout)
    else:
        assert attention_mask.mask is not None  # noqa: S101 - one of the three is there
        output = _sdpa(query, key, value, attention_mask.mask, scaling, dropout)
    return output.transpose(1, 2).contiguous(), None


def _sdpa(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float | None, dropout: float
) -> Tensor:
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1 and FEW * query.shape[2] <= key.shape[2]:
        return _few(query, key, value, mask, scaling, dropout)
    if repeats > 1:
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    return nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
    )


def _few(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float | None, dropout: float
) -> Tensor:
    """Few queries of grouped heads: those of a group stand in one head, so that no key is copied."""
    rows, heads, queries, width = query.shape
    repeats = heads // key.shape[1]
    output = nn.functional.scaled_dot_product_attention(
        query.reshape(rows, -1, repeats * queries, width),
        key,
        value,
        attn_mask=mask.repeat(1, 1, repeats, 1),
        dropout_p=dropout,
        scale=scaling,
    )
    return output.reshape(rows, heads, queries, -1)


def _in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rows: tuple[tuple[Block, ...], ...],
    scaling: float | None,
    dropout: float,
) -> Tensor:
    outputs = []
    for number, blocks in enumerate(rows):
        one = slice(number, number + 1)
        pieces = [
            _sdpa(
                query[one, :, block.start : block.stop],
                key[one].index_select(2, block.keys),
                value[one].index_select(2, block.keys),
                block.mask,
                scaling,
                dropout,
            )
            for block in blocks
        ]
        outputs.append(torch.cat(pieces, dim=2))
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0]


_COMPILED: list[Any] = []


def _flex() -> Any:
    """FlexAttention, compiled once."""
    if not _COMPILED:
        from torch.nn.attention.flex_attention import flex_attention

        _COMPILED.append(torch.compile(flex_attention, dynamic=True))
    return _COMPILED[0]


def _stock(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None,
    dropout: float,
    options: dict[str, Any],
) -> tuple[Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    result: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
    )
    return result


def use_tries(language: Any) -> None:
    """Let a library language model's layers attend through `attend`."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    language.config._attn_implementation = NAME
