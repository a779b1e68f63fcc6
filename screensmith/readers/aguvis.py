r"""AGUVIS's two stages: clicks that are asked for on a screenshot, and steps towards a goal with thoughts.

A row of stage 1 is a conversation of questions, each answered by code (`pyautogui.click(x=0.5, y=0.1)`).
A row of stage 2 is one step: a system turn, a question with the goal after "Instruction:" and what was done
before after "Previous actions:", an answer with "Observation:", "Thought:", "Action:", and one with code.

The text after these labels is kept as it is: `Step.thought`, and the facts "observation", "action_text",
"level" ("l1" to "l3"), "previous_actions", "subset", "row" and "image". Code is parsed by the dialect
"pyautogui" and never run. A click without a place (`doubleClick()`) is where the step right before left the
pointer; its fact "place_before" says so. Source: formats.md 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from screensmith.core.actions import Action, points_of
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.dialects import Dialect, Unreadable, pyautogui
from screensmith.readers import whole
from screensmith.readers._aguvis_episodes import DATASET, Ask, Assembly, Deed, follows
from screensmith.readers._aguvis_files import Part, fingerprint_parts, parts_of
from screensmith.readers._aguvis_records import Exchange, Record, record_of
from screensmith.readers._aguvis_text import split_asked, split_said
from screensmith.readers._folder import Names, sentence_of
from screensmith.readers._image_headers import quick_size
from screensmith.readers._json_rows import rows

STAGES = (0, 1, 2)
_BARE_SCROLL = "scroll()"
_NO_PLACE = "code unreadable: no place before"


def stream(
    root: str,
    *,
    json: str = "",
    stage: int = 0,
    images: str = "",
    data: str = "",
    seed: int = 0,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """The episodes in the order of the files, no more of them in memory than the one being read.

    On stage 1 each screenshot is an episode of one step whose elements are what is asked for, each with its
    instruction and point; an answer that is no single click is an episode of its own. On stage 2 steps are
    joined by their images' names; see `_aguvis_episodes.Assembly`.

    Args:
        root: a folder with data files (a file NAME is left out where NAME_fix is there, too); a .json or
            .jsonl file; a pattern with braces, `part{1,2}.json`; or a mixture in a .yaml file: `datasets`,
            a list of json_path, images_folder and sampling_strategy (all, first:N, end:N, random:N, each N
            a number of rows or, as in random:33%, of per cent, rounded up). A file may come several times.
        json: the name, without ".json", of the one data file that is read in a folder.
        stage: 1 or 2; 0 finds out for each record.
        images: the folder of the images, below the data file's or anywhere. By default what a mixture
            names, with "-v1", "-v2" or neither in its last two names; then the release's folder for the
            data file's name (`NAME/images`, `NAME`, each also as -v2 and -v1; `images`); then, without a
            mixture, the data file's own. The first that exists is taken.
        data: the folder that paths in a mixture start from; by default the mixture's own, then the one
            above, then the working directory. Where NAME.json is missing, NAME_fix.json is taken, and the
            other way round.
        seed: decides what `random` takes, the same in every process.
        refusals: where unusable records and exchanges are recorded as "FILE:ROW" or "FILE:ROW.EXCHANGE",
            both counted from 0; every exchange counts as considered.

    Raises:
        ValueError: there is no such file or folder, a file is broken, or an option has no meaning.
    """
    if stage not in STAGES:
        raise ValueError(f"stage must be 1, 2, or 0 for what each record is, got {stage!r}")
    parts = parts_of(root, json, images, data)
    return _stream(parts, stage, seed, RefusalLog() if refusals is None else refusals)


read = whole(stream)


def fingerprint(
    root: str, *, json: str = "", stage: int = 0, images: str = "", data: str = "", seed: int = 0
) -> str:
    """A hash of the data files, of what is taken of them, and of the stage; options as in `stream`."""
    hashed = fingerprint_parts(parts_of(root, json, images, data), seed)
    return f"{hashed}-{stage}" if stage else hashed


def _stream(parts: Sequence[Part], stage: int, seed: int, log: RefusalLog) -> Iterator[Episode]:
    names = Names()
    for part in parts:
        assembly = Assembly(part.label, {"dataset": DATASET, "subset": part.subset}, names)
        reading = _Reading(part, stage, log)
        for number, row in _taken(part, seed):
            for item in reading.items(number, row):
                yield from assembly.add(item)
        yield from assembly.finish()


def _taken(part: Part, seed: int) -> Iterator[tuple[int, Any]]:
    """The rows that the sampling takes, with their number in the file."""
    count = sum(1 for _ in rows(part.file)) if part.sampling.needs_count else None
    chosen = part.sampling.chosen(count, f"{seed} {part.label}")
    for number, (wanted, (_, row)) in enumerate(zip(chosen, rows(part.file), strict=False)):
        if wanted:
            yield number, row


class _Reading:
    """The records of one data file."""

    def __init__(self, part: Part, stage: int, log: RefusalLog) -> None:
        self._part = part
        self._stage = stage
        self._log = log
        self._dialect: Dialect = pyautogui.dialect()
        self._latest: tuple[str, Screenshot] | None = None
        self._last: Deed | None = None

    def items(self, number: int, row: Any) -> Iterator[Ask | Deed]:
        """What can be used of a row; the rest is refused."""
        id = f"{self._part.label}:{number}"
        try:
            record = record_of(row, self._stage)
        except Refused as refused:
            self._log.consider()
            self._log.add(id, refused.reason, refused.detail)
            self._last = None
            return
        several = len(record.exchanges) > 1
        self._log.consider(len(record.exchanges))
        for place, exchange in enumerate(record.exchanges):
            try:
                take = self._ask if record.stage == 1 else self._deed
                item = take(number, record, exchange)
            except Refused as refused:
                name = f"{id}.{place}" if several else id
                self._log.add(name, refused.reason, refused.detail)
                self._last = None
            else:
                self._last = item if isinstance(item, Deed) else None
                yield item

    def _ask(self, number: int, record: Record, exchange: Exchange) -> Ask:
        code, image = _code_of(exchange), record.image_of(exchange)
        screenshot = self._screenshot(image)
        asked = sentence_of(exchange.asked, "instruction")
        actions = self._parsed(code, "", screenshot.size)
        return Ask(image, asked, Step(screenshot, actions, asked, facts=self._facts(number, image)))

    def _deed(self, number: int, record: Record, exchange: Exchange) -> Deed:
        code, image = _code_of(exchange), record.image_of(exchange)
        screenshot = self._screenshot(image)
        question, said = split_asked(exchange.asked), split_said(exchange.said)
        goal = sentence_of(question.goal, "goal")
        facts = self._facts(number, image)
        try:
            actions = self._parsed(code, said.action_text, screenshot.size)
        except Refused as refused:
            pointer = self._pointer(image, goal, question.before)
            if pointer is None or not refused.reason.startswith(_NO_PLACE):
                raise
            moved = f"pyautogui.moveTo({pointer.x!r}, {pointer.y!r})\n{code}"
            actions = self._parsed(moved, "", screenshot.size)
            facts["place_before"] = True
        told = {
            "level": said.level,
            "observation": said.observation,
            "action_text": said.action_text,
            "unlabelled": said.unlabelled,
        }
        facts |= {key: text for key, text in told.items() if text}
        if question.before is not None:
            facts["previous_actions"] = list(question.before)
        if record.images[0] != image:
            facts["previous_image"] = record.images[0]
        return Deed(
            image, goal, question.before, Step(screenshot, actions, thought=said.thought, facts=facts)
        )

    def _pointer(self, image: str, goal: str, before: tuple[str, ...] | None) -> Point | None:
        """Where the step right before this one left the pointer."""
        if self._last is None or not follows(self._last, image, goal, before):
            return None
        places = [place for action in self._last.step.actions for place in points_of(action)]
        return places[-1] if places else None

    def _facts(self, number: int, image: str) -> dict[str, Any]:
        return {"subset": self._part.subset, "row": number, "image": image, "level": ""}

    def _screenshot(self, name: str) -> Screenshot:
        # Records of one screenshot follow each other in most parts: its header is read once.
        if self._latest is None or self._latest[0] != name:
            path = self._part.folder.image(name)
            self._latest = name, Screenshot(path, quick_size(path))
        return self._latest[1]

    def _parsed(self, code: str, action_text: str, size: Size) -> tuple[Action, ...]:
        # A scroll without an argument goes where the sentence says.
        spoken = f"Action: {action_text}\n{code}" if action_text and _BARE_SCROLL in code else code
        try:
            return self._dialect.parse(spoken, size)
        except Unreadable as error:
            raise Refused(f"code unreadable: {error}", code[:80]) from error


def _code_of(exchange: Exchange) -> str:
    if isinstance(exchange.code, Refused):
        raise exchange.code
    return exchange.code
