"""What a model is asked: one screen, what went before, and one or more questions about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from screensmith.core.actions import Action
from screensmith.core.episode import Element, Facts, Memory, Screenshot, Step
from screensmith.core.geometry import Box


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the screen (empty: the sample's goal), and what should be answered.

    `form` says how it is asked, for prompts that know several ways (see prompts/showui_grounding.py).
    `then` are questions asked after this one in the same conversation, each with its answer before the
    next; questions of a sample that are not chained so do not know of each other. `thought` and `memory`
    belong to the expected answer: why, and what to carry on, for prompts that have models say them.
    """

    ask: str = ""
    expected: tuple[Action, ...] = ()
    target: Box | None = None
    form: str = ""
    then: tuple[Question, ...] = ()
    thought: str = ""
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One decision to learn, to score or to make.

    `history` holds the steps before this one, oldest first, and `memory` what the actor carries into
    it. A live policy is asked with one question that expects nothing.
    """

    id: str
    goal: str
    screenshot: Screenshot
    questions: tuple[Question, ...] = (Question(),)
    history: tuple[Step, ...] = ()
    elements: tuple[Element, ...] = ()
    memory: Memory | None = None
    facts: Facts = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.questions:
            raise ValueError(f"sample {self.id}: at least one question is needed")
