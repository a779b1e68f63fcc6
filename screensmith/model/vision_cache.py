"""What a frozen vision tower said of each tile, kept on disk and never computed twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from screensmith.data.pixels import ImageGeometry
from screensmith.families import Family, VisualFeatures
from screensmith.model.batch import Pictures

FEATURES = "features"


class VisionCache:
    """Features by tile, in a folder that is named after weights and geometry.

    A file holds one tile's (tokens, width, 1 + levels). Files are written aside and renamed, so that
    several processes can share a folder.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder / identity
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, keys: Iterable[str]) -> dict[str, Tensor] | None:
        """The features of all tiles, or None where one is missing."""
        paths = {key: self._path(key) for key in keys}
        if not all(path.is_file() for path in paths.values()):
            return None
        return {key: load_file(path)[FEATURES] for key, path in paths.items()}

    def write(self, pictures: Pictures, features: VisualFeatures, merge: int) -> None:
        """Keep the features of a batch's tiles."""
        stacked = torch.stack([features.tokens, *features.levels], dim=2).detach().cpu()
        sizes = [rows * columns // merge**2 for rows, columns in pictures.grids]
        for key, values in zip(pictures.keys, torch.split(stacked, sizes), strict=True):
            path = self._path(key)
            if path.is_file():
                continue
            path.parent.mkdir(exist_ok=True)
            aside = path.with_suffix(f".{os.getpid()}.partial")
            save_file({FEATURES: values.contiguous()}, aside)
            aside.replace(path)

    def _path(self, key: str) -> Path:
        name = key.replace(":", "-")  # which not every file system takes
        return self.folder / name[:2] / f"{name}.safetensors"


def why_not(model: Any, family: Family) -> str:
    """Why features of this model cannot be kept; empty where they can."""
    learning = {
        family.part_of(name) for name, parameter in model.named_parameters() if parameter.requires_grad
    }
    if learning & {"vision", "projector"}:
        return (
            "the vision cache needs a vision tower and projector that do not learn: "
            "set freeze_vision and freeze_projector (adapters on the language model freeze both)"
        )
    return ""


def identity_of(model: Any, family: Family, geometry: ImageGeometry, precision: str) -> str:
    """A digest of everything that features depend on besides the image."""
    digest = hashlib.blake2b(f"{family.name}|{geometry!r}|{precision}".encode(), digest_size=16)
    for name, value in sorted(model.state_dict().items()):
        if family.part_of(name) != "language":
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
