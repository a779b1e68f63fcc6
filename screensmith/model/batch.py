"""Rows of token tries as tensors, and the loss that reads only labelled positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from screensmith.data.trie import Row
from screensmith.model.encode import Pixels


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of up to L tokens, and N labels.

    `input_ids` (B, L); `position_ids` (3, B, L); `attention_mask` (B, 1, L, L), true where a token
    may look; `label_row`, `label_at`, `label_target`, `label_weight` (N,); `pixel_values` (patches,
    values) and `image_grid_thw` (images, 3) in the order of the images' tokens, or None.
    """

    input_ids: Tensor
    position_ids: Tensor
    attention_mask: Tensor
    label_row: Tensor
    label_at: Tensor
    label_target: Tensor
    label_weight: Tensor
    pixel_values: Tensor | None
    image_grid_thw: Tensor | None
    samples: int

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved = {
            field.name: value.to(device, non_blocking=True)
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return dataclasses.replace(self, **moved)  # type: ignore[arg-type]

    @property
    def tokens(self) -> int:
        """Tokens that are not padding."""
        return int(torch.diagonal(self.attention_mask[:, 0], dim1=1, dim2=2).sum())


def collate(rows: Sequence[Row], pixels: Pixels, *, merge: int, padding: int, samples: int) -> Batch:
    """Put rows side by side.

    Args:
        rows: at least one.
        pixels: patches by image key.
        merge: patches along each side of one image token.
        padding: token id that fills short rows; such tokens see only themselves and carry no label.
        samples: how many samples the rows hold, for counting.
    """
    length = max(len(row) for row in rows)
    input_ids = np.full((len(rows), length), padding, dtype=np.int64)
    positions = np.zeros((3, len(rows), length), dtype=np.int64)
    mask = np.zeros((len(rows), 1, length, length), dtype=np.bool_)
    mask[:, 0] = np.eye(length, dtype=np.bool_)
    for number, row in enumerate(rows):
        input_ids[number, : len(row)] = row.tokens
        positions[:, number, : len(row)] = row.positions
        mask[number, 0, : len(row), : len(row)] = row.visible()
    spans = [span for row in rows for span in row.images]
    grids = [[1, span.rows * merge, span.columns * merge] for span in spans]
    patches = [torch.from_numpy(pixels[str(span.key)]) for span in spans]
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        position_ids=torch.from_numpy(positions),
        attention_mask=torch.from_numpy(mask),
        label_row=_joined([np.full(len(row.label_at), n) for n, row in enumerate(rows)]),
        label_at=_joined([row.label_at for row in rows]),
        label_target=_joined([row.label_target for row in rows]),
        label_weight=_joined([row.label_weight for row in rows]),
        pixel_values=torch.cat(patches) if patches else None,
        image_grid_thw=torch.tensor(grids) if grids else None,
        samples=samples,
    )


def _joined(arrays: list[Any]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))


class TokenLoss(nn.Module):
    """A model together with its loss, so that data-parallel wrappers see one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        """The weighted sum of the labels' cross-entropies, in float32, not yet divided by anything."""
        hidden = hidden_states(self.model, batch)
        picked = hidden[batch.label_row, batch.label_at]
        logits = self.model.lm_head(picked).float()  # type: ignore[operator]
        losses = nn.functional.cross_entropy(logits, batch.label_target, reduction="none")
        return (losses * batch.label_weight).sum()


def hidden_states(model: Any, batch: Batch) -> Tensor:
    """The last hidden states (B, L, width) of a library model, without its vocabulary projection."""
    images: dict[str, Any] = {}
    if batch.pixel_values is not None:
        images = {"pixel_values": batch.pixel_values, "image_grid_thw": batch.image_grid_thw}
    output = model.model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=batch.attention_mask,
        use_cache=False,
        **images,
    )
    hidden: Tensor = output.last_hidden_state
    return hidden
