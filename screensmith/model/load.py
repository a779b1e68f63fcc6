"""Loading a checkpoint: model, processor, family and, where there is one, its agent card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from screensmith import plugins
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.families import Family
from screensmith.model.attention import use_tries
from screensmith.model.unsuitable import UnsuitableModel


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A library model in memory with what belongs to it; `stored_dtype` is its weights' on disk."""

    model: Any
    processor: Any
    family: Family
    card: AgentCard | None
    name: str
    stored_dtype: torch.dtype

    @property
    def longest_text(self) -> int:
        """Tokens that the model has positions for."""
        return int(self.model.config.get_text_config().max_position_embeddings)


def load_model(
    name: str, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> LoadedModel:
    """Load a model by hub name or folder.

    Args:
        name: `showlab/ShowUI-2B`, or a folder with a Hugging Face checkpoint.
        dtype: of the weights; None keeps the checkpoint's own.
        device: where the model is put.

    Raises:
        UnsuitableModel: it does not exist, cannot be reached, or is of no supported family.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    try:
        config = _config_of(name)
        family = _family_of(name, config.model_type)
        model = AutoModelForImageTextToText.from_pretrained(
            name, dtype=dtype or "auto", attn_implementation="sdpa"
        )
        processor = AutoProcessor.from_pretrained(name)
    except OSError as error:
        raise UnsuitableModel(_missing(name, error)) from error
    family.prepare(model)
    use_tries(family.language(model))
    card = agent_card.read(Path(name))
    if card is not None and card.family != family.name:
        raise UnsuitableModel(f"{name}: agent.json says {card.family}, but the weights are {family.name}")
    stored = getattr(config, "dtype", None)
    stored_dtype = stored if isinstance(stored, torch.dtype) else torch.float32
    return LoadedModel(model.to(device), processor, family, card, name, stored_dtype)


def _config_of(name: str) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(name)
    except ValueError as error:  # a model type that the library does not know
        raise UnsuitableModel(f"{name}: {str(error).splitlines()[0]}") from error


def _family_of(name: str, kind: str) -> Family:
    known = plugins.names("families")
    if kind not in known:
        raise UnsuitableModel(f"{name} is a {kind} model; supported are {', '.join(known)}")
    family: Family = plugins.load("families", kind).family()
    return family


def _missing(name: str, error: OSError) -> str:
    hint = "set REPO_ID (or --repo-id) to a folder or a hub name"
    if Path(name).is_dir():
        return f"{name} is not a complete checkpoint: {str(error).splitlines()[0]}"
    return (
        f"no model {name!r}: there is no such folder and the hub gave none "
        f"({str(error).splitlines()[0][:160]}); {hint}, or make one with `screensmith new-model`"
    )
