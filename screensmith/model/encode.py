"""Conversations become token sequences, with the loss mask decided by `Message.learn` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from screensmith.core.conversation import Conversation, Image, Message
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.pixels import PatchGeometry, decode, patches
from screensmith.data.trie import ImageSpan, TokenSequence
from screensmith.families import Family

Pixels = dict[str, NDArray[np.float32]]
"""Patches of each image, by the key that its spans carry."""


@dataclass(frozen=True, slots=True)
class _Piece:
    tokens: list[int]
    learn: bool
    span: ImageSpan | None = None


class Encoder:
    """Turns conversations into token sequences for one model."""

    def __init__(self, family: Family, tokenizer: Any, geometry: PatchGeometry) -> None:
        from tokenizers import Tokenizer

        self.geometry = geometry
        special = family.special
        # Text from data must never become a control token, so marks inside it are spelled out.
        self._text = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._text.encode_special_tokens = True
        self._ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in special.all}
        self._special = special
        self.turn_end = self._ids[special.turn_end]
        self.padding = self._ids[special.text_end]

    def encode(self, conversation: Conversation, pixels: Pixels) -> TokenSequence:
        """The whole conversation, for training; patches of its images are added to `pixels`.

        Raises:
            Refused: an image cannot be read.
        """
        pieces = list(self._pieces(conversation, pixels))
        return _join(pieces)

    def request(self, conversation: Conversation, pixels: Pixels) -> TokenSequence:
        """The conversation up to where the model's answer begins."""
        pieces = list(self._pieces(conversation, pixels))
        opening = [self._ids[self._special.turn_start], *self._tokens("assistant\n")]
        return _join([*pieces, _Piece([*self._tokens("\n"), *opening], learn=False)])

    def _pieces(self, conversation: Conversation, pixels: Pixels) -> Iterator[_Piece]:
        for number, message in enumerate(conversation.messages):
            if number:
                yield _Piece(self._tokens("\n"), learn=False)
            yield from self._message(message, pixels)

    def _message(self, message: Message, pixels: Pixels) -> Iterator[_Piece]:
        yield _Piece([self._ids[self._special.turn_start]], learn=False)
        pending = f"{message.role}\n"
        if message.learn:  # so that the header stays out of the loss, and out of the answer's tokens
            yield _Piece(self._tokens(pending), learn=False)
            pending = ""
        for part in message.parts:
            if not isinstance(part, Image):
                pending += part.text
                continue
            yield _Piece(self._tokens(pending), message.learn)
            pending = ""
            yield self._image(part.screenshot, pixels)
        yield _Piece(self._tokens(pending), message.learn)
        yield _Piece([self.turn_end], message.learn)

    def _image(self, screenshot: Screenshot, pixels: Pixels) -> _Piece:
        key = _content_key(screenshot)
        if key not in pixels:
            pixels[key] = patches(decode(screenshot), self.geometry)
        seen = self.geometry.seen(window_size(screenshot))
        factor = self.geometry.factor
        rows, columns = seen.height // factor, seen.width // factor
        ids, special = self._ids, self._special
        tokens = [ids[special.image_start], *[ids[special.image]] * (rows * columns)]
        span = ImageSpan(1, rows, columns, key)
        return _Piece([*tokens, ids[special.image_end]], learn=False, span=span)

    def _tokens(self, text: str) -> list[int]:
        return list(self._text.encode(text, add_special_tokens=False).ids)


def window_size(screenshot: Screenshot) -> Size:
    """The size in pixels of the part of the image that counts."""
    if screenshot.window is None:
        return screenshot.size
    window, size = screenshot.window, screenshot.size
    return Size(
        round(window.right * size.width) - round(window.left * size.width),
        round(window.bottom * size.height) - round(window.top * size.height),
    )


def _content_key(screenshot: Screenshot) -> str:
    digest = hashlib.blake2b(screenshot.read_bytes(), digest_size=16)
    digest.update(repr(screenshot.window).encode())
    return digest.hexdigest()


def _join(pieces: list[_Piece]) -> TokenSequence:
    tokens: list[int] = []
    learn: list[bool] = []
    images = []
    for piece in pieces:
        if piece.span is not None:
            span = piece.span
            images.append(ImageSpan(len(tokens) + span.start, span.rows, span.columns, span.key))
        tokens += piece.tokens
        learn += [piece.learn] * len(piece.tokens)
    return TokenSequence(
        np.asarray(tokens, dtype=np.int64), np.asarray(learn, dtype=np.bool_), tuple(images)
    )
