"""Samples become batches, prepared ahead of the model where workers are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset, Subset

from screensmith.core.sample import Sample
from screensmith.data.trie import TokenSequence, fill_rows, lay_out
from screensmith.model.batch import Batch, collate
from screensmith.model.encode import Encoder, Pixels
from screensmith.model.policy import Speaker
from screensmith.train.plan import Plan

CACHE_BYTES = 1 << 30  # of patches: small data sets are then prepared once, not once an epoch


class StepDataset(Dataset[list[Batch]]):
    """Item n holds the batches of optimizer step n (from 0) for one process."""

    def __init__(
        self,
        samples: Sequence[Sample],
        plan: Plan,
        encoder: Encoder,
        speaker: Speaker,
        *,
        row_tokens: int,
        process: int = 0,
    ) -> None:
        self._samples = samples
        self._plan = plan
        self._encoder = encoder
        self._speaker = speaker
        self._row_tokens = row_tokens
        self._process = process
        self._cache = _Cache(CACHE_BYTES)

    def __len__(self) -> int:
        return self._plan.steps

    def __getitem__(self, step: int) -> list[Batch]:
        groups = self._plan.micro_batches(step, self._process)
        return [self.batch(indices) for indices in groups]

    def batch(self, indices: Sequence[int]) -> Batch:
        """One forward pass: the samples' questions, laid out in rows that share what they can."""
        pixels: Pixels = {}
        sequences: list[TokenSequence] = []
        for index in indices:
            own_sequences, own_pixels = self._encoded(index)
            sequences += own_sequences
            pixels |= own_pixels
        rows = [lay_out(group) for group in fill_rows(sequences, self._row_tokens)]
        return collate(
            rows,
            pixels,
            merge=self._encoder.geometry.merge,
            padding=self._encoder.padding,
            samples=len(indices),
        )

    def _encoded(self, index: int) -> tuple[list[TokenSequence], Pixels]:
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        sample, pixels = self._samples[index], Pixels()
        sequences = [
            self._encoder.encode(self._speaker.conversation(sample, question), pixels)
            for question in sample.questions
        ]
        self._cache.put(index, (sequences, pixels))
        return sequences, pixels


class _Cache:
    """Encoded samples, the least recently used dropped first when their patches outgrow a limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._items: OrderedDict[int, tuple[list[TokenSequence], Pixels]] = OrderedDict()

    def get(self, index: int) -> tuple[list[TokenSequence], Pixels] | None:
        item = self._items.get(index)
        if item is not None:
            self._items.move_to_end(index)
        return item

    def put(self, index: int, item: tuple[list[TokenSequence], Pixels]) -> None:
        self._items[index] = item
        self._bytes += _bytes_of(item[1])
        while self._bytes > self._limit:
            _, dropped = self._items.popitem(last=False)
            self._bytes -= _bytes_of(dropped[1])


def _bytes_of(pixels: Pixels) -> int:
    return sum(patches.nbytes for patches in pixels.values())


def steps_from(dataset: StepDataset, first: int, workers: int) -> Iterator[list[Batch]]:
    """The batches of each step from `first` to the end, in order."""
    remaining: Any = Subset(dataset, range(first, len(dataset)))
    loader: DataLoader[list[Batch]] = DataLoader(
        remaining,
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        prefetch_factor=2 if workers else None,
    )
    yield from loader


def _as_it_is(item: Any) -> Any:
    return item
