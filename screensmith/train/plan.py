"""Which samples each optimizer step uses: arithmetic on (samples, settings, step), nothing stored."""

from __future__ import annotations

import math
from dataclasses import dataclass

from screensmith.config.train import TrainSettings
from screensmith.data.order import epoch_order


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole run as numbers."""

    samples: int
    batch: int
    accum: int
    epochs: int
    max_steps: int
    samples_per_epoch: int
    seed: int
    processes: int = 1
    shuffle: bool = True

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch; what is left over at its end is a smaller step."""
        return math.ceil(self.samples_per_epoch / (self.batch * self.accum * self.processes))

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

    def samples_of(self, step: int) -> list[int]:
        """The samples of one optimizer step (from 0), on all processes together."""
        epoch, within = divmod(step, self.steps_per_epoch)
        size = self.batch * self.passes
        if not self.shuffle:
            start = epoch * self.samples_per_epoch + within * size
            stop = min(start + size, (epoch + 1) * self.samples_per_epoch)
            return [number % self.samples for number in range(start, stop)]
        order = epoch_order(self.samples, seed=self.seed, epoch=epoch, limit=self.samples_per_epoch)
        return order[within * size : (within + 1) * size]


def plan_run(settings: TrainSettings, samples: int, processes: int = 1) -> Plan:
    """The plan of a run over `samples` samples."""
    limit = settings.max_samples_per_epoch
    return Plan(
        samples=samples,
        batch=settings.batch,
        accum=settings.accum,
        epochs=settings.epochs,
        max_steps=settings.max_steps,
        samples_per_epoch=min(limit, samples) if limit else samples,
        seed=settings.seed,
        processes=processes,
        shuffle=settings.shuffle,
    )


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """The learning rate of an optimizer step (from 0) in a run of `steps` steps."""
    if step < settings.warmup_steps:
        return settings.lr * (step + 1) / settings.warmup_steps
    left = (steps - step) / max(1, steps - settings.warmup_steps)
    if settings.schedule == "linear":
        return settings.lr * left
    if settings.schedule == "cosine":
        return settings.lr * 0.5 * (1.0 - math.cos(math.pi * left))
    return settings.lr
