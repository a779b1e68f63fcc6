"""Conversations become token sequences, with the loss mask decided by what says `learn` in them alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from screensmith.core.conversation import ANSWER_END_MARK, RECIPIENT_MARK, Conversation, Image, Message
from screensmith.core.episode import Screenshot
from screensmith.data.pixels import ImageGeometry, token_grid, window_size
from screensmith.data.trie import ImageSpan, TokenSequence
from screensmith.families import Family
from screensmith.model.images import tile_key
from screensmith.model.unsuitable import UnsuitableModel

RECIPIENT_MARKS = (RECIPIENT_MARK, ANSWER_END_MARK)

Screens = dict[str, Screenshot]
"""The screenshots of some sequences, by the content key that their tiles' keys begin with."""


@dataclass(frozen=True, slots=True)
class _Piece:
    tokens: list[int]
    learn: bool
    spans: tuple[ImageSpan, ...] = ()


class Encoder:
    """Turns conversations into token sequences for one model; images are measured, not decoded."""

    def __init__(self, family: Family, tokenizer: Any, geometry: ImageGeometry) -> None:
        from tokenizers import Tokenizer

        self.geometry = geometry
        self._family = family
        self._chat = family.chat
        # Text from data must never become a control token, so marks inside it are spelled out.
        serialised = tokenizer.backend_tokenizer.to_str()
        self._text = Tokenizer.from_str(serialised)
        self._text.encode_special_tokens = True
        self._marked = Tokenizer.from_str(serialised)
        self._image = int(tokenizer.convert_tokens_to_ids(self._chat.image))
        self.turn_end = int(tokenizer.convert_tokens_to_ids(self._chat.turn_end))
        self.padding = int(tokenizer.convert_tokens_to_ids(self._chat.padding))
        self._answer_end = self._marked.token_to_id(ANSWER_END_MARK)
        self._names_recipients = None not in map(self._marked.token_to_id, RECIPIENT_MARKS)

    def encode(self, conversation: Conversation, screens: Screens) -> TokenSequence:
        """The whole conversation, for training; its screenshots are added to `screens`.

        Raises:
            Refused: an image is too narrow to be seen.
        """
        return _join(list(self._pieces(conversation, screens)))

    def measure(self, conversation: Conversation) -> TokenSequence:
        """As `encode`, but without reading image files: the tiles' keys say nothing."""
        return _join(list(self._pieces(conversation, None)))

    def request(self, conversation: Conversation, screens: Screens) -> TokenSequence:
        """The conversation up to where the model's answer begins."""
        opening = conversation.opening
        before = self._chat.between + self._chat.turn_start
        if opening.recipient is None:
            begun = self._marks(before + self._chat.headers["assistant"])
        else:
            begun = self._marks(before + self._role()) + self._addressed(opening.recipient)
        begun += self._tokens(opening.text)
        return _join([*self._pieces(conversation, screens), _Piece(begun, learn=False)])

    def end_of_answer(self, conversation: Conversation) -> int:
        """The token that ends the answer to a request."""
        if conversation.opening.recipient is None:
            return self.turn_end
        self._check_recipients()
        return int(self._answer_end)

    def _role(self) -> str:
        """The assistant's header up to where a recipient is named."""
        return self._chat.headers["assistant"].rstrip("\n")

    def _addressed(self, recipient: str) -> list[int]:
        self._check_recipients()
        return self._marks(f"{RECIPIENT_MARK}{recipient}\n") if recipient else []

    def _check_recipients(self) -> None:
        if not self._names_recipients:
            raise UnsuitableModel(
                f"the prompt names recipients, but the tokenizer has no {' and '.join(RECIPIENT_MARKS)}: "
                "train every weight of the model with this prompt first (adapter=none), which adds them"
            )

    def answer_text(self, text: str) -> str:
        """A decoded answer without what the chat format puts before every text."""
        return text.removeprefix(self._chat.before_text)

    def _pieces(self, conversation: Conversation, screens: Screens | None) -> Iterator[_Piece]:
        yield _Piece(self._marks(self._chat.beginning), learn=False)
        for number, message in enumerate(conversation.messages):
            between = self._chat.between if number else ""
            header = between + self._chat.turn_start + self._chat.headers[message.role]
            yield from self._message(message, header, screens)

    def _message(self, message: Message, header: str, screens: Screens | None) -> Iterator[_Piece]:
        if message.recipient is not None:
            yield from self._message_to(message, message.recipient, header)
            return
        pending = "" if message.parts and isinstance(message.parts[0], Image) else self._chat.before_text
        if message.learn:  # so that the header stays out of the loss, and out of the answer's tokens
            yield _Piece(self._marks(header), learn=False)
        else:  # what follows the header's mark is tokenised together with the text
            mark = self._chat.turn_start
            before, _, rest = header.rpartition(mark) if mark else ("", "", header)
            yield _Piece(self._marks(before + mark), learn=False)
            pending = rest + pending
        for part in message.parts:
            if not isinstance(part, Image) and (message.learn or not part.learn):
                pending += part.text
                continue
            yield _Piece(self._tokens(pending), message.learn)
            pending = ""
            if isinstance(part, Image):
                yield self._shown(part.screenshot, screens)
            else:  # tokenised by itself, so that no token is learned in half
                yield _Piece(self._tokens(part.text), learn=True)
        yield _Piece(self._tokens(pending), message.learn)
        yield _Piece([self.turn_end], message.learn)

    def _message_to(self, message: Message, recipient: str, header: str) -> Iterator[_Piece]:
        """An assistant's message that says whom it is meant for; that is learned with it."""
        yield _Piece(self._marks(header.rstrip("\n")), learn=False)
        yield _Piece(self._addressed(recipient), message.learn)
        yield _Piece(self._tokens(message.text), message.learn)
        yield _Piece([self._answer_end if message.ends_turn else self.turn_end], message.learn)

    def _shown(self, screenshot: Screenshot, screens: Screens | None) -> _Piece:
        content = ""
        if screens is not None:
            content = content_key(screenshot)
            screens[content] = screenshot
        tiles = self.geometry.tiles(window_size(screenshot))
        before, after = self._family.image_text(tiles)
        tokens: list[int] = []
        spans = []
        for number, (tile, marks) in enumerate(zip(tiles, before, strict=True)):
            tokens += self._marks(marks)
            rows, columns = token_grid(tile, self.geometry)
            key = tile_key(content, number)
            spans.append(ImageSpan(len(tokens), rows, columns, key, self.geometry.spreads))
            tokens += [self._image] * (rows * columns)
        return _Piece([*tokens, *self._marks(after)], learn=False, spans=tuple(spans))

    def _tokens(self, text: str) -> list[int]:
        return list(self._text.encode(text, add_special_tokens=False).ids) if text else []

    def _marks(self, text: str) -> list[int]:
        """Tokens of the format's own text, in which marks are control tokens."""
        return list(self._marked.encode(text, add_special_tokens=False).ids) if text else []


def content_key(screenshot: Screenshot) -> str:
    """What two screenshots share exactly when they show the same pixels: a digest of bytes and window."""
    digest = hashlib.blake2b(screenshot.read_bytes(), digest_size=16)
    digest.update(repr(screenshot.window).encode())
    return digest.hexdigest()


def _join(pieces: list[_Piece]) -> TokenSequence:
    tokens: list[int] = []
    learn: list[bool] = []
    images: list[ImageSpan] = []
    for piece in pieces:
        for span in piece.spans:
            start = len(tokens) + span.start
            images.append(ImageSpan(start, span.rows, span.columns, span.key, span.spreads))
        tokens += piece.tokens
        learn += [piece.learn] * len(piece.tokens)
    return TokenSequence(
        np.asarray(tokens, dtype=np.int64), np.asarray(learn, dtype=np.bool_), tuple(images)
    )
