"""Layers that skip redundant image tokens (UI-guided token selection, ShowUI).

A skipped token is not deleted: it passes a selecting layer unchanged, keeps its position, and takes
part in the next layer again. Which tokens are redundant is decided from pixels (`data.ui_graph`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Kept:
    """The tokens that selecting layers work on.

    `at` (B, K) are the kept tokens of each row in ascending
    order, -1 where a row keeps fewer than K. `present` (B * K,) is false for those. `tokens` are all
    tokens, B * L.
    """

    at: Tensor
    present: Tensor
    tokens: int
    _flat: Tensor

    @property
    def skipped(self) -> int:
        """How many tokens of all rows a selecting layer does not work on."""
        return self.tokens - len(self._flat)

    def take(self, values: Tensor) -> Tensor:
        """(B, K, ...) of values (B, L, ...)."""
        index = self.at.clamp(min=0)
        rows = torch.arange(len(index), device=index.device)[:, None]
        return values[rows, index]

    def put_back(self, values: Tensor, kept: Tensor) -> Tensor:
        """`values` (B, L, width) with the kept tokens' rows replaced by `kept` (B, K, width)."""
        new = kept.flatten(0, 1)[self.present]
        return values.flatten(0, 1).index_copy(0, self._flat, new).view_as(values)


def kept_tokens(keep: Tensor, image_at: Tensor, rows: int, length: int) -> Kept:
    """What selecting layers keep of (rows, length) tokens.

    Args:
        keep: (V,) false for image tokens to skip.
        image_at: (V,) their places, counted through all rows.
        rows: of the batch.
        length: of each row.
    """
    mask = torch.ones(rows * length, dtype=torch.bool, device=keep.device)
    mask[image_at] = keep
    mask = mask.view(rows, length)
    width = int(mask.sum(dim=1).max())
    index = torch.arange(length, device=keep.device).expand(rows, length)
    at = torch.where(mask, index, length).sort(dim=1).values[:, :width]
    present = at < length
    at = torch.where(present, at, -1)
    flat = (at + torch.arange(rows, device=keep.device)[:, None] * length)[present]
    return Kept(at, present.flatten(), rows * length, flat)
