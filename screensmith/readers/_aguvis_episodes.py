"""AGUVIS's records joined to episodes, a bounded number of them in memory.

Stage 1: the clicks asked for on one screenshot, in records that follow each other, are one episode.
Stage 2: which episode a record is of, and where in it, is in its image's name and in what it says was done
before; see `Assembly`. Source: formats.md 1.9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from screensmith.core.actions import Action, Click
from screensmith.core.episode import Element, Episode, Facts, Step
from screensmith.core.geometry import Box
from screensmith.readers._folder import Names
from screensmith.readers._navigation import LONGEST_EPISODE, MISSING_BEFORE

DATASET = "aguvis"
MOST_ELEMENTS = 10_000  # of one episode; what comes after them is another one
_NUMBER = r"(?P<number>\d{1,6})\.[^./]+"
_NAMES = tuple(
    re.compile(pattern, re.ASCII | re.DOTALL)
    for pattern in (
        rf"(?P<key>.+_seed\d+)_step_?{_NUMBER}",
        rf"(?P<key>.+)/(?:screenshot_|step_?){_NUMBER}",
        rf"(?P<key>.+)_{_NUMBER}",
    )
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One step of stage 2: its image's name, its goal, and what was done before where the record tells."""

    image: str
    goal: str
    before: tuple[str, ...] | None
    step: Step


@dataclass(frozen=True, slots=True)
class Ask:
    """One pair of stage 1: an image's name, what is asked for, and the step with the answer."""

    image: str
    instruction: str
    step: Step


@dataclass(slots=True)
class Assembly:
    """What has been read of the episode that is not complete yet.

    A record goes on with the episode before it when the image's key and the goal are the same and it is the
    next step: one more action was done before than before the last one, or, where that does not change or
    is not told, the number in the image's name is the next. So records on the same screenshot whose
    previous actions grow are successive steps. All else begins an episode; a key coming again gets "~2".

    Args:
        label: of the data file.
        facts: of every episode.
        names: the ids that are taken.
    """

    label: str
    facts: Facts
    names: Names
    _deeds: list[Deed] = field(default_factory=list)
    _asks: list[Ask] = field(default_factory=list)

    def add(self, item: Ask | Deed) -> Iterator[Episode]:
        """Take the next record; gives out the episodes that are complete now."""
        if isinstance(item, Deed):
            yield from self._flush_asks()
            yield from self._add_deed(item)
            return
        yield from self._flush_deeds()
        if not is_single_click(item.step.actions):
            yield self._episode(item.image, 1, item.instruction, (item.step,))
            return
        if self._asks and (item.image != self._asks[0].image or len(self._asks) >= MOST_ELEMENTS):
            yield from self._flush_asks()
        self._asks.append(item)

    def finish(self) -> Iterator[Episode]:
        """Give out what is left."""
        yield from self._flush_asks()
        yield from self._flush_deeds()

    def _add_deed(self, deed: Deed) -> Iterator[Episode]:
        full = len(self._deeds) >= LONGEST_EPISODE
        if self._deeds and (full or not follows(self._deeds[-1], deed.image, deed.goal, deed.before)):
            yield from self._flush_deeds()
        self._deeds.append(deed)

    def _flush_deeds(self) -> Iterator[Episode]:
        if self._deeds:
            first = self._deeds[0]
            steps = [deed.step for deed in self._deeds]
            if first.before:
                facts = {**first.step.facts, MISSING_BEFORE: len(first.before)}
                steps[0] = replace(first.step, facts=facts)
            self._deeds = []
            yield self._episode(place_of(first.image)[0], 2, first.goal, tuple(steps))

    def _flush_asks(self) -> Iterator[Episode]:
        if self._asks:
            first = self._asks[0]
            elements = tuple(_element(ask) for ask in self._asks)
            step = replace(first.step, elements=elements)
            self._asks = []
            yield self._episode(first.image, 1, first.instruction, (step,))

    def _episode(self, name: str, stage: int, goal: str, steps: tuple[Step, ...]) -> Episode:
        id = self.names.take(f"{self.label}/{name}")
        return Episode(id, goal, steps, {**self.facts, "stage": stage})


def place_of(image: str) -> tuple[str, int]:
    """The episode that an image's name tells, and the step's number; the name and 0 where it does not.

    Names: `<task>_seed<k>_step<n>.*`, `<episode>/screenshot_<n>.*`, `<episode>/step<n>.*` and
    `<episode>_<n>.*`.
    """
    for pattern in _NAMES:
        found = pattern.fullmatch(image)
        if found is not None:
            return found["key"], int(found["number"])
    stem, dot, _ = image.rpartition(".")
    return stem if dot else image, 0


def is_single_click(actions: tuple[Action, ...]) -> bool:
    """Whether there is one action, a click of the left button."""
    action = actions[0]
    if len(actions) > 1 or not isinstance(action, Click):
        return False
    return (action.button, action.count) == ("left", 1)


def follows(last: Deed, image: str, goal: str, before: tuple[str, ...] | None) -> bool:
    """Whether a record with this image, goal and previous actions is the step right after `last`."""
    (key, number), (last_key, last_number) = place_of(image), place_of(last.image)
    if key != last_key or goal != last.goal or number < last_number:
        return False
    done = 0 if before is None or last.before is None else len(before) - len(last.before)
    return done == 1 if done else number == last_number + 1


def _element(ask: Ask) -> Element:
    at = cast("Click", ask.step.actions[0]).at  # `add` lets no other action in
    return Element(Box(at.x, at.y, at.x, at.y), ask.instruction, point=at)
