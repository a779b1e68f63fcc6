"""Which sequences share a row, and which rows go through the model together, from lengths alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from screensmith.data.trie import Integers, TokenSequence, common_prefix, identities_of

SHARED_PART = 0.5
"""Sequences that share this part of the shorter one stay in one row as long as it has room."""


def pack_rows(sequences: Sequence[TokenSequence], row_tokens: int) -> list[list[int]]:
    """Share sequences out over rows whose tries hold at most `row_tokens` tokens each.

    Sequences with long common beginnings come first into one row, where the beginning is counted
    once; such groups are then packed best-fit, longest first. A single sequence longer than the
    budget gets a row of its own: nothing is ever cut.

    Returns:
        Indices into `sequences`, row by row; every index exactly once.
    """
    identities = identities_of(sequences)
    groups = _related(identities, row_tokens)
    rows: list[_Group] = []
    for group in sorted(groups, key=lambda group: -group.tokens):
        fitting = [
            (row_tokens - row.tokens - cost, number, cost)
            for number, row in enumerate(rows)
            if (cost := _cost(group, row, identities)) <= row_tokens - row.tokens
        ]
        if fitting:
            _, number, cost = min(fitting)
            row = rows[number]
            rows[number] = _Group(row.members + group.members, row.tokens + cost)
        else:
            rows.append(group)
    return [list(row.members) for row in rows]


@dataclass(frozen=True, slots=True)
class _Group:
    """Sequences of one row, and an upper bound of its tokens."""

    members: tuple[int, ...]
    tokens: int


def _related(identities: Sequence[Integers], row_tokens: int) -> list[_Group]:
    """Neighbours in sorted order that share much, in groups within the budget."""
    order = sorted(range(len(identities)), key=lambda index: identities[index].tolist())
    groups: list[_Group] = []
    for position, index in enumerate(order):
        length = len(identities[index])
        if position:
            before = identities[order[position - 1]]
            shared = common_prefix(before, identities[index])
            group = groups[-1]
            related = shared >= SHARED_PART * min(length, len(before))
            if related and group.tokens + length - shared <= row_tokens:
                groups[-1] = _Group((*group.members, index), group.tokens + length - shared)
                continue
        groups.append(_Group((index,), length))
    return groups


def _cost(group: _Group, row: _Group, identities: Sequence[Integers]) -> int:
    """Tokens that a group adds to a row, at most: what all of it shares with the row's first is not."""
    first = identities[row.members[0]]
    return group.tokens - min(common_prefix(identities[member], first) for member in group.members)


@dataclass(frozen=True, slots=True)
class Load:
    """What a row costs: patches for the vision tower, tokens for the language model."""

    patches: int
    tokens: int


def balance(loads: Sequence[Load], bins: int) -> list[list[int]]:
    """Share rows out so that neither patches nor tokens pile up in one bin.

    The heaviest row goes first, each to the bin whose larger share (of all patches, of all tokens)
    stays smallest. No bin stays empty while another holds two rows.

    Returns:
        Indices into `loads` for each of the `bins`, in ascending order.
    """
    totals = np.maximum(1, np.array([[load.patches, load.tokens] for load in loads]).sum(axis=0))
    shares = np.array([[load.patches, load.tokens] for load in loads]) / totals
    filled = np.zeros((bins, 2))
    result: list[list[int]] = [[] for _ in range(bins)]
    for index in np.argsort(-shares.max(axis=1), kind="stable").tolist():
        after = (filled + shares[index]).max(axis=1)
        empty = [not members for members in result]
        if any(empty):  # so that every process has something to do
            after = np.where(empty, after, np.inf)
        chosen = int(np.argmin(after))
        filled[chosen] += shares[index]
        result[chosen].append(index)
    return [sorted(members) for members in result]
