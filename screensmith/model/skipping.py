"""Which image tokens selecting layers skip, and how many that really were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screensmith.data.pixels import ImageGeometry
from screensmith.data.ui_graph import components, keep_mask, layer_flags, selects_anything
from screensmith.model.batch import Batch


@dataclass(frozen=True, slots=True)
class Skipping:
    """UI-guided token selection; `layers` says which layers select."""

    layers: tuple[bool, ...]
    ratio: float
    threshold: float
    random: bool
    seed: int
    geometry: ImageGeometry

    def keep(
        self,
        patches: Mapping[str, NDArray[np.uint8]],
        grids: Mapping[str, tuple[int, int]],
        step: int = 0,
    ) -> dict[str, NDArray[np.bool_]]:
        """Which tokens of each tile are kept.

        Args:
            patches: bytes of the tiles' patches, by key.
            grids: rows and columns of the tiles' tokens, by key.
            step: of the run; a random choice is another one each step.
        """
        return {key: self._keep(patches[key], grid, key, step) for key, grid in grids.items()}

    def report(self, skipped_by_layer: Mapping[int, int]) -> str:
        """What each layer really skipped in a run; a run that skipped nothing says so."""
        if not any(skipped_by_layer.values()):
            return "token selection skipped nothing: no image had cells that look the same"
        counts = sorted(skipped_by_layer.items())
        listed = ", ".join(f"layer {layer + 1}: {count}" for layer, count in counts)
        return f"token selection skipped image tokens in {len(counts)} layers ({listed})"

    def _keep(
        self, patches: NDArray[np.uint8], grid: tuple[int, int], key: str, step: int
    ) -> NDArray[np.bool_]:
        component = components(
            patches,
            rows=grid[0],
            columns=grid[1],
            merge=self.geometry.merge,
            threshold=self.threshold,
            std=self.geometry.std,
        )
        generator = None
        if self.random:
            entropy = [self.seed, step, *key.encode()]
            generator = np.random.default_rng(np.random.SeedSequence(entropy))
        return keep_mask(component, self.ratio, generator=generator)


def skipping(
    spec: str,
    ratio: float,
    threshold: float,
    *,
    geometry: ImageGeometry,
    layers: int,
    random: bool = False,
    seed: int = 0,
) -> Skipping | None:
    """The selection that a specification asks for, or None where it is empty.

    Args:
        spec: which layers select, as `data.ui_graph.layer_flags` reads it.
        ratio: share of redundant tokens that is skipped.
        threshold: largest colour distance between cells that count as the same.
        geometry: how images are cut.
        layers: of the language model.
        random: skip random redundant tokens instead of evenly spaced ones.
        seed: of the random choice.

    Raises:
        ValueError: it would select nothing, or the family's tiles are not cut into cells.
    """
    if not spec:
        return None
    flags = layer_flags(spec, layers)
    problem = selects_anything(flags, ratio)
    if problem:
        raise ValueError(f"skip_layers {spec!r}: {problem}")
    if geometry.patch_block != geometry.merge:
        raise ValueError("skip_layers works with the Qwen-VL families only; leave it empty for this model")
    return Skipping(flags, ratio, threshold, random, seed, geometry)


def skipped_tokens(batch: Batch) -> int:
    """Image tokens of a batch that each selecting layer skips."""
    return 0 if batch.keep is None else int((~batch.keep).sum())
