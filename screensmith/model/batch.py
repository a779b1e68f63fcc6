"""Rows of token tries as tensors: everything that one forward pass reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from screensmith.data.trie import ImageSpan, Row
from screensmith.model.images import content_of

Patches = Mapping[str, NDArray[np.uint8]]
"""Bytes of each tile's patches (patches, 3 * patch * patch), by the key that its spans carry."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The distinct tiles of a batch, each once, however many places show it.

    `patches` is uint8 (P, 3 * patch * patch), tile after tile; `grids` are rows and columns of each
    tile's patches; `keys` names their content. `features` (V, width, 1 + levels), where given, is
    what the tower said of them before, and then there are no patches.
    """

    keys: tuple[str, ...]
    grids: tuple[tuple[int, int], ...]
    patches: Tensor | None
    features: Tensor | None = None

    def to(self, device: torch.device | str) -> Pictures:
        """The same pictures on another device."""
        return dataclasses.replace(self, **_moved(self, device))


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of up to L tokens, N labels and V shown image tokens.

    `tokens` (B, L); `positions` (3, B, L); `subtree_end` (B, L): token i may see token j exactly
    when j <= i < subtree_end[j]; padding sees itself only. `label_at` (N,) and `image_at` (V,) count
    through all rows (row * L + token). `image_feature` (V,) says which of the pictures' features
    stands there. `keep` (V,) is false for image tokens that selecting layers skip, or None.
    """

    tokens: Tensor
    positions: Tensor
    subtree_end: Tensor
    label_at: Tensor
    label_target: Tensor
    label_weight: Tensor
    image_at: Tensor
    image_feature: Tensor
    pictures: Pictures | None
    real_tokens: int
    keep: Tensor | None = None

    @property
    def images(self) -> int:
        """Distinct screenshots, of which each may have several tiles."""
        return len({content_of(key) for key in self.pictures.keys}) if self.pictures else 0

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        pictures = None if self.pictures is None else self.pictures.to(device)
        return dataclasses.replace(self, **_moved(self, device), pictures=pictures)


def _moved(value: Batch | Pictures, device: torch.device | str) -> dict[str, Any]:
    return {
        field.name: tensor.to(device, non_blocking=True)
        for field in dataclasses.fields(value)
        if isinstance(tensor := getattr(value, field.name), Tensor)
    }


def collate(
    rows: Sequence[Row],
    patches: Patches,
    *,
    merge: int,
    padding: int,
    keep: Mapping[str, NDArray[np.bool_]] | None = None,
    features: Mapping[str, Tensor] | None = None,
) -> Batch:
    """Put rows side by side.

    Args:
        rows: at least one.
        patches: bytes of every tile that the rows show.
        merge: patches along each edge of one image token.
        padding: token id that fills short rows; such tokens see only themselves and carry no label.
        keep: which tokens of each tile selecting layers keep, by key.
        features: what the tower said of every tile before; then no patches are needed.
    """
    length = max(len(row) for row in rows)
    tokens = np.full((len(rows), length), padding, dtype=np.int64)
    positions = np.zeros((3, len(rows), length), dtype=np.int64)
    ends = np.tile(np.arange(1, length + 1), (len(rows), 1))
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row.tokens
        positions[:, number, : len(row)] = row.positions
        ends[number, : len(row)] = row.subtree_end
    spans = [(number * length + span.start, span) for number, row in enumerate(rows) for span in row.images]
    keys, offsets = _distinct([span for _, span in spans])
    kept = None
    if keep is not None and spans:
        kept = _joined([keep[str(span.key)] for _, span in spans], bool)
    return Batch(
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(positions),
        subtree_end=torch.from_numpy(ends),
        label_at=_joined([row.label_at + number * length for number, row in enumerate(rows)]),
        label_target=_joined([row.label_target for row in rows]),
        label_weight=_joined([row.label_weight for row in rows], np.float32),
        image_at=_joined([start + np.arange(span.tokens) for start, span in spans]),
        image_feature=_joined([offsets[str(span.key)] + np.arange(span.tokens) for _, span in spans]),
        pictures=_pictures(keys, patches, features, merge) if keys else None,
        real_tokens=sum(len(row) for row in rows),
        keep=kept,
    )


def _distinct(spans: Sequence[ImageSpan]) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """The token grid of each tile in order of appearance, and where its features begin."""
    grids: dict[str, tuple[int, int]] = {}
    offsets: dict[str, int] = {}
    count = 0
    for span in spans:
        key = str(span.key)
        if key not in grids:
            grids[key] = (span.rows, span.columns)
            offsets[key] = count
            count += span.tokens
    return grids, offsets


def _pictures(
    grids: Mapping[str, tuple[int, int]],
    patches: Patches,
    features: Mapping[str, Tensor] | None,
    merge: int,
) -> Pictures:
    return Pictures(
        keys=tuple(grids),
        grids=tuple((rows * merge, columns * merge) for rows, columns in grids.values()),
        patches=None if features else torch.cat([torch.from_numpy(patches[key]) for key in grids]),
        features=torch.cat([features[key] for key in grids]) if features else None,
    )


def blank_row(padding: int) -> Row:
    """A row of one token without labels, for a process that has nothing else to do in a step."""
    none = np.empty(0, np.int64)
    return Row(
        tokens=np.array([padding]),
        subtree_end=np.array([1]),
        positions=np.zeros((3, 1), np.int64),
        label_at=none,
        label_target=none,
        label_weight=np.empty(0, np.float32),
        images=(),
        sequence_end=none,
    )


def _joined(arrays: Sequence[NDArray[Any]], kind: Any = np.int64) -> Tensor:
    return torch.from_numpy(np.concatenate([np.empty(0, kind), *arrays]))
