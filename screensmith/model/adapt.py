"""Which weights learn: all of them, some parts of the model, or adapters beside frozen weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from screensmith.families import Family, ModelPart
from screensmith.model.quantise import dequantised, is_quantised, stored_dtype_of
from screensmith.model.unsuitable import UnsuitableModel

AdapterKind = Literal["lora", "dora", "rslora", "qlora"]
NAME = "default"  # peft's own name for a model's only adapter


def freeze_parts(model: Any, family: Family, parts: Collection[ModelPart]) -> int:
    """Keep the weights of some parts as they are; returns how many parameters that fixes."""
    fixed = 0
    for name, parameter in model.named_parameters():
        if family.part_of(name) in parts:
            parameter.requires_grad_(False)
            fixed += parameter.numel()
    return fixed


def learning_parts(model: Any, family: Family) -> set[ModelPart]:
    """The parts of the model in which something learns."""
    return {family.part_of(name) for name, weight in model.named_parameters() if weight.requires_grad}


def add_adapters(
    model: Any,
    family: Family,
    *,
    kind: AdapterKind,
    rank: int,
    alpha: int,
    dropout: float,
    targets: str,
    frozen: Collection[ModelPart] = (),
    rank_stabilised: bool = False,
) -> list[str]:
    """Put adapters into the model, in place; only they learn afterwards, in full precision.

    The product of a linear layer with weight W becomes that with W + s B A, where B is zero at first.
    LoRA scales by s = alpha / rank, rsLoRA by s = alpha / sqrt(rank). DoRA also learns the length of
    each of the sum's rows. QLoRA is LoRA beside weights that `quantise_language` has quantised.

    Args:
        model: a library model.
        family: whose default targets "auto" takes.
        kind: of adapter.
        rank: rows of A and columns of B.
        alpha: see above.
        dropout: share of the adapters' inputs dropped in training.
        targets: regular expression on whole module names, or "auto".
        frozen: parts of the model that get no adapters.
        rank_stabilised: scale as rsLoRA does, for the other kinds, too.

    Returns:
        Names of the adapted modules.

    Raises:
        UnsuitableModel: no linear layer outside frozen parts has such a name, or one of them shares
            its weight with another layer.
    """
    from peft import LoraConfig, inject_adapter_in_model

    chosen = _targets(model, family, family.adapter_targets if targets == "auto" else targets, frozen)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=chosen,
        bias="none",
        use_dora=kind == "dora",
        use_rslora=kind == "rslora" or rank_stabilised,
    )
    model.is_loaded_in_4bit = kind == "qlora"  # how peft is told; the library must not believe it later
    try:
        inject_adapter_in_model(config, model)
    finally:
        del model.is_loaded_in_4bit
    for parameter in model.parameters():
        if parameter.requires_grad:  # peft gives adapters the type of what they stand beside
            parameter.data = parameter.data.float()
    return chosen


def _targets(model: Any, family: Family, pattern: str, frozen: Collection[ModelPart]) -> list[str]:
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    named = [name for name in linear if re.fullmatch(pattern, name)]
    chosen = [name for name in named if family.part_of(name) not in frozen]
    if not named:
        raise UnsuitableModel(f"lora_targets {pattern!r} matches no linear layer of the model")
    if not chosen:
        raise UnsuitableModel(
            f"lora_targets {pattern!r} matches linear layers of frozen parts only "
            f"({', '.join(sorted({family.part_of(name) for name in named}))}): nothing would learn"
        )
    shared = _shared_weights(model)
    tied = [name for name in chosen if id(model.get_submodule(name).weight) in shared]
    if tied:
        raise UnsuitableModel(
            f"lora_targets {pattern!r} reaches {tied[0]}, whose weight is another layer's, too "
            "(tied embeddings): an adapter there cannot be merged; leave it out"
        )
    return chosen


def _shared_weights(model: Any) -> set[int]:
    """The identities of weights that more than one module uses."""
    uses = Counter(
        id(parameter) for module in model.modules() for parameter in module.parameters(recurse=False)
    )
    return {identity for identity, count in uses.items() if count > 1}


def hold_frozen_matrices(model: Any, dtype: torch.dtype) -> int:
    """Keep linear layers' frozen weights in the type that they are multiplied in, under autocast.

    Autocast would convert them at every use, so products are the same, and memory and time are saved.
    Nothing is lost in a checkpoint as long as its weights are stored in that type, too.

    Returns:
        How many parameters were converted.
    """
    shared = _shared_weights(model)
    converted = 0
    for module in model.modules():
        if not isinstance(module, nn.Linear) or is_quantised(module):
            continue
        weight = module.weight
        if not weight.requires_grad and id(weight) not in shared and weight.dtype is torch.float32:
            weight.data = weight.data.to(dtype)
            converted += weight.numel()
    return converted


@torch.no_grad()
def merged_state(model: Any) -> dict[str, Tensor]:
    """The model's weights under their stock names, adapters added in; the model stays as it is.

    Sums are made in full precision, and stored as the weights are held (quantised ones as they were
    before they were quantised).
    """
    changed = {f"{name}.weight": module for name, module in _changed_layers(model)}
    inside = tuple(f"{name}." for name in changed) + tuple(
        name.removesuffix("weight") + "base_layer.weight." for name in changed
    )
    merged: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if ".lora_" in name or name.startswith(inside):  # an adapter's, or a quantised weight's scales
            continue
        stock = name.replace(".base_layer.", ".")
        merged[stock] = _merged_weight(changed[stock]) if stock in changed else value
    return merged


def _changed_layers(model: Any) -> Iterator[tuple[str, nn.Module]]:
    """Layers whose weight is not what it stands for: adapted ones, and quantised ones without adapter."""
    for name, module in model.named_modules():
        if _is_adapted(module) or (is_quantised(module) and not name.endswith(".base_layer")):
            yield name, module


def _is_adapted(module: nn.Module) -> bool:
    return NAME in getattr(module, "lora_A", {})


def _merged_weight(module: Any) -> Tensor:
    base = module.get_base_layer() if _is_adapted(module) else module
    quantised = is_quantised(base)
    weight = dequantised(base) if quantised else base.weight
    if not _is_adapted(module):
        return weight
    dtype = stored_dtype_of(base) if quantised else weight.dtype
    lowered, raised = module.lora_A[NAME].weight.float(), module.lora_B[NAME].weight.float()
    total = weight.float() + module.scaling[NAME] * (raised @ lowered)
    if NAME in getattr(module, "lora_magnitude_vector", {}):  # DoRA
        lengths = module.lora_magnitude_vector[NAME].weight.float()
        total = total * (lengths / torch.linalg.vector_norm(total, dim=1))[:, None]
    result: Tensor = total.to(dtype)
    return result


def trainable_state(model: Any) -> dict[str, Tensor]:
    """The weights that learn, by name, in full precision, on the CPU."""
    return {
        name: parameter.detach().cpu().contiguous().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
