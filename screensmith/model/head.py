"""The loss at labelled positions, without ever holding all their logits.

A real family's vocabulary has about 152,000 entries, so a thousand labels' logits alone are 600 MB,
and autograd keeps several copies. The loss is a weighted sum of cross-entropies, so its gradient is
known as soon as a logit is: a block of positions is projected, turned into gradients in place, and
forgotten.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

BLOCK_BYTES = 128 << 20  # of float32 logits at a time


def summed_loss(head: nn.Module, hidden: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The weighted sum of the cross-entropies of N labels, in float32.

    Args:
        head: the vocabulary projection.
        hidden: (N, width) states at the labelled positions.
        target: (N,) token ids.
        weight: (N,) float32.
    """
    if type(head) is nn.Linear and head.bias is None:
        matrix = head.weight
        if torch.is_autocast_enabled(hidden.device.type):
            kind = torch.get_autocast_dtype(hidden.device.type)
            hidden, matrix = hidden.to(kind), matrix.to(kind)
        loss: Tensor = _SummedLoss.apply(hidden, matrix, target, weight)
        return loss
    logits = head(hidden).float()  # an adapted or quantised head: its own forward, all at once
    return (nn.functional.cross_entropy(logits, target, reduction="none") * weight).sum()


class _SummedLoss(torch.autograd.Function):
    """Forward works the gradients out as well; backward scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, matrix: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        wants_hidden, wants_matrix = ctx.needs_input_grad[:2]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty_like(hidden) if wants_hidden else None
        matrix_gradient = None
        rows = max(1, BLOCK_BYTES // (4 * matrix.shape[0]))
        for start in range(0, len(hidden), rows):
            block = slice(start, start + rows)
            states, targets, weights = hidden[block], target[block], weight[block]
            logits = (states @ matrix.T).float()
            picked = logits.gather(1, targets[:, None])[:, 0]
            largest = logits.amax(dim=1)
            chances = logits.sub_(largest[:, None]).exp_()  # in place: there is one copy of the logits
            scale = chances.sum(dim=1)
            total += ((largest + scale.log() - picked) * weights).sum()
            if hidden_gradient is None and not wants_matrix:
                continue
            error = chances.mul_((weights / scale)[:, None])
            error.scatter_add_(1, targets[:, None], -weights[:, None])
            error = error.to(states.dtype)
            if hidden_gradient is not None:
                torch.mm(error, matrix, out=hidden_gradient[block])
            if wants_matrix:
                matrix_gradient = _added(matrix_gradient, error, states)
        ctx.save_for_backward(hidden_gradient, matrix_gradient)
        ctx.kind = matrix.dtype
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, matrix = ctx.saved_tensors
        if hidden is not None:
            hidden = hidden * gradient.to(hidden.dtype)
        if matrix is not None:
            matrix = matrix.mul_(gradient).to(ctx.kind)
        return hidden, matrix, None, None


def _added(total: Tensor | None, error: Tensor, states: Tensor) -> Tensor:
    """The sum of products over blocks, in float32 whatever the products' type."""
    if total is None:
        return (error.T @ states).float()
    return total.addmm_(error.T, states) if states.dtype == torch.float32 else total.add_(error.T @ states)
