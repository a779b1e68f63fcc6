"""Attention over token tries: one integer per token says what sees what.

The library's attention layers look their function up by name; this module registers one that takes
a `Visibility` where others take a mask. Everything else, a plain mask or none, goes to the library's
own SDPA, so that a model prepared here still works with the library's `forward` and `generate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

NAME = "screensmith_tries"


@dataclass(frozen=True, slots=True)
class Visibility:
    """What each of Q queries may see of K keys, for B rows.

    `mask` (B, 1, Q, K) is true where a query may look. On CUDA, where FlexAttention compiles,
    `blocks` is the same as a block mask and `mask` is None.
    """

    mask: Tensor | None
    blocks: Any = None


def visibility(subtree_end: Tensor, *, keys: Tensor | None = None) -> Visibility:
    """The mask of rows of tries.

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
        return Visibility(None, _blocks(index, ends))
    return Visibility(_may_see(index[:, :, None], index[:, None, :], ends[:, None, :])[:, None])


def _may_see(query: Tensor, key: Tensor, key_end: Tensor) -> Tensor:
    """The rule. Absent tokens (-1) see each other, so that no softmax is over nothing."""
    return ((key <= query) & (query < key_end) & (key >= 0)) | ((query < 0) & (key < 0))


def _blocks(index: Tensor, ends: Tensor) -> Any:
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
    if attention_mask.blocks is not None:
        output = _flex()(
            query, key, value, block_mask=attention_mask.blocks, scale=scaling, enable_gqa=grouped
        )
    else:
        if grouped:
            repeats = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
        output = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_mask.mask, dropout_p=dropout, scale=scaling
        )
    return output.transpose(1, 2).contiguous(), None


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
