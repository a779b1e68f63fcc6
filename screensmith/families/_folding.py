"""Colour normalisation as a part of the patch embedding, so that towers read plain bytes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MIDDLE = 128.0


def embed_patches(
    patches: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> Tensor:
    """The patch convolution over normalised colours, as one matrix product over bytes.

    With normalised colour n = (b / 255 - mean) / std, w . n is (w / (255 std)) . b plus a constant.
    Bytes are taken from the middle of their range, which bfloat16 holds exactly, so that the large
    constant does not eat the product's precision.

    Args:
        patches: uint8 (P, 3 * patch * patch), each row (y, x, channel).
        weight: (width, 3, patch, patch), or (width, 3, 2, patch, patch) for towers that read a still
            image as two video frames; the two are the same, so their weights add up.
        bias: (width,) or None.
        mean: subtracted from colours in 0..1.
        std: divides colours after that.

    Returns:
        (P, width) in the weight's type.
    """
    spatial = weight.sum(dim=2) if weight.ndim == 5 else weight
    channel = weight.new_tensor(std).reshape(1, 3, 1, 1)
    shift = (MIDDLE / 255.0 - weight.new_tensor(mean).reshape(1, 3, 1, 1)) / channel
    folded = (spatial / (255.0 * channel)).permute(0, 2, 3, 1).flatten(1)
    constant = (spatial * shift).sum(dim=(1, 2, 3))
    if bias is not None:
        constant = constant + bias
    centred = patches.to(weight.dtype) - MIDDLE
    return nn.functional.linear(centred, folded, constant)


class FoldedPatches(nn.Module):
    """Stands in for a tower's patch embedding and keeps its parameter names (`proj.weight`).

    Bytes are embedded by `embed_patches`; anything else goes through the library's own module.
    """

    def __init__(
        self, stock: nn.Module, mean: tuple[float, float, float], std: tuple[float, float, float]
    ) -> None:
        super().__init__()
        self.proj = stock.proj
        self._stock = [stock]  # not registered: its parameters are `proj`'s
        self._mean = mean
        self._std = std

    def forward(self, patches: Tensor) -> Tensor:
        """Embed (P, values) patches."""
        if patches.dtype != torch.uint8:
            embedded: Tensor = self._stock[0](patches)
            return embedded
        return embed_patches(patches, self.proj.weight, self.proj.bias, self._mean, self._std)  # type: ignore[union-attr, arg-type]
