"""What a policy answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from screensmith.core.actions import Action
from screensmith.core.episode import Memory
from screensmith.core.sample import Sample


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer: its text, the actions read from it, and why none could be read.

    `thought` and `memory` are the reasons it gave and what it wants to carry on, where its prompt has
    it say them; `memory` is None where the answer holds none that can be read.
    """

    text: str
    actions: tuple[Action, ...] = ()
    problem: str = ""
    thought: str = ""
    memory: Memory | None = None


Policy = Callable[[Sample], Prediction]
"""One decision."""

BatchPolicy = Callable[[Sequence[Sample]], list[Prediction]]
"""Decisions that do not depend on each other, answered together; same length, same order."""
