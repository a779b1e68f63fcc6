"""The forge's lines joined to episodes, the lines of one episode in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.core.actions import Action, Click, points_of
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box
from screensmith.core.refusals import Refused
from screensmith.readers._aguvis_episodes import MOST_ELEMENTS, is_single_click
from screensmith.readers._folder import ROUNDING, Names
from screensmith.readers._navigation import LONGEST_EPISODE


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file; `name` is unique in what is read, `episode` "" where the line names none."""

    name: str
    stage: int
    image: str
    instruction: str
    screenshot: Screenshot
    actions: tuple[Action, ...]
    thought: str
    episode: str
    step: int
    step_instruction: str
    kind: str
    source: str
    box: Box | None
    facts: Mapping[str, Any]

    @property
    def as_step(self) -> Step:
        """The line as a step."""
        return Step(
            self.screenshot,
            self.actions,
            self.step_instruction or (self.instruction if self.stage == 1 else ""),
            self.thought,
            self.box,
            facts=dict(self.facts),
        )


class Assembly:
    """The lines of the episode that is not complete yet; `dataset` is a fact of every episode."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._names = Names()
        self._lines: list[Line] = []

    def add(self, line: Line) -> Iterator[Episode]:
        """Take the next line; gives out the episode that is complete now."""
        if self._lines and not _goes_on(self._lines, line):
            yield from self.finish()
        self._lines.append(line)

    def finish(self) -> Iterator[Episode]:
        """Give out what is left."""
        if not self._lines:
            return
        first, lines = self._lines[0], self._lines
        self._lines = []
        facts: dict[str, Any] = {"dataset": self._dataset, "stage": first.stage}
        if first.source:
            facts["source"] = first.source
        own = first.episode and (f"{first.episode}#{first.step}" if first.step else first.episode)
        id = self._names.take(own or first.name)
        yield Episode(id, first.instruction, _steps(lines), facts)


def _goes_on(lines: list[Line], line: Line) -> bool:
    last = lines[-1]
    if (line.stage, line.episode) != (last.stage, last.episode):
        return False
    if line.stage == 1:
        same = (line.image, line.step) == (last.image, last.step)
        return same and _clicks(line) and _clicks(last) and len(lines) < MOST_ELEMENTS
    follows = line.step == last.step + 1 and line.instruction == last.instruction
    return bool(line.episode) and follows and len(lines) < LONGEST_EPISODE


def _steps(lines: list[Line]) -> tuple[Step, ...]:
    first = lines[0]
    if first.stage == 2 or not _clicks(first):
        return tuple(line.as_step for line in lines)
    elements = tuple(_element(line) for line in lines)
    target = None if first.box is None else elements[0].box
    step = Step(
        first.screenshot,
        (Click(elements[0].at),),
        first.step_instruction or first.instruction,
        first.thought,
        target,
        elements,
        facts=dict(first.facts),
    )
    return (step,)


def _clicks(line: Line) -> bool:
    return is_single_click(line.actions)


def _element(line: Line) -> Element:
    (at,) = points_of(line.actions[0])
    if line.box is None:
        return Element(Box(at.x, at.y, at.x, at.y), line.instruction, line.kind, at)
    return Element(line.box, line.instruction, line.kind, at)


def box_with(box: Box, actions: tuple[Action, ...]) -> Box:
    """The box, grown to the first place of the first action where rounding took that out of it.

    Raises:
        Refused: the place is farther away.
    """
    places = points_of(actions[0])
    if not places or box.contains(places[0]):
        return box
    at = places[0]
    left, top = min(box.left, at.x), min(box.top, at.y)
    right, bottom = max(box.right, at.x), max(box.bottom, at.y)
    if max(box.left - left, box.top - top, right - box.right, bottom - box.bottom) > ROUNDING:
        raise Refused("point outside its box", f"({at.x}, {at.y}) is not in {box}")
    return Box(left, top, right, bottom)
