"""AGUVIS's sampling strategies: which rows of a data file a mixture takes. Source: formats.md 1.9.1."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

_STRATEGY = re.compile(r"(first|end|random):(\d{1,12})(%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many rows are taken, and from where.

    Args:
        kind: "all", "first", "end" or "random".
        amount: of rows, or per cent of them, 0 to 100.
        percent: which of the two it is.
    """

    kind: str = "all"
    amount: int = 0
    percent: bool = False

    @property
    def needs_count(self) -> bool:
        """Whether `chosen` must know how many rows there are."""
        return self.kind in ("end", "random") or self.percent

    def size(self, count: int) -> int:
        """How many of `count` rows are taken; part of a row counts whole."""
        if self.kind == "all":
            return count
        wanted = -(-self.amount * count // 100) if self.percent else self.amount
        return min(wanted, count)

    def chosen(self, count: int | None, seed: str) -> Iterator[bool]:
        """For each row in order, whether it is taken, up to the last one that is; no row is held in memory.

        Rows taken at random keep their order. Which they are follows from the seed and the count alone,
        so every process takes the same.

        Args:
            count: of the rows; None only where `needs_count` does not ask for it.
            seed: any text.
        """
        if self.kind == "all":
            return itertools.repeat(True)
        wanted = self.amount if count is None else self.size(count)
        if self.kind == "first" or count is None:
            return itertools.repeat(True, wanted)
        if self.kind == "random":
            return _at_random(wanted, count, seed)
        return itertools.chain(itertools.repeat(False, count - wanted), itertools.repeat(True, wanted))


ALL = Sampling()


def sampling_of(strategy: object) -> Sampling:
    """What a mixture's "sampling_strategy" says.

    Raises:
        ValueError: it is none of `all`, `first:N`, `end:N` and `random:N`; N is a whole number or, with
            "%", a whole number of per cent.
    """
    text = str(strategy).strip()
    if text == "all":
        return Sampling()
    found = _STRATEGY.fullmatch(text)
    if found is None:
        raise ValueError(
            f"sampling strategy {text[:80]!r} cannot be read; write all, first:N, end:N or random:N, where "
            "N is a whole number of rows, or of per cent as in random:33%"
        )
    kind, digits, percent = found.groups()
    if percent and int(digits) > 100:
        raise ValueError(f"sampling strategy {text!r} asks for more than 100%; name the file twice instead")
    return Sampling(kind, int(digits), bool(percent))


def _at_random(wanted: int, count: int, seed: str) -> Iterator[bool]:
    # Knuth's selection sampling: every subset is equally likely, in order and without a list of rows.
    digest = hashlib.blake2b(seed.encode(), digest_size=16).digest()
    chance = random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - no secret
    for left in range(count, 0, -1):
        if not wanted:
            return
        taken = chance.random() * left < wanted
        wanted -= taken
        yield taken
