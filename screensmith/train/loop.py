"""The loop: batches in, optimizer steps out."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from screensmith.config.train import TrainSettings
from screensmith.model.batch import Batch
from screensmith.model.skipping import skipped_tokens
from screensmith.train.plan import Plan, learning_rate
from screensmith.train.trackers import Tracker

logger = logging.getLogger(__name__)


class Diverged(RuntimeError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What the loop drives: the accelerator, the wrapped loss module and its optimizer."""

    accelerator: Any
    loss: Any
    optimizer: Any


def run_steps(
    machinery: Machinery,
    steps: Iterable[list[Batch]],
    *,
    plan: Plan,
    settings: TrainSettings,
    first_step: int,
    trackers: Sequence[Tracker],
    operations_of: Callable[[Batch], float],
    after_step: Callable[[int], bool],
) -> tuple[int, float]:
    """Do the optimizer steps from `first_step` (0 at the start) to the end of the plan.

    `operations_of` counts a batch's floating-point operations, for the log. `after_step` is called with
    the number of steps done and says whether to stop. Returns the steps done and the last step's loss.

    Raises:
        Diverged: a loss is not finite; the weights are still those before that step.
    """
    main = machinery.accelerator.is_main_process
    bar = tqdm(total=plan.steps, initial=first_step, unit="step", disable=not main, mininterval=0.5)
    value, done = float("nan"), first_step
    with bar:
        asked = time.perf_counter()
        for step, batches in zip(range(first_step, plan.steps), steps, strict=True):
            started = time.perf_counter()
            rate = learning_rate(settings, step, plan.steps)
            value, norm = _step(machinery, batches, rate, settings, seed=settings.seed + step)
            seconds = time.perf_counter() - asked
            samples = len(plan.positions_of(step))
            numbers = {
                "epoch": plan.epoch_of(step) + 1,
                "loss": value,
                "learning_rate": rate,
                "gradient_norm": norm,
                "samples_per_second": samples / seconds,
                "seconds": seconds,
                "seconds_waiting_for_data": started - asked,
                "tokens": sum(batch.real_tokens for batch in batches),
                "samples": samples,
                "images": sum(batch.images for batch in batches),
                "image_tokens": sum(len(batch.image_at) for batch in batches),
                "image_tokens_skipped": sum(skipped_tokens(batch) for batch in batches),
                # 1e12 floating-point operations of this process
                "teraflop": sum(operations_of(batch) for batch in batches) / 1e12,
            }
            for tracker in trackers:
                tracker.log(step + 1, numbers)
            bar.set_postfix_str(f"loss {value:.4f}, {samples / seconds:.1f} samples/s", refresh=False)
            bar.update()
            done = step + 1
            if after_step(done):
                break
            asked = time.perf_counter()
    return done, value


def _step(
    machinery: Machinery, batches: list[Batch], rate: float, settings: TrainSettings, seed: int
) -> tuple[float, float]:
    """One optimizer step; returns the mean loss over its labelled tokens, and the gradient norm."""
    accelerator, optimizer = machinery.accelerator, machinery.optimizer
    torch.manual_seed(seed)  # dropout is part of what a resumed run must repeat
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_ratio"]
    weight = sum((batch.label_weight.sum() for batch in batches), start=torch.zeros(()))
    weight = accelerator.reduce(weight.to(accelerator.device), reduction="sum")
    total = torch.zeros((), device=accelerator.device)
    machinery.loss.train()
    for number, batch in enumerate(batches):
        with _synchronised(machinery, last=number + 1 == len(batches)):
            with accelerator.autocast(), attention_backend(accelerator):
                loss = machinery.loss(batch.to(accelerator.device))
            # The mean is over the labelled tokens of the whole step, on all processes together,
            # whose gradients are averaged.
            accelerator.backward(loss * (accelerator.num_processes / weight))
        total += loss.detach()
    value = float(accelerator.reduce(total, reduction="sum") / weight)
    if not torch.isfinite(torch.tensor(value)):
        raise Diverged(f"the loss became {value} at learning rate {rate}; lower it")
    limit = settings.grad_clip or float("inf")
    norm = accelerator.clip_grad_norm_(machinery.loss.parameters(), limit)
    optimizer.step()
    optimizer.zero_grad()
    return value, float(norm)


def attention_backend(accelerator: Any) -> Any:
    """The fastest attention. In bfloat16 on a CPU, PyTorch's fused one spends half of a training step
    in its backward pass; products and a softmax took 0.68 s instead of 0.87 s a step (AMD EPYC,
    PyTorch 2.15, a tiny Qwen3-VL, 3 rows of 614 tokens).
    """
    if accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16":
        return sdpa_kernel(SDPBackend.MATH)
    return contextlib.nullcontext()


def _synchronised(machinery: Machinery, *, last: bool) -> Any:
    """Gradients are exchanged between processes with the last forward pass of a step only."""
    return contextlib.nullcontext() if last else machinery.accelerator.no_sync(machinery.loss)
