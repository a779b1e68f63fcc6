"""One task, walked step by step: what the model notes at one step is what it is shown at the next."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.agent._memory_limits import fitted, length, plain
from screensmith.agent.rollout import unreadable_reason
from screensmith.core.episode import Facts, Memory, Screenshot
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.sample import Sample

SHORT_TERM, LONG_TERM = "short_term", "long_term"
PARTS = {SHORT_TERM: "short-term memory", LONG_TERM: "long-term memory"}
LONGEST_MEMORY_CHARACTERS = 4000

UNREADABLE = "answer unreadable: memory kept"
NO_MEMORY = "answer held no memory: kept"
BAD_MEMORY = "answer's memory unreadable: kept"


@dataclass(frozen=True, slots=True)
class Taken:
    """What is carried into the next step after an answer, and what is to be said of that.

    `notes` are short, countable phrases; none where the answer's memory was taken as it is.
    """

    memory: Memory
    notes: tuple[str, ...] = ()


class Session:
    """One task: its memory, which begins empty, and the number of the step that comes next, from 1.

    Make one for each task; nothing is shared between sessions.
    """

    def __init__(
        self,
        policy: BatchPolicy | None = None,
        *,
        memory: Memory | None = None,
        longest_memory_characters: int = LONGEST_MEMORY_CHARACTERS,
    ) -> None:
        """Begin a task.

        Args:
            policy: who answers; None where someone else asks, for example many sessions in one batch.
            memory: what is known already, with the parts "short_term" and "long_term".
            longest_memory_characters: of each part, as JSON; what is longer is shortened, and that is said.

        Raises:
            ValueError: the limit is too small for anything, or the memory is not made of such parts.
        """
        if longest_memory_characters < 2:
            raise ValueError(
                f"longest_memory_characters must be at least 2, got {longest_memory_characters}"
            )
        self._policy = policy
        self._longest = longest_memory_characters
        self._memory: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
        self._step_number = 1
        self.notes: tuple[str, ...] = () if memory is None else tuple(self._carry(memory))
        """What was said of the memory that the task began with."""

    @property
    def memory(self) -> Memory:
        """What is carried into the next step; a copy."""
        return copy.deepcopy(self._memory)

    @property
    def step_number(self) -> int:
        """Of the next step, from 1."""
        return self._step_number

    def carrying(self, sample: Sample) -> Sample:
        """The sample as this task comes to it: with this session's memory instead of its own."""
        return dataclasses.replace(sample, memory=self.memory)

    def sample(self, screenshot: Screenshot, goal: str, facts: Facts | None = None) -> Sample:
        """The next step as a question to a model.

        Args:
            screenshot: what the screen shows now.
            goal: what the user wants.
            facts: for the prompt: "task_id", "grounding"; the "step_number" is the session's own unless
                it is given.
        """
        known = {"step_number": self._step_number, **(facts or {})}
        task = known.get("task_id", "session")
        return Sample(
            f"task-{task}#{self._step_number - 1}", goal, screenshot, memory=self.memory, facts=known
        )

    def take(self, prediction: Prediction) -> Taken:
        """Go on to the next step with what an answer wants to be remembered.

        An answer that cannot be read, or that holds no memory, leaves what is carried as it is.
        """
        self._step_number += 1
        if unreadable_reason(prediction):
            return Taken(self.memory, (UNREADABLE,))
        if prediction.memory is None:
            return Taken(self.memory, (NO_MEMORY,))
        try:
            notes = tuple(self._carry(prediction.memory, said_missing=True))
        except ValueError:
            notes = (BAD_MEMORY,)
        return Taken(self.memory, notes)

    def step(
        self, screenshot: Screenshot, goal: str, facts: Facts | None = None
    ) -> tuple[Prediction, Taken]:
        """Ask the policy about the next screen, and go on with its answer.

        Raises:
            ValueError: the session has no policy.
        """
        if self._policy is None:
            raise ValueError("this session has no policy to ask: give it one, or use sample() and take()")
        prediction = self._policy([self.sample(screenshot, goal, facts)])[0]
        return prediction, self.take(prediction)

    def _carry(self, memory: Memory, *, said_missing: bool = False) -> list[str]:
        """Carry the parts that a memory has; what is to be said of it."""
        unknown = [str(name) for name in memory if name not in PARTS]
        if unknown:
            raise ValueError(f"a memory has the parts {' and '.join(PARTS)}, not {', '.join(unknown)}")
        notes: list[str] = []
        carried = dict(self._memory)
        for part, words in PARTS.items():
            held = memory.get(part)
            if held is None:
                notes += [f"answer held no {words}: kept"] if said_missing else []
                continue
            if not isinstance(held, Mapping):
                raise ValueError(f"the {words} must be an object, got a {type(held).__name__}")
            whole = plain(held)
            carried[part] = fitted(whole, self._longest)
            notes += [f"{words} shortened"] if length(whole) > self._longest else []
        self._memory = carried
        return notes
