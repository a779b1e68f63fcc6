"""Which sample comes when: a pure function of (size, seed, epoch), so that resuming is arithmetic."""

from __future__ import annotations

import functools

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
        return list(_permutation(samples, seed, epoch))
    order: list[int] = []
    position = epoch * limit
    while len(order) < limit:
        passed, offset = divmod(position, samples)
        taken = _permutation(samples, seed, passed)[offset : offset + limit - len(order)]
        order += taken
        position += len(taken)
    return order


@functools.lru_cache(maxsize=2)  # every step of an epoch asks for the same one
def _permutation(samples: int, seed: int, epoch: int) -> tuple[int, ...]:
    key = np.array([seed % 2**64, epoch], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key))
    return tuple(int(index) for index in generator.permutation(samples))
