"""Samples become batches, planned from lengths and prepared ahead of the model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Subset

from screensmith.data.packing import Load, balance, pack_rows
from screensmith.data.trie import Row, TokenSequence, lay_out
from screensmith.model.batch import Batch, blank_row, collate
from screensmith.model.encode import Encoder, Screens
from screensmith.model.images import content_of, read_screens
from screensmith.model.skipping import Skipping
from screensmith.model.vision_cache import VisionCache
from screensmith.train.plan import Plan
from screensmith.train.sources import Stock

PATCH_CACHE_BYTES = 1 << 30  # small data sets are then decoded once, not once an epoch
STEPS_AHEAD = 2

Patches = dict[str, NDArray[np.uint8]]


class StepDataset(Dataset[list[Batch]]):
    """Item n holds the batches of optimizer step n (from 0) for one process.

    Every process plans the whole step, from lengths alone, and decodes only the images of its own
    rows; so rows can be balanced over processes without a message between them.
    """

    def __init__(
        self,
        stock: Stock,
        plan: Plan,
        encoder: Encoder,
        *,
        row_tokens: int,
        process: int = 0,
        vision_cache: VisionCache | None = None,
        skipping: Skipping | None = None,
    ) -> None:
        self._stock = stock
        self._plan = plan
        self._encoder = encoder
        self._row_tokens = row_tokens
        self._process = process
        self._vision_cache = vision_cache
        self._skipping = skipping
        self._patches = _PatchCache(PATCH_CACHE_BYTES)

    def __len__(self) -> int:
        return self._plan.steps

    def __getitem__(self, step: int) -> list[Batch]:
        screens: Screens = {}
        sequences = self.sequences(step, screens)
        rows = [
            lay_out([sequences[member] for member in members])
            for members in pack_rows(sequences, self._row_tokens)
        ]
        passes = balance([_load(row, self._encoder) for row in rows], self._plan.passes)
        own = [group for group in passes[self._process :: self._plan.processes] if group]
        if not own:  # a process without work still takes part in the exchange of gradients
            return [self._batch([blank_row(self._encoder.padding)], screens, step)]
        return [self._batch([rows[number] for number in group], screens, step) for group in own]

    def sequences(self, step: int, screens: Screens) -> list[TokenSequence]:
        """The token sequences of all questions of one step, on all processes together."""
        positions = self._plan.positions_of(step)
        return [
            self._encoder.encode(conversation, screens)
            for position, draw in zip(positions, self._plan.draws_of(step), strict=True)
            for conversation in self._stock.conversations(draw, position)
        ]

    def _batch(self, rows: Sequence[Row], screens: Screens, step: int) -> Batch:
        keys = {str(span.key) for row in rows for span in row.images}
        features = self._vision_cache.read(keys) if self._vision_cache and keys else None
        shown = {content_of(key) for key in keys}
        wanted = {content: screen for content, screen in screens.items() if content in shown}
        patches: Patches = {}
        if features is None or self._skipping is not None:
            patches = self._patches.read(wanted, self._encoder)
        keep = None
        if self._skipping is not None:
            grids = {str(span.key): (span.rows, span.columns) for row in rows for span in row.images}
            keep = self._skipping.keep(patches, grids, step)
        return collate(
            rows,
            patches,
            merge=self._encoder.geometry.merge,
            padding=self._encoder.padding,
            keep=keep,
            features=features,
        )


def _load(row: Row, encoder: Encoder) -> Load:
    visual = {str(span.key): span.tokens for span in row.images}
    return Load(sum(visual.values()) * encoder.geometry.merge**2, len(row))


class _PatchCache:
    """Patches by screenshot, the least recently used dropped first when they outgrow a limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._items: OrderedDict[str, Patches] = OrderedDict()

    def read(self, screens: Screens, encoder: Encoder) -> Patches:
        result: Patches = {}
        for content, screenshot in screens.items():
            patches = self._items.get(content)
            if patches is None:
                patches = read_screens({content: screenshot}, encoder.geometry)
                self._put(content, patches)
            else:
                self._items.move_to_end(content)
            result |= patches
        return result

    def _put(self, content: str, patches: Patches) -> None:
        self._items[content] = patches
        self._bytes += _bytes_of(patches)
        while self._bytes > self._limit:
            _, dropped = self._items.popitem(last=False)
            self._bytes -= _bytes_of(dropped)


def _bytes_of(patches: Mapping[str, NDArray[np.uint8]]) -> int:
    return sum(values.nbytes for values in patches.values())


def steps_from(dataset: StepDataset, first: int, workers: int) -> Iterator[list[Batch]]:
    """The batches of each step from `first` to the end, in order, prepared ahead.

    Args:
        dataset: what to prepare.
        first: the step to begin with.
        workers: processes that prepare; 0 for a thread beside the model, which is enough where
            decoding is quicker than the model, because decoding leaves the interpreter free.
    """
    if not workers:
        yield from _from_thread(dataset, first)
        return
    remaining: Any = Subset(dataset, range(first, len(dataset)))
    loader: DataLoader[list[Batch]] = DataLoader(
        remaining,
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=STEPS_AHEAD,
    )
    yield from loader


def _from_thread(dataset: StepDataset, first: int) -> Iterator[list[Batch]]:
    with ThreadPoolExecutor(1, "batches") as thread:
        steps = range(first, len(dataset))
        waiting = [thread.submit(dataset.__getitem__, step) for step in steps[:STEPS_AHEAD]]
        try:
            for step in steps:
                batches = waiting.pop(0).result()
                if step + STEPS_AHEAD < len(dataset):
                    waiting.append(thread.submit(dataset.__getitem__, step + STEPS_AHEAD))
                yield batches
        finally:
            for future in waiting:
                future.cancel()


def _as_it_is(item: Any) -> Any:
    return item
