"""Messages for a model. `learn`, of a message or of a text in it, is the only source of the loss mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from screensmith.core.episode import Screenshot

Role = Literal["system", "user", "assistant"]

RECIPIENT_MARK, ANSWER_END_MARK = "<|recipient|>", "<|diff_marker|>"
"""Control tokens of models that say whom a message is meant for, as AGUVIS' do: before the recipient's
name, and instead of the turn's end after the last message of an answer."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text inside a message; pieces are joined without a separator.

    A learned piece carries loss although its message does not, for example a past action in a request.
    """

    text: str
    learn: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A screenshot inside a message."""

    screenshot: Screenshot


Part = Text | Image


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A learned message's text and its end-of-turn token carry loss.

    Of other messages only learned pieces of text do, without the end of the turn. `recipient` is who an
    assistant's message is meant for, in formats whose models say so and learn to: "os" for what is to be
    done, "all" for what is only thought; after one that does not end the turn the model goes on.
    """

    role: Role
    parts: tuple[Part, ...]
    learn: bool = False
    recipient: str | None = None
    ends_turn: bool = True

    @property
    def text(self) -> str:
        """The message's text without its images."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Opening:
    """How the answer to a request begins, which the model then need not say itself.

    `recipient` is as in `Message`; an empty one leaves it to the model whom it speaks to.
    """

    recipient: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of one training text, or of one request that the model should answer."""

    messages: tuple[Message, ...]
    opening: Opening = Opening()

    @property
    def screenshots(self) -> tuple[Screenshot, ...]:
        """Every image, in reading order."""
        return tuple(
            part.screenshot
            for message in self.messages
            for part in message.parts
            if isinstance(part, Image)
        )
