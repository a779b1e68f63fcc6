"""Which weights learn: all of them, all but the vision tower, or low-rank adapters (LoRA)."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from screensmith.families import Family
from screensmith.model.load import UnsuitableModel


def freeze_vision(model: Any, family: Family) -> int:
    """Keep the vision tower's weights as they are; returns how many parameters that fixes."""
    fixed = 0
    for name, parameter in model.named_parameters():
        if family.vision_prefix in name:
            parameter.requires_grad_(False)
            fixed += parameter.numel()
    return fixed


def add_lora(
    model: Any, family: Family, *, rank: int, alpha: int, dropout: float, targets: str
) -> list[str]:
    """Put adapters into the model, in place; only they learn afterwards.

    Args:
        model: a library model.
        family: whose default targets "auto" takes.
        rank: of each adapter.
        alpha: the adapters' output is scaled by alpha / rank.
        dropout: share of the adapters' inputs dropped in training.
        targets: regular expression on whole module names, or "auto".

    Returns:
        Names of the adapted modules.

    Raises:
        UnsuitableModel: no linear module has such a name.
    """
    from peft import LoraConfig, inject_adapter_in_model

    pattern = family.adapter_targets if targets == "auto" else targets
    chosen = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and re.fullmatch(pattern, name)
    ]
    if not chosen:
        raise UnsuitableModel(f"lora_targets {pattern!r} matches no linear module of the model")
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=chosen, bias="none")
    inject_adapter_in_model(config, model)
    return chosen


def merged_state(model: Any) -> dict[str, Tensor]:
    """The model's weights under their stock names, adapters added in; the model stays as it is."""
    deltas = {
        name: module.get_delta_weight("default")
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight") and "default" in getattr(module, "lora_A", {})
    }
    merged: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if ".lora_" in name:
            continue
        module = name.removesuffix(".base_layer.weight")
        if module in deltas and name.endswith(".base_layer.weight"):
            adapted = (value.float() + deltas[module].float()).to(value.dtype)
            merged[module + ".weight"] = adapted
        else:
            merged[name.replace(".base_layer.", ".")] = value
    return merged


def trainable_state(model: Any) -> dict[str, Tensor]:
    """The weights that learn, by name, in full precision, on the CPU."""
    return {
        name: parameter.detach().cpu().contiguous().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
