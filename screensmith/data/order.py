"""Which sample comes when: a pure function of (size, seed, epoch), so that resuming is arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np


def epoch_order(samples: int, *, seed: int, epoch: int, limit: int = 0) -> list[int]:
    """A shuffled order of `samples` indices for one epoch.

    Args:
        samples: how many there are.
        seed: the run's seed.
        epoch: counted from 0; each epoch has its own order.
        limit: how many to take, 0 for all. Smaller epochs take up where the last one stopped in a
            longer shuffled pass, so that every sample comes once before any comes twice.
    """
    if not limit or limit >= samples:
        return _permutation(samples, seed, epoch)
    order: list[int] = []
    position = epoch * limit
    while len(order) < limit:
        passed, offset = divmod(position, samples)
        taken = _permutation(samples, seed, passed)[offset : offset + limit - len(order)]
        order += taken
        position += len(taken)
    return order


def _permutation(samples: int, seed: int, epoch: int) -> list[int]:
    generator = np.random.Generator(np.random.Philox(key=[seed % 2**64, epoch]))
    return [int(index) for index in generator.permutation(samples)]


Item = TypeVar("Item")


def batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """The items in consecutive groups of `size`; the last may be smaller."""
    return [items[start : start + size] for start in range(0, len(items), size)]
