"""What an episode becomes in the forge's two files. Source: formats.md 1.10."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from screensmith.core.actions import Action, Click, Copy, PressKeys, Scroll, TypeText, Wait
from screensmith.core.episode import Element, Episode, Step
from screensmith.core.geometry import Box, Point
from screensmith.core.refusals import Refusal, Refused
from screensmith.dialects import Dialect, Unsupported
from screensmith.dialects.forge import HUNDREDTHS
from screensmith.readers.forge import KEPT
from screensmith.writers import Tally
from screensmith.writers._images import Images, name_of, with_part
from screensmith.writers._seen import Seen
from screensmith.writers._showui_layout import check_whole, own_name

GROUNDING_SETS = ("screenspot", "osworld_g", "amex", "showui_web", "showui_desktop")
NAVIGATION_SETS = ("aitw", "androidcontrol", "guiact", "mind2web", "miniwob", "task_results")
TOLD = ("previous_actions", "action_text", "observation")
MOST_ELEMENTS = 10_000  # of one screenshot, as the reader joins them
IMAGES = "images"
REPEATED = "same image, instruction and action"
_LEVEL = re.compile(r"-l[123]$", re.ASCII)

Objects = list[Mapping[str, Any]]


@dataclass(slots=True)
class Made:
    """An episode's lines for both files, what the reader will make of them, and what had no place."""

    grounding: Objects = field(default_factory=list)
    reasoning: Objects = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    left_out: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Forging:
    """How episodes become lines.

    Args:
        dialect: of the forge.
        images: where screenshots go.
        seen: what the grounding file holds already.
        require_thoughts: refuse what has a step without a thought on the way into the reasoning file.
    """

    dialect: Dialect
    images: Images
    seen: Seen
    require_thoughts: bool

    def made_of(self, episode: Episode) -> Made:
        """The lines of an episode.

        Raises:
            Refused: nothing of it can be written, or an image cannot be read.
        """
        made = Made()
        names = _ImageNames(episode, self.images)
        reasons = reasoning_in(episode)
        try:
            if reasons:
                self._reason(episode, names, made)
        except Refused as refused:
            if not any(step.elements for step in episode.steps) or refused.reason.startswith("image"):
                raise
            made.left_out.append(Refusal(episode.id, refused.reason, refused.detail))
        grounded = [
            (step, list(self._asked(episode, number, names, made)))
            for number, step in enumerate(episode.steps)
            if step.elements or not reasons
        ]
        # What was seen is noted last: nothing of an episode that is refused counts as written.
        for step, lines in grounded:
            self._ground(step, lines, made)
        if (
            not made.grounding
            and not made.reasoning
            and not any(r.reason == REPEATED for r in made.left_out)
        ):
            first = made.left_out[0]
            raise Refused(first.reason, first.detail)
        return made

    def _reason(self, episode: Episode, names: _ImageNames, made: Made) -> None:
        answers = []
        for number, step in enumerate(episode.steps):
            check_whole(step, number)
            if self.require_thoughts and not step.thought.strip():
                raise Refused("no thought", f"step {number}")
            answers.append(self._said(step.actions, step, number))
        for number, (step, answer) in enumerate(zip(episode.steps, answers, strict=True)):
            line = {**names.of(number), "instruction": episode.goal, "action": answer}
            if step.thought:
                line["thought"] = step.thought
            if step.instruction and step.instruction != episode.goal:
                line["step_instruction"] = step.instruction
            made.reasoning.append(line | _more(episode, number) | _boxed(step.target))
        made.tally += Tally(1, len(episode.steps))

    def _asked(
        self, episode: Episode, number: int, names: _ImageNames, made: Made
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """A line with its name for each element of a step, or for the step itself where it has none."""
        step = episode.steps[number]
        check_whole(step, number)
        more = _more(episode, number)
        single = [Element(step.target or Box(0, 0, 0, 0), step.instruction or episode.goal)]
        for place, element in enumerate(step.elements or single):
            id = f"{episode.id}#{number}.{place}"
            if not element.text.strip():
                made.left_out.append(Refusal(id, "element without a name"))
                continue
            actions = (Click(element.at),) if step.elements else step.actions
            answer = self._said(actions, step, number)
            line = {**names.of(number), "instruction": element.text, "action": answer}
            line |= more | _boxed(element.box)
            yield id, {**line, "kind": element.kind} if element.kind else line

    def _ground(self, step: Step, lines: Sequence[tuple[str, dict[str, Any]]], made: Made) -> None:
        """Add the lines of one step that are not there yet."""
        new: Objects = []
        for id, line in lines:
            if self.seen.add(line["image_path"], line["instruction"], line["action"]):
                new.append(line)
            else:
                detail = line["instruction"][:80]
                made.left_out.append(Refusal(id, REPEATED, detail))
        made.grounding += new
        screens = -(-len(new) // MOST_ELEMENTS)
        clicks = bool(step.elements) or is_click(step.actions)
        made.tally += Tally(screens, screens, len(new) if clicks else 0)

    def _said(self, actions: tuple[Action, ...], step: Step, number: int) -> str:
        try:
            return self.dialect.render(tuple(_sayable(actions)), step.screenshot.size)
        except Unsupported as error:
            raise Refused(str(error), f"step {number}") from error


def _sayable(actions: Sequence[Action]) -> Iterator[Action]:
    """The same in the API's words: whole hundredths and seconds, a click before typing, keys that copy."""
    for action in actions:
        match action:
            case Scroll(amount=float() | int() as amount) if amount > 0:
                yield replace(action, amount=max(1, round(amount * HUNDREDTHS)) / HUNDREDTHS)
            case Wait(seconds):
                yield Wait(math.ceil(seconds))
            case TypeText(text, Point() as at):
                yield from (Click(at), TypeText(text))
            case Copy():
                yield PressKeys(("Control", "c"))
            case _:
                yield action


class _ImageNames:
    """The keys that name a step's image, which goes to its place when it is first asked for."""

    def __init__(self, episode: Episode, images: Images) -> None:
        self._episode = episode
        self._images = images
        self._names: dict[int, str] = {}

    def of(self, number: int) -> dict[str, Any]:
        """The beginning of a line."""
        if number not in self._names:
            step = self._episode.steps[number]
            own = own_name(self._episode, number)
            name = _wanted(step, own)
            self._names[number] = self._images.add(step.screenshot, name, with_part(name, own))
        return {"image_path": f"{IMAGES}/{self._names[number]}"}


def reasoning_in(episode: Episode) -> bool:
    """Whether an episode is steps towards a goal; otherwise it is clicks that are asked for on a screen.

    A single step without elements is such a click where its data set is made of them, or is not known and
    the step is a click that tells of no thought and nothing before it.
    """
    stage, dataset = episode.facts.get("stage"), episode.facts.get("dataset")
    if stage in (1, 2) or len(episode.steps) > 1:
        return stage != 1
    (step,) = episode.steps
    if step.thought or any(key in step.facts for key in TOLD):
        return True
    if step.elements or dataset in GROUNDING_SETS:
        return False
    return dataset in NAVIGATION_SETS or not is_click(step.actions)


def is_click(actions: tuple[Action, ...]) -> bool:
    """Whether there is one action, a click of the left button."""
    (first, *more) = actions
    return not more and isinstance(first, Click) and (first.button, first.count) == ("left", 1)


def _boxed(box: Box | None) -> dict[str, Any]:
    if box is None or not (box.width and box.height):
        return {}
    return {"bbox": [box.left, box.top, box.right, box.bottom]}


def _more(episode: Episode, number: int) -> dict[str, Any]:
    """What our own reader takes besides the documented keys."""
    step = episode.steps[number]
    more: dict[str, Any] = {"episode": episode.id, "step": number}
    if isinstance(episode.facts.get("dataset"), str):
        more["source"] = episode.facts["dataset"]
    kept = {key: step.facts.get(key) for key in KEPT}
    said = {key: value for key, value in kept.items() if isinstance(value, KEPT[key]) and value != ""}
    return more | said


def _wanted(step: Step, own: str) -> str:
    """The image's name; AGUVIS's parts have equal names, so those lie in a folder of their own."""
    subset, image = step.facts.get("subset"), step.facts.get("image")
    if isinstance(subset, str) and isinstance(image, str):
        return f"{_LEVEL.sub('', subset)}/{image}"
    return name_of(step.screenshot, own)
