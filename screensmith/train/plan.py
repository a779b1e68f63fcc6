"""Which samples each optimizer step uses: arithmetic on (settings, step), nothing stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from screensmith.config.train import TrainSettings
from screensmith.data.order import Draw, Mixture, Order, Passes


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole run as numbers."""

    order: Order
    batch: int
    accum: int
    epochs: int
    max_steps: int
    samples_per_epoch: int
    processes: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch; what is left over at its end is a smaller step."""
        return math.ceil(self.samples_per_epoch / (self.batch * self.passes))

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        planned = self.steps_per_epoch * self.epochs
        return min(planned, self.max_steps) if self.max_steps else planned

    def epoch_of(self, step: int) -> int:
        """The epoch, from 0, that a step (from 0) belongs to."""
        return step // self.steps_per_epoch

    @property
    def passes(self) -> int:
        """Forward passes of one optimizer step, on all processes together."""
        return self.accum * self.processes

    def positions_of(self, step: int) -> range:
        """The positions of one optimizer step (from 0), on all processes together."""
        epoch, within = divmod(step, self.steps_per_epoch)
        size = self.batch * self.passes
        start = epoch * self.samples_per_epoch + within * size
        return range(start, min(start + size, (epoch + 1) * self.samples_per_epoch))

    def draws_of(self, step: int) -> list[Draw]:
        """What one optimizer step (from 0) draws, on all processes together."""
        positions = self.positions_of(step)
        return self.order.at(positions.start, positions.stop)


def plan_run(
    settings: TrainSettings, sizes: Sequence[int], processes: int = 1, ratios: Sequence[float] = ()
) -> Plan:
    """The plan of a run over sources with `sizes` samples, drawn by `ratios` where the settings say so."""
    samples = sum(sizes)
    order: Order = Passes(samples, settings.seed, settings.shuffle)
    if settings.random_sample:
        weights = tuple(float(size) for size in sizes) if settings.uniform_sample else tuple(ratios)
        replacement = not settings.record_sample
        order = Mixture(tuple(sizes), weights or (1.0,) * len(sizes), settings.seed, replacement)
    in_epoch = settings.steps_per_epoch * settings.batch * settings.accum * processes
    limit = settings.max_samples_per_epoch
    return Plan(
        order=order,
        batch=settings.batch,
        accum=settings.accum,
        epochs=settings.epochs,
        max_steps=settings.max_steps,
        samples_per_epoch=in_epoch or (min(limit, samples) if limit else samples),
        processes=processes,
    )


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """The learning rate of an optimizer step (from 0) in a run of `steps` steps."""
    warmup = settings.warmup_steps or math.ceil(settings.warmup_share * steps)
    if step < warmup:
        return settings.lr * (step + 1) / warmup
    left = (steps - step) / max(1, steps - warmup)
    if settings.schedule == "linear":
        return settings.lr * left
    if settings.schedule == "cosine":
        return settings.lr * 0.5 * (1.0 - math.cos(math.pi * left))
    return settings.lr
