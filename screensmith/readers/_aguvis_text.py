"""What the turns of an AGUVIS record say: the goal, what was done before, and the thought before the code.

Labels count only where a line begins with them. Source: formats.md 1.9.2 and 3.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LABELS = ("Observation", "Thought", "Action")
NOTHING_BEFORE = "None"
_LABEL = re.compile(r"^[ \t]*(Observation|Thought|Action)[ \t]*:[ \t]*", re.MULTILINE)
_GOAL = re.compile(r"^[ \t]*Instruction[ \t]*:", re.MULTILINE)
_BEFORE = re.compile(r"^[ \t]*Previous actions[ \t]*:", re.MULTILINE)
_STEP = re.compile(r"^[ \t]*Step (\d{1,6})[ \t]*:[ \t]*", re.MULTILINE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Said:
    """What stands before the code, part by part, without labels; "" for what is not there.

    `unlabelled` is the text before the first label; where there is no label at all it is the thought.
    """

    observation: str = ""
    thought: str = ""
    action_text: str = ""
    unlabelled: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked; `before` is None where the record does not tell what was done before."""

    goal: str
    before: tuple[str, ...] | None


def split_said(text: str) -> Said:
    """The parts of the turn before the code.

    The level is "l3" with an observation, "l2" with a thought, "l1" with an action's sentence only. A label
    that comes a second time is text of the part it stands in.
    """
    found: dict[str, re.Match[str]] = {}
    for match in _LABEL.finditer(text):
        found.setdefault(match[1], match)
    if not found:
        return Said(thought=text.strip())
    starts = [match.start() for match in found.values()]
    ends = dict(zip(found, [*starts[1:], len(text)], strict=True))
    parts = {label: text[match.end() : ends[label]].strip() for label, match in found.items()}
    level = next(level for level, label in zip(("l3", "l2", "l1"), LABELS, strict=True) if label in parts)
    observation, thought, action_text = (parts.get(label, "") for label in LABELS)
    return Said(observation, thought, action_text, text[: starts[0]].strip(), level)


def joined_said(said: Said) -> str:
    """The turn that `split_said` takes apart, in the usual order; empty parts are left out."""
    parts = zip(LABELS, (said.observation, said.thought, said.action_text), strict=True)
    lines = [f"{label}: {part}" for label, part in parts if part]
    return "\n".join([said.unlabelled, *lines] if said.unlabelled else lines)


def split_asked(text: str) -> Asked:
    """The goal and what was done before it; a text without the label "Instruction:" is the goal."""
    start = _GOAL.search(text)
    before = _BEFORE.search(text, start.end() if start else 0)
    goal = text[start.end() if start else 0 : before.start() if before else len(text)]
    return Asked(goal.strip(), _steps(text[before.end() :]) if before else None)


def _steps(block: str) -> tuple[str, ...]:
    block = block.strip()
    if block in ("", NOTHING_BEFORE):
        return ()
    places: list[re.Match[str]] = []
    for match in _STEP.finditer(block):
        # Only the next number ends a step: a step's own text may have a line that begins like one.
        if not places or int(match[1]) == int(places[-1][1]) + 1:
            places.append(match)
    if not places:
        return (block,)
    ends = [*(match.start() for match in places[1:]), len(block)]
    first = block[: places[0].start()].strip()
    steps = [block[match.end() : end].strip() for match, end in zip(places, ends, strict=True)]
    return tuple([first, *steps] if first else steps)
