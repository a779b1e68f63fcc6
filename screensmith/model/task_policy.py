"""A model that works through task results: the words it is asked in, and what to be wary of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from screensmith import plugins
from screensmith.config.agent_card import AgentCard, Skill
from screensmith.model.adapter_checkpoint import StoredAdapter, base_of, is_adapter, read_adapter
from screensmith.model.create import MAX_PIXELS, MIN_PIXELS
from screensmith.model.load import LoadedModel, load_adapted, load_model
from screensmith.model.policy import LoadedPolicy, Speaker, best_device
from screensmith.model.unsuitable import UnsuitableModel

PROMPT, DIALECT = "memory", "task_results"
MAX_NEW_TOKENS = 512
"""An answer holds reasons and two memories beside its action."""
ROW_TOKENS = 1
"""Each request in a row of its own: every step has its own screen first, so requests share nothing, and
in a row with others each new token would look at theirs, too, only to be masked."""


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """A loaded policy and how it is asked.

    `trained` is whether these are the words that it was trained in; `base` the model below an adapter;
    `warnings` are sentences on why its answers, or their scores, may not be what they seem.
    """

    policy: LoadedPolicy
    skill: Skill
    speaker: Speaker
    trained: bool
    base: str = ""
    warnings: tuple[str, ...] = field(default=())


def load_task_policy(
    model_path: str,
    base_model_name: str | None = None,
    *,
    device: str | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
    prompt_options: Mapping[str, Any] | None = None,
    local: bool = False,
) -> TaskPolicy:
    """Load a checkpoint, an adapter, or a plain model.

    A checkpoint is asked as it was trained for task results. A model without `agent.json` is asked in
    the prompt "memory", with places as its family writes them.

    Args:
        model_path: folder or hub name.
        base_model_name: of an adapter, instead of the one it names; others need none.
        device: "cpu", "cuda", "mps"; None takes the best there is.
        max_new_tokens: longer answers are cut off and count as unreadable.
        prompt_options: changes to the prompt's options, such as {"grounding": False}.
        local: refuse whatever would have to come from the hub.

    Raises:
        UnsuitableModel: it cannot be loaded, or was trained for something else alone.
    """
    warnings: list[str] = []
    loaded = _load(model_path, base_model_name, device or best_device(), local, warnings)
    card = loaded.card
    own = None if card is None else _own_skill(card, model_path)
    if own is None:
        own = _plain_skill(loaded, base_model_name or model_path)
        warnings.append(f"{model_path} has no agent.json: it is asked in words that it was not trained in.")
    if card is None:
        card = AgentCard(
            **own.model_dump(), family=loaded.family.name, min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS
        )
    skill = own.model_copy(update={"prompt_options": {**own.prompt_options, **(prompt_options or {})}})
    changed = _shown(skill) != _shown(own)
    warnings += _warnings(skill, own, asked_as_trained=loaded.card is not None)
    geometry = loaded.family.geometry(loaded.model.config, card.min_pixels, card.max_pixels)
    speaker = Speaker(skill, geometry)
    whole = LoadedPolicy(loaded, card, max_new_tokens=max_new_tokens, row_tokens=ROW_TOKENS)
    policy = whole.speaking(skill)
    trained = loaded.card is not None and not changed
    return TaskPolicy(policy, skill, speaker, trained, loaded.base, tuple(warnings))


def _load(model_path: str, base: str | None, device: str, local: bool, warnings: list[str]) -> LoadedModel:
    # Many CPUs have no fast bfloat16; float32 holds the same weights exactly.
    dtype = torch.float32 if device == "cpu" else None
    if not is_adapter(Path(model_path)):
        if local:
            _check_local(model_path)
        if base:
            warnings.append(f"{model_path} is a whole model: {base} was not needed and is not used.")
        return load_model(model_path, dtype=dtype, device=device)
    stored = read_adapter(Path(model_path))
    place = base or base_of(stored)
    if local:
        _check_local(place)
    if base and stored.base and not _same_model(stored, base):
        warnings.append(
            f"{model_path} is an adapter of {stored.base}, and was put onto {base} as asked: "
            "unless both are the same model, its answers mean little."
        )
    return load_adapted(stored, dtype=dtype, device=device, base=base)


def _check_local(name: str) -> None:
    if not Path(name).is_dir():
        raise UnsuitableModel(
            f"there is no folder {name}, and only local models are to be used (use_local)"
        )


def _same_model(stored: StoredAdapter, base: str) -> bool:
    try:
        own = base_of(stored)
    except UnsuitableModel:  # its own base is not here
        own = stored.base
    if Path(own).is_dir() and Path(base).is_dir():
        return Path(own).resolve() == Path(base).resolve()
    return own == base


def _own_skill(card: AgentCard, model_path: str) -> Skill:
    """How a checkpoint was trained to be asked about task results."""
    skills: list[Skill] = [card, *card.others.values()]
    for skill in skills:
        if skill.prompt == PROMPT:
            return Skill(**{name: getattr(skill, name) for name in Skill.model_fields})
    known = ", ".join(dict.fromkeys(skill.prompt for skill in skills))
    raise UnsuitableModel(
        f"{model_path} was trained in the prompt {known}, and task results are asked in {PROMPT}: "
        "train it on task results, or give a model without agent.json"
    )


def _plain_skill(loaded: LoadedModel, name: str) -> Skill:
    options = {"frame": loaded.family.coordinate_frame(name)}
    dialect = plugins.load("dialects", DIALECT).dialect(**options)
    return Skill(
        prompt=PROMPT,
        dialect=DIALECT,
        dialect_options=options,
        coordinate_frame=dialect.coordinate_frame,
        history_steps=0,
        action_names=dialect.action_names,
    )


def _shown(skill: Skill) -> dict[str, Any]:
    """Every option of the prompt that is in force, defaults included."""
    render = plugins.load("prompts", skill.prompt).render
    known = {name: option.default for name, option in plugins.options_of(render).items()}
    return {**known, **plugins.check_options(render, skill.prompt_options, f"prompt {skill.prompt}")}


def _warnings(skill: Skill, own: Skill, *, asked_as_trained: bool) -> list[str]:
    shown, trained = _shown(skill), _shown(own)
    unlike = ", unlike in training" if asked_as_trained else ""
    found = [
        f"Asked {'with' if shown[name] else 'without'} {name.replace('_', ' ')}{unlike}."
        for name in shown
        if shown[name] != trained[name]
    ]
    if shown.get("ground_truth"):
        found.append("The prompt shows the right answer: the model can copy it, and scores mean nothing.")
    return found
