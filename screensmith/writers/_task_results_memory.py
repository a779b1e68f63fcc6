"""What an actor carries from step to step: as an episode recorded it, or derived from what it did.

Derived memories hold nothing from the future: what a step carries on comes from its own screen and
operation and from the steps before it, and the next step carries just that in. So memories that a model
writes for itself look like those it learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from screensmith.core.actions import Operate
from screensmith.core.episode import Episode, Memory, Step
from screensmith.core.refusals import Refused
from screensmith.readers._task_results_cells import tells
from screensmith.readers._task_results_row import IN_OUTPUT, LONG_TERM, SHORT_TERM

MOST_DONE = 20  # the latest operations that the long term memory lists
MOST_OBSERVED = 5  # names in the last observation
LONGEST_WORDS = 80  # characters of a target in a memory


@dataclass(frozen=True, slots=True)
class Carried:
    """What is carried into a step and, where that is known, on from it; by "short_term" and "long_term"."""

    before: Memory
    after: Memory


def memories(episode: Episode, operations: Sequence[Operate]) -> list[Carried]:
    """The memories around each step.

    Args:
        episode: whose steps may hold memories of their own; then nothing is derived.
        operations: of its steps.

    Raises:
        Refused: a recorded memory has other parts, or something in it would be taken for the answer.
    """
    steps = episode.steps
    if any(step.memory is not None or step.memory_after is not None for step in steps):
        return _recorded(steps)
    after = [_noted(steps, operations, number) for number in range(len(steps))]
    empty: Memory = {SHORT_TERM: {}, LONG_TERM: {}}
    return [Carried(before, then) for before, then in zip([empty, *after], after, strict=False)]


def _recorded(steps: Sequence[Step]) -> list[Carried]:
    found = []
    earlier: Memory = {}
    for number, step in enumerate(steps):
        following = steps[number + 1].memory if number + 1 < len(steps) else None
        before = _checked(earlier if step.memory is None else step.memory, number)
        after = _checked(step.memory_after if step.memory_after is not None else following or {}, number)
        found.append(Carried(before, after))
        earlier = after
    return found


def _checked(memory: Memory, number: int) -> Memory:
    others = [name for name in memory if name not in IN_OUTPUT]
    if others:
        raise Refused("memory with parts of its own", f"step {number}: {', '.join(map(str, others))[:80]}")
    for part, value in memory.items():
        if not isinstance(value, Mapping):
            raise Refused("memory is no mapping", f"step {number}: {part}")
        if tells(value):
            raise Refused("memory mentions the ground truth", f"step {number}: {part}")
    return memory


def _noted(steps: Sequence[Step], operations: Sequence[Operate], number: int) -> Memory:
    """What is to be remembered after a step."""
    operation = operations[number]
    short: dict[str, Any] = {"last_action": operation.name, "last_target": shortened(operation.target)}
    seen = names_on(steps[number], MOST_OBSERVED)
    if seen:
        short["last_observation"] = f"On the screen: {', '.join(seen)}"
    first = max(0, number + 1 - MOST_DONE)
    done = [
        f"{place + 1}. {one.name} {shortened(one.target)}".strip()
        for place, one in enumerate(operations[: number + 1])
    ]
    return {SHORT_TERM: short, LONG_TERM: {"steps_done": number + 1, "done": done[first:]}}


def names_on(step: Step, most: int) -> list[str]:
    """What the first visible elements with a name are called, each name once."""
    names = dict.fromkeys(shortened(element.text) for element in step.elements if element.text.strip())
    return list(names)[:most]


def shortened(words: str) -> str:
    """The words on one line, cut where they are too long to be carried along."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_WORDS else f"{line[: LONGEST_WORDS - 1]}…"
