"""The model that a run starts from: a whole one, or an adapter that is merged or learns on."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import torch

from screensmith import plugins
from screensmith.config.train import TrainSettings
from screensmith.model.adapt import merged_state
from screensmith.model.load import LoadedModel, load_model
from screensmith.model.unsuitable import UnsuitableModel

logger = logging.getLogger(__name__)


def starting_model(settings: TrainSettings) -> LoadedModel:
    """Load what a run starts from, in full precision.

    An adapter is never trained on unnoticed, and no second one is ever put onto a first: `from_adapter`
    says whether it is merged into its base, or learns on itself.

    Raises:
        UnsuitableModel: it cannot be loaded; or it is an adapter and the settings do not say what to do,
            or what they say does not go together with their own adapter.
    """
    loaded = load_model(settings.repo_id, dtype=torch.float32)
    _add_marks(loaded, settings)
    if loaded.attached is None:
        if settings.from_adapter == "continue":
            raise UnsuitableModel(
                f"{settings.repo_id} is no adapter, so from_adapter=continue has nothing to continue; "
                "remove it, or name the adapter's folder"
            )
        return loaded
    if settings.from_adapter == "refuse":
        raise UnsuitableModel(
            f"{settings.repo_id} is an adapter of {loaded.base}: say what becomes of it with "
            "from_adapter=merge (into its base, before this run) or from_adapter=continue (it learns on); "
            f"or merge it to keep (`screensmith merge {settings.repo_id} --out DIR`) and train from DIR"
        )
    return _merged(loaded, settings) if settings.from_adapter == "merge" else _continued(loaded, settings)


def _add_marks(loaded: LoadedModel, settings: TrainSettings) -> None:
    """Give the model the control tokens that the prompt needs; their rows begin as the others' mean."""
    marks: tuple[str, ...] = getattr(plugins.load("prompts", settings.prompt), "ADDED_MARKS", ())
    tokenizer = loaded.processor.tokenizer
    missing = [mark for mark in marks if mark not in tokenizer.get_vocab()]
    if not missing:
        return
    if settings.adapter != "none" or settings.freeze_language:
        raise UnsuitableModel(
            f"the prompt {settings.prompt} needs the control tokens {' and '.join(missing)}, which "
            f"{settings.repo_id} does not know; only a run that trains every weight of the language model "
            "can teach them (adapter=none)"
        )
    # Beside the special tokens that are there; the two lines of transformers call that option otherwise.
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, False)
    tables = {id(table): table for table in _token_tables(loaded.model)}.values()
    if len(tokenizer) > min(len(table) for table in tables):
        loaded.model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        tables = {id(table): table for table in _token_tables(loaded.model)}.values()
    new = tokenizer.convert_tokens_to_ids(missing)
    with torch.no_grad():
        for table in tables:
            table[new] = table[: min(new)].mean(dim=0)
    logger.info("added the control tokens %s", " and ".join(missing))


def _token_tables(model: Any) -> list[torch.nn.Parameter]:
    """The weights with a row for each token; often one and the same for reading and writing."""
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    return [layer.weight for layer in layers if layer is not None]


def _merged(loaded: LoadedModel, settings: TrainSettings) -> LoadedModel:
    if settings.save_adapter:
        raise UnsuitableModel(
            "save_adapter with from_adapter=merge would name a base that is stored nowhere: run "
            f"`screensmith merge {settings.repo_id} --out DIR` first and train from DIR"
        )
    whole = load_model(loaded.base, dtype=torch.float32)
    whole.model.load_state_dict(merged_state(loaded.model))
    logger.info("%s is merged into %s, from which this run starts", settings.repo_id, loaded.base)
    return dataclasses.replace(whole, processor=loaded.processor, card=loaded.card, name=loaded.name)


def _continued(loaded: LoadedModel, settings: TrainSettings) -> LoadedModel:
    if settings.adapter in ("none", "qlora"):
        raise UnsuitableModel(
            f"from_adapter=continue goes with adapter=lora, dora or rslora, not {settings.adapter}: the "
            "adapter learns on beside its base as it is stored"
        )
    logger.info(
        "the adapter %s of %s learns on; lora_* settings are its own", settings.repo_id, loaded.base
    )
    return loaded
