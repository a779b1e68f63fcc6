"""What learns in a run, and how fast: frozen parts, adapters, and a learning rate for each part."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import torch

from screensmith.config.train import TrainSettings
from screensmith.families import ModelPart
from screensmith.model import adapt
from screensmith.model.load import LoadedModel
from screensmith.model.quantise import quantise_language
from screensmith.model.unsuitable import UnsuitableModel

logger = logging.getLogger(__name__)
PARTS: tuple[ModelPart, ...] = ("vision", "projector", "language")
COMPUTE_DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepare_weights(
    loaded: LoadedModel,
    settings: TrainSettings,
    *,
    precision: str = "no",
    device: torch.device | str = "cpu",
) -> None:
    """Decide what learns: freeze parts, quantise, add adapters.

    An adapter freezes all weights of the model; `freeze_*` then keep adapters out of a part. An adapter
    that came with the model learns on, and gets no second one beside it.

    Args:
        loaded: in full precision; it is changed in place.
        settings: of the run.
        precision: what products are computed in, by Accelerate's name: no, bf16 or fp16.
        device: where the model will be.

    Raises:
        UnsuitableModel: nothing would learn, a rate is set for a part that does not learn, the
            adapter's targets do not exist, or weights cannot be quantised on this device.
    """
    model, family = loaded.model, loaded.family
    frozen = [part for part in PARTS if getattr(settings, f"freeze_{part}")]
    dtype = COMPUTE_DTYPES[precision]
    if settings.adapter == "none":
        fixed = adapt.freeze_parts(model, family, frozen)
        if frozen:
            logger.info("frozen: %s (%d parameters)", ", ".join(frozen), fixed)
    elif loaded.attached is None:
        _adapt(loaded, settings, frozen, dtype, device)
    _check_rates(loaded, settings)
    if dtype is not torch.float32 and loaded.stored_dtype is dtype:
        converted = adapt.hold_frozen_matrices(model, dtype)
        logger.info("%d frozen parameters are held in %s", converted, precision)
    learning = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    logger.info("%d of %d parameters learn", learning, sum(weight.numel() for weight in model.parameters()))


def _adapt(
    loaded: LoadedModel,
    settings: TrainSettings,
    frozen: list[ModelPart],
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    assert settings.adapter != "none"  # noqa: S101 - the caller's case
    if settings.adapter == "qlora":
        layers = quantise_language(loaded.model, loaded.family, compute_dtype=dtype, device=device)
        logger.info("quantised to 4 bits: %d linear layers of the language model", len(layers))
    names = adapt.add_adapters(
        loaded.model,
        loaded.family,
        kind=settings.adapter,
        rank=settings.lora_r,
        alpha=settings.lora_alpha,
        dropout=settings.lora_dropout,
        targets=settings.lora_targets,
        frozen=frozen,
        rank_stabilised=settings.lora_rank_stabilised,
    )
    counts = Counter(loaded.family.part_of(name) for name in names)
    places = ", ".join(f"{counts[part]} in {part}" for part in PARTS if counts[part])
    logger.info("%s on %d linear layers (%s)", settings.adapter, len(names), places)


def _check_rates(loaded: LoadedModel, settings: TrainSettings) -> None:
    learning = adapt.learning_parts(loaded.model, loaded.family)
    if not learning:
        raise UnsuitableModel(
            "freeze_vision, freeze_projector and freeze_language together leave nothing to learn: "
            "remove one of them"
        )
    for part, rate in (("vision", settings.vision_lr), ("projector", settings.projector_lr)):
        if rate and part not in learning:
            why = f"freeze_{part} is set"
            if settings.adapter != "none" and not getattr(settings, f"freeze_{part}"):
                why = f"adapter={settings.adapter} has no lora_targets there"
            raise UnsuitableModel(
                f"{part}_lr is set, but nothing in the {part} part learns ({why}): remove it"
            )


def optimizer_of(
    loaded: LoadedModel, settings: TrainSettings, *, device: torch.device | str = "cpu"
) -> torch.optim.Optimizer:
    """AdamW over what learns; norms and biases are not decayed.

    Each group's `rate_ratio` is its part's peak rate over `lr`: the schedule's rate times that is the
    group's rate.

    Args:
        loaded: whose weights learn.
        settings: of the run.
        device: where they will be.

    Raises:
        UnsuitableModel: an optimizer is asked for that cannot be had here.
    """
    rates = {"vision": settings.vision_lr, "projector": settings.projector_lr}
    groups: list[dict[str, Any]] = []
    for part in PARTS:
        learning = [
            weight
            for name, weight in loaded.model.named_parameters()
            if weight.requires_grad and loaded.family.part_of(name) == part
        ]
        ratio = (rates.get(part) or settings.lr) / settings.lr
        matrices = [weight for weight in learning if weight.ndim > 1]
        vectors = [weight for weight in learning if weight.ndim <= 1]
        for members, decay in ((matrices, settings.wd), (vectors, 0.0)):
            if members:
                options = {"lr": settings.lr * ratio, "rate_ratio": ratio}
                groups.append({"params": members, "weight_decay": decay, **options})
    betas = (settings.beta1, settings.beta2)
    if settings.optimizer == "paged_adamw_8bit":
        return _in_8_bits(groups, settings.lr, betas, torch.device(device))
    return torch.optim.AdamW(groups, lr=settings.lr, betas=betas)


def _in_8_bits(
    groups: list[dict[str, Any]], rate: float, betas: tuple[float, float], device: torch.device
) -> torch.optim.Optimizer:
    """AdamW of bitsandbytes; only CUDA devices have memory that it can move out page by page."""
    if device.type not in ("cuda", "cpu"):
        raise UnsuitableModel(
            f"optimizer=paged_adamw_8bit works on CUDA devices and on the CPU, not on {device.type}; "
            "take optimizer=adamw"
        )
    try:
        from bitsandbytes import optim
    except ImportError as error:
        raise UnsuitableModel(
            "optimizer=paged_adamw_8bit needs bitsandbytes: pip install 'screensmith[qlora]', or take "
            "optimizer=adamw"
        ) from error
    if device.type == "cpu":
        logger.info("the optimizer's state is in 8 bits, but not paged, which only CUDA devices are")
    kind = optim.PagedAdamW8bit if device.type == "cuda" else optim.AdamW8bit
    made: torch.optim.Optimizer = kind(groups, lr=rate, betas=betas)
    return made
