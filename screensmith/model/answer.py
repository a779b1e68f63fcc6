"""Greedy answers to many requests at once; what requests begin with in common is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from screensmith.data.packing import pack_rows
from screensmith.data.pixels import ImageGeometry
from screensmith.data.trie import Row, TokenSequence, lay_out, positions_of
from screensmith.families import Family
from screensmith.model.attention import Visibility
from screensmith.model.batch import Batch, Patches, collate
from screensmith.model.forward import View, embed, through_layers, views_of
from screensmith.model.select import Kept

LEAST_ROOM = 16  # tokens more than needed that a layer's keys have room for


@dataclass(frozen=True, slots=True)
class Asked:
    """The model that is asked, and how long its answers may be."""

    model: Any
    family: Family
    geometry: ImageGeometry
    turn_end: int
    padding: int
    max_new_tokens: int
    row_tokens: int = 4096
    selecting_layers: tuple[bool, ...] = ()


@torch.inference_mode()
def generate(
    asked: Asked,
    requests: Sequence[TokenSequence],
    patches: Patches,
    keep: Mapping[str, NDArray[np.bool_]] | None = None,
) -> list[list[int]]:
    """The most likely continuation of each request, token by token.

    Requests are laid out as rows of tries, as in training: questions about one screenshot share its
    tokens, and each goes on as a branch of its own.

    Args:
        asked: the model in evaluation mode, and limits.
        requests: what it is asked.
        patches: bytes of the requests' tiles, by key.
        keep: which tokens of each tile selecting layers keep, by key.

    Returns:
        Token ids of each answer in the order of the requests, the end of the turn included; an
        answer that reaches `max_new_tokens` is cut there.
    """
    groups = pack_rows(requests, asked.row_tokens)
    rows = [lay_out([requests[index] for index in group]) for group in groups]
    batch = collate(rows, patches, merge=asked.geometry.merge, padding=asked.padding, keep=keep)
    branches = _Branches(asked, batch.to(next(asked.model.parameters()).device), rows, groups, requests)
    return branches.grow()


class _Branches:
    """B rows, each with up to N branches that grow by one token a step.

    New tokens are appended to their row, N at a time, and see what the end of their request sees,
    the branch's own earlier tokens, and themselves: nothing is copied and no branch waits for
    another's prefix.
    """

    def __init__(
        self,
        asked: Asked,
        batch: Batch,
        rows: Sequence[Row],
        groups: Sequence[Sequence[int]],
        requests: Sequence[TokenSequence],
    ) -> None:
        self._asked = asked
        self._batch = batch
        self._device = batch.tokens.device
        self._language = asked.family.language(asked.model)
        widest = max(len(group) for group in groups)
        self._of_request = np.full((len(groups), widest), -1)
        ends = np.zeros((len(groups), widest), dtype=np.int64)
        following = np.zeros((len(groups), widest), dtype=np.int64)
        for number, (row, group) in enumerate(zip(rows, groups, strict=True)):
            self._of_request[number, : len(group)] = group
            ends[number, : len(group)] = row.sequence_end
            following[number, : len(group)] = [positions_of(requests[index]).max() + 1 for index in group]
        self._ends = torch.from_numpy(ends).to(self._device)
        self._next_position = torch.from_numpy(following).to(self._device)
        self._requests = len(requests)

    def grow(self) -> list[list[int]]:
        """Extend all branches until each has ended or the limit is reached."""
        asked, cache = self._asked, LayerCache()
        hidden, kept = self._prefill(cache)
        hidden = hidden.gather(1, self._ends[:, :, None].expand(-1, -1, hidden.shape[2]))
        whole = self._prompt_visibility(None)
        narrow = whole if kept is None else self._prompt_visibility(kept)
        own = torch.eye(hidden.shape[1], dtype=torch.bool, device=self._device).expand(len(hidden), -1, -1)
        running = torch.from_numpy(self._of_request >= 0).to(self._device)
        produced: list[Tensor] = []
        for count in range(asked.max_new_tokens):
            tokens = asked.model.lm_head(hidden).argmax(dim=-1)
            produced.append(torch.where(running, tokens, -1))
            running = running & (tokens != asked.turn_end)
            if count + 1 == asked.max_new_tokens or not running.any():
                break
            whole = torch.cat([whole, own], dim=2)
            narrow = whole if kept is None else torch.cat([narrow, own], dim=2)
            hidden = self._next(tokens, whole, narrow, cache)
        return self._answers(torch.stack(produced, dim=2).cpu().numpy())

    def _prefill(self, cache: LayerCache) -> tuple[Tensor, Kept | None]:
        asked, batch = self._asked, self._batch
        embedded, levels = embed(asked.model, asked.family, batch)
        views = views_of(self._language, asked.family, embedded, batch, asked.selecting_layers)
        hidden = through_layers(
            self._language, embedded, views, levels=levels, image_at=batch.image_at, cache=cache
        )
        return hidden, next((view.kept for view in views if view.kept is not None), None)

    def _next(self, tokens: Tensor, whole: Tensor, narrow: Tensor, cache: LayerCache) -> Tensor:
        """The hidden states of one more token (B, N) a branch."""
        embedded = self._language.embed_tokens(tokens)
        positions = self._next_position[None].expand(3, -1, -1)
        self._next_position = self._next_position + 1
        rotary = self._language.rotary_emb(embedded, self._asked.family.rotary(positions))
        full = View(rotary, Visibility(whole[:, None]))
        selecting = View(rotary, Visibility(narrow[:, None]))
        flags = self._asked.selecting_layers or (False,) * len(self._language.layers)
        views = [selecting if selects else full for selects in flags]
        return through_layers(self._language, embedded, views, cache=cache)

    def _prompt_visibility(self, kept: Kept | None) -> Tensor:
        """(B, N, keys): which of the prompt's keys each branch sees, as its last token does."""
        ends = self._batch.subtree_end
        index = torch.arange(ends.shape[1], device=self._device).expand_as(ends)
        if kept is not None:
            index = kept.at
            ends = torch.where(index < 0, 0, kept.take(ends))
            index = torch.where(index < 0, ends.new_tensor(2**62), index)
        at = self._ends[:, :, None]
        return (index[:, None] <= at) & (at < ends[:, None])

    def _answers(self, tokens: NDArray[np.int64]) -> list[list[int]]:
        answers: list[list[int]] = [[] for _ in range(self._requests)]
        for row, branch in np.argwhere(self._of_request >= 0):
            answer = tokens[row, branch]
            answers[self._of_request[row, branch]] = answer[answer >= 0].tolist()
        return answers


class LayerCache:
    """Keys and values of each layer; layers that skip tokens hold fewer.

    There is room for more than is held, so that a token is written and not everything before it copied.
    """

    def __init__(self) -> None:
        self._layers: dict[int, _Held] = {}

    def update(
        self,
        key: Tensor,
        value: Tensor,
        layer: int,
        options: Any = None,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        """Append (B, heads, n, width) keys and values; returns all of the layer's so far."""
        held = self._layers.setdefault(layer, _Held())
        return held.append(key, value)


class _Held:
    """One layer's keys and values."""

    def __init__(self) -> None:
        self._key: Tensor | None = None
        self._value: Tensor | None = None
        self._length = 0

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write behind what is there."""
        before, self._length = self._length, self._length + key.shape[2]
        if self._key is None or self._value is None:  # the prompt's, as they are
            self._key, self._value = key, value
            return key, value
        if self._length > self._key.shape[2]:
            self._key, self._value = self._roomier(self._key, before), self._roomier(self._value, before)
        self._key[:, :, before : self._length] = key
        self._value[:, :, before : self._length] = value
        return self._key[:, :, : self._length], self._value[:, :, : self._length]

    def _roomier(self, tensor: Tensor, length: int) -> Tensor:
        """A copy with room for what there is and a quarter more."""
        rows, heads, _, width = tensor.shape
        grown = tensor.new_empty(rows, heads, self._length + self._length // 4 + LEAST_ROOM, width)
        grown[:, :, :length] = tensor[:, :, :length]
        return grown
