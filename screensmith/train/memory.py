"""How much memory a run needs, worked out before it and measured after it.

What autograd keeps is read off one forward pass, in which every tensor that it would keep is counted
and let go at once; so adapters, frozen parts, precision, masks and skipped tokens are all in it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from screensmith.config.train import TrainSettings
from screensmith.families import Family
from screensmith.model.attention import visibility
from screensmith.model.batch import Batch
from screensmith.model.load import LoadedModel
from screensmith.train._kept_tensors import kept_by, set_checkpointing
from screensmith.train._process_memory import forget_peak, free_memory, process_peak, resident_memory

logger = logging.getLogger(__name__)
USABLE_SHARE = 0.9  # of free memory; the rest is for what no estimate sees
MEBIBYTE = 1 << 20
# The C library keeps freed blocks of up to 32 MiB for later. In whole training steps of small models of
# all families, with and without adapters and checkpointing, resident memory was larger than the tensors
# by 1 to 5 times what one layer keeps (glibc 2.36, PyTorch 2.15).
HELD_BACK_LAYERS = 3


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The bytes of one process, by what they are for; activations and masks are those of one pass.

    `working` is what the backward pass of one layer allocates for a moment, and `scratch` what the
    optimizer does. `allocator` is what it holds back of freed blocks. `language_gradients` are part
    of `gradients`, which wait for the next forward pass where a step has `several_passes`.
    """

    weights: int
    gradients: int
    optimizer: int
    language_activations: int
    vision_activations: int
    masks: int
    logits: int
    working: int
    scratch: int
    allocator: int
    language_gradients: int
    several_passes: bool

    @property
    def peak(self) -> int:
        """The most at any time: as backward begins, as it reaches the vision tower, or as it ends."""
        activations = self.vision_activations + self.masks + self.working
        begins = activations + self.language_activations + self.logits
        middle = activations + self.language_gradients
        ends = self.gradients + self.scratch
        if self.several_passes:
            begins, middle = begins + self.gradients, activations + self.gradients
        return self.weights + self.optimizer + max(begins, middle, ends) + self.allocator

    def describe(self) -> str:
        """A table in mebibytes."""
        items = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer": self.optimizer,
            "language activations": self.language_activations,
            "vision activations": self.vision_activations,
            "attention masks": self.masks,
            "logits": self.logits,
            "one layer's backward": self.working,
            "optimizer's scratch": self.scratch,
            "freed, but held back": self.allocator,
            "most at one time": self.peak,
        }
        return "\n".join(f"{name:<22}{size / MEBIBYTE:>10,.1f} MiB" for name, size in items.items())


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What was decided before a run, and what memory was like then."""

    language_checkpointing: bool
    vision_checkpointing: bool
    estimate: MemoryEstimate
    device: torch.device
    resident_before: int


def choose_checkpointing(
    loaded: LoadedModel,
    settings: TrainSettings,
    batches: Sequence[Batch],
    *,
    forward: Callable[[Batch], Any],
    device: torch.device,
) -> MemoryPlan:
    """Estimate a run's memory and switch gradient checkpointing as the settings say.

    `auto` takes the first that fits into free memory: none, vision tower, language model, both.

    Args:
        loaded: prepared for training, on the device.
        settings: of the run.
        batches: some of the run's; the largest counts.
        forward: does one forward pass, with precision and attention as in training, through the loss
            module itself: what wraps it for several processes would wait for a backward pass.
        device: where the run takes place.
    """
    resident = resident_memory(device)
    model, family = loaded.model, loaded.family
    largest = max(batches, key=_size_of)
    language, vision, logits = kept_by(model, family, largest, forward)
    wanted = (settings.gradient_checkpointing, settings.vision_gradient_checkpointing)
    options = [
        (on_language, on_vision)
        for on_language in (False, True)
        for on_vision in (False, True)
        if _allowed(wanted[0], on_language) and _allowed(wanted[1], on_vision)
    ]
    weights = _bytes_of(model.parameters())
    free = free_memory(device)
    for on_language, on_vision in options:
        estimate = _estimate(
            model,
            family,
            language=language.total(checkpointed=on_language),
            vision=vision.total(checkpointed=on_vision),
            masks=_mask_bytes(largest),
            logits=logits,
            working=max(language.working, vision.working),
            several_passes=settings.accum > 1,
        )
        if estimate.peak - weights <= USABLE_SHARE * free:
            break
    else:
        logger.warning(
            "this run may need %.0f MiB more memory than the %.0f MiB it can count on; "
            "lower row_tokens or batch, or choose an adapter",
            (estimate.peak - weights - USABLE_SHARE * free) / MEBIBYTE,
            USABLE_SHARE * free / MEBIBYTE,
        )
    set_checkpointing(model, family, language=on_language, vision=on_vision)
    logger.info(
        "gradient checkpointing: language model %s, vision tower %s (%.0f MiB free); memory:\n%s",
        _word(on_language),
        _word(on_vision),
        free / MEBIBYTE,
        estimate.describe(),
    )
    forget_peak(device)
    return MemoryPlan(on_language, on_vision, estimate, device, resident)


def peak_report(plan: MemoryPlan) -> str:
    """One sentence: what a run was estimated to need and what it took since `choose_checkpointing`."""
    measured = measured_peak(plan)
    difference = plan.estimate.peak / measured - 1.0 if measured else math.nan
    return (
        f"peak memory: {measured / MEBIBYTE:,.0f} MiB measured, "
        f"{plan.estimate.peak / MEBIBYTE:,.0f} MiB estimated ({difference:+.0%})"
    )


def measured_peak(plan: MemoryPlan) -> int:
    """The most bytes at any time since `choose_checkpointing`: weights and what training added.

    On CUDA, what tensors took; on a CPU, growth of the whole process, images and their cache included.
    """
    if plan.device.type == "cuda":
        return torch.cuda.max_memory_allocated(plan.device)
    return plan.estimate.weights + max(0, process_peak() - plan.resident_before)


def _allowed(setting: str, on: bool) -> bool:
    return setting == "auto" or (setting == "on") == on


def _word(on: bool) -> str:
    return "on" if on else "off"


def _size_of(batch: Batch) -> int:
    patches = None if batch.pictures is None else batch.pictures.patches
    return batch.tokens.numel() + (0 if patches is None else len(patches))


def _bytes_of(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _estimate(
    model: Any,
    family: Family,
    *,
    language: int,
    vision: int,
    masks: int,
    logits: int,
    working: int,
    several_passes: bool,
) -> MemoryEstimate:
    learning = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    sizes = [weight.numel() * weight.element_size() for _, weight in learning]
    of_language = [
        size for (name, _), size in zip(learning, sizes, strict=True) if family.part_of(name) == "language"
    ]
    on_cuda = any(weight.is_cuda for _, weight in learning)
    return MemoryEstimate(
        weights=_bytes_of(model.parameters()),
        gradients=sum(sizes),
        optimizer=2 * sum(sizes),
        language_activations=language,
        vision_activations=vision,
        masks=masks,
        logits=logits,
        working=working,
        # AdamW takes the root of all second moments at once on CUDA, one weight's at a time elsewhere.
        scratch=sum(sizes) if on_cuda else 2 * max(sizes, default=0),
        allocator=0 if on_cuda else HELD_BACK_LAYERS * working,
        language_gradients=sum(of_language),
        several_passes=several_passes,
    )


def _mask_bytes(batch: Batch) -> int:
    """Of the attention masks that all layers of a pass share."""
    seen = visibility(batch.subtree_end.cpu())
    if seen.mask is not None:
        return _bytes_of([seen.mask])
    return sum(_bytes_of([block.keys, block.mask]) for row in seen.blocks for block in row)
