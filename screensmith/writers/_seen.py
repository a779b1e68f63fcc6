"""Which of millions of texts were seen before, in about 20 bytes for each."""

from __future__ import annotations

import hashlib
from array import array

SMALLEST = 1024
FULLEST = 0.7  # of the slots; beyond that looking up grows slow


class Seen:
    """A set of texts kept as 64-bit hashes.

    Of ten million texts, some two count as the same by mistake once in 10^5 data sets.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * SMALLEST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, *texts: str) -> bool:
        """Put in what these texts are together; whether it is new."""
        digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=8).digest()
        hashed = int.from_bytes(digest, "big") or 1  # 0 is an empty slot
        if not _put(self._slots, hashed):
            return False
        self._count += 1
        if self._count > FULLEST * len(self._slots):
            self._grow()
        return True

    def _grow(self) -> None:
        slots = array("Q", bytes(16 * len(self._slots)))
        for hashed in self._slots:
            if hashed:
                _put(slots, hashed)
        self._slots = slots


def _put(slots: array[int], hashed: int) -> bool:
    mask = len(slots) - 1
    place = hashed & mask
    while slots[place]:
        if slots[place] == hashed:
            return False
        place = (place + 1) & mask
    slots[place] = hashed
    return True
