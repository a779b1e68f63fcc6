"""One AGUVIS record taken apart: its exchanges, each with its image. Source: formats.md 1.9.2.

A record is `{"image": name or names, "conversations": [{"from", "value", "recipient"?, "end_turn"?}]}`,
with "role" and "content" in place of "from" and "value" in some files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from screensmith.core.refusals import Refused
from screensmith.readers._folder import sentence_of

MARKER = "<image>"
RECIPIENTS = (None, "", "os", "all")  # without one it is "os"
SPEAKERS = {"system": "system", "human": "human", "user": "human", "gpt": "gpt", "assistant": "gpt"}
MOST_TURNS = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn; `recipient` is "os" for code and "all" for text, "" where the record does not say."""

    speaker: str
    text: str
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question without its markers, what answers it, and how many images were shown up to it.

    `said` is the text before the code, "" for none. `code` may be the reason why there is none.
    """

    asked: str
    said: str
    code: str | Refused
    shown: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record's images by name, its exchanges, and whether it says of itself which stage it is of."""

    images: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    stage: int

    def image_of(self, exchange: Exchange) -> str:
        """The image a question is about.

        One image is that of every question. Of two in a record of stage 2 the second is the screen now.
        Otherwise the n-th marker shows the n-th image, and a question without a marker is about the last
        one shown.

        Raises:
            Refused: images and markers do not fit together.
        """
        if len(self.images) == 1:
            return self.images[0]
        if self.stage == 2 and len(self.exchanges) == 1 and len(self.images) == 2:
            return self.images[1]
        markers = self.exchanges[-1].shown
        if markers != len(self.images):
            raise Refused(
                "image markers do not fit the images", f"{markers} markers, {len(self.images)} images"
            )
        if not exchange.shown:
            raise Refused("image not shown", exchange.asked[:80])
        return self.images[exchange.shown - 1]


def record_of(row: Any, stage: int) -> Record:
    """A row's record; stage 0 finds out which stage it is of.

    Raises:
        Refused: it is no record, has no image, or a turn of it cannot be read.
    """
    if not isinstance(row, dict):
        raise Refused("row unreadable", "not an object")
    turns = _turns(row.get("conversations"))
    images = _images(row.get("image"))
    return Record(images, tuple(_exchanges(turns)), stage or _stage_of(turns))


def _images(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if value is None or not names:
        raise Refused("image not named", "the record has no image")
    return tuple(sentence_of(name, "image name") for name in names)


def _turns(value: Any) -> list[Turn]:
    if not isinstance(value, list) or not value:
        raise Refused("conversation missing", repr(value)[:80])
    if len(value) > MOST_TURNS:
        raise Refused("conversation too long", f"{len(value)} turns")
    return [_turn(turn) for turn in value]


def _turn(turn: Any) -> Turn:
    if not isinstance(turn, dict):
        raise Refused("turn unreadable", repr(turn)[:80])
    speaker = _either(turn, "from", "role")
    if not isinstance(speaker, str) or speaker not in SPEAKERS:
        raise Refused("turn of an unknown speaker", repr(speaker)[:80])
    text = sentence_of(_either(turn, "value", "content"), "turn")
    recipient = turn.get("recipient")
    if recipient not in RECIPIENTS:
        raise Refused("turn to an unknown recipient", repr(recipient)[:80])
    speaker = SPEAKERS[speaker]
    if speaker != "human" and MARKER in text:
        raise Refused("image marker outside a question", f"in a turn of {speaker}")
    return Turn(speaker, text, recipient or "")


def _either(turn: Mapping[str, Any], key: str, other: str) -> Any:
    return turn[key] if key in turn else turn.get(other)


def _exchanges(turns: Sequence[Turn]) -> Iterator[Exchange]:
    """Each question with the answers right after it.

    Raises:
        Refused: an answer comes before any question, or there is none.
    """
    start = 1 if turns[0].speaker == "system" else 0
    if any(turn.speaker == "system" for turn in turns[start:]):
        raise Refused("system turn inside the conversation")
    questions = [number for number, turn in enumerate(turns) if turn.speaker == "human"]
    if not questions:
        raise Refused("question missing")
    if questions[0] != start:
        raise Refused("answer before any question")
    shown = 0
    for number, after in zip(questions, [*questions[1:], len(turns)], strict=True):
        shown += turns[number].text.count(MARKER)
        asked = turns[number].text.replace(MARKER, "").strip()
        said, code = _answered(turns[number + 1 : after])
        yield Exchange(asked, said, code, shown)


def _answered(answers: Sequence[Turn]) -> tuple[str, str | Refused]:
    """What is said before the code, and the code: the last of the answers."""
    if not answers:
        return "", Refused("answer missing")
    *before, last = answers
    if any(turn.recipient == "os" for turn in before):
        return "", Refused("several codes after one question", last.text[:80])
    if last.recipient == "all":
        return last.text, Refused("code missing", last.text[:80])
    return "\n".join(turn.text for turn in before), last.text


def _stage_of(turns: Sequence[Turn]) -> int:
    """Stage 2 has a system turn, or text before the code; stage 1 is a question and code."""
    told = turns[0].speaker == "system" or any(turn.recipient == "all" for turn in turns)
    twice = any(one.speaker == two.speaker == "gpt" for one, two in pairwise(turns))
    return 2 if told or twice else 1
