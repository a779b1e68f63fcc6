"""The table of ShowUI's options, `showui_options.yaml`, as values; and what may be written beside them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Kind = Literal["flag", "text", "whole", "number"]
TABLE = Path(__file__).with_name("showui_options.yaml")

# Data sets that can be learned from; data/known_sets.py says where each lies.
TRAINING_SETS = tuple("aitw amex guiact mind2web miniwob screenspot showui-desktop showui-web".split())

# Settings of ours that ShowUI had no option for, taken under the name of their field.
OWN = tuple(
    "seed shuffle joined_turns freeze_language max_steps row_tokens max_refused_share lora_targets "
    "lora_rank_stabilised vision_lr projector_lr grad_clip wd vision_cache "
    "vision_gradient_checkpointing eval_data eval_steps "
    "eval_limit eval_patience save_steps save_adapter keep_last loglevel log_format trackers".split()
)

# What earlier instructions and other tools call the same: never accepted, only used to suggest a name.
ALSO_CALLED: Mapping[str, str] = {
    "dataset": "train_dataset",
    "sample_rates": "train_ratio",
    "learning_rate": "lr",
    "gradient_accumulation_steps": "grad_accumulation_steps",
    "accum": "grad_accumulation_steps",
    "batch": "batch_size",
    "history_steps": "num_history",
    "max_tokens": "model_max_length",
    "repo_id": "model_id",
    "model": "model_id",
    "output": "log_base_dir",
    "skip_layers": "lm_skip_layer",
    "skip_ratio": "uimask_ratio",
    "skip_threshold": "uigraph_diff",
    "adapter": "lora_r",
    "lora_rank": "lora_r",
    "eval_benchmark": "val_dataset",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of ShowUI's training program.

    Args:
        name: as it is documented, without the two dashes.
        kind: of value it takes; a flag may stand without one.
        default: what held there when it was not given.
        here: what it does here.
        there: what was wrong with it there, empty where nothing was.
        field: the setting of `TrainSettings` that it becomes as it is, if it does.
        sets: the settings that it decides together with others; None where it has no effect.
        choices: the values it takes, where they are few.
        bare: what a flag without a value stands for.
    """

    name: str
    kind: Kind
    default: str
    here: str
    there: str = ""
    field: str = ""
    sets: tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    bare: str = "true"

    @property
    def has_effect(self) -> bool:
        """Whether it changes anything here."""
        return bool(self.field) or self.sets is not None

    @property
    def fields(self) -> tuple[str, ...]:
        """The settings it decides, alone or with others."""
        return (self.field,) if self.field else self.sets or ()


@dataclass(frozen=True, slots=True)
class Group:
    """Options that belong together."""

    title: str
    options: tuple[Option, ...]


@functools.cache
def groups() -> tuple[Group, ...]:
    """The whole table, in order."""
    read: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text("utf-8"))
    return tuple(Group(group["title"], tuple(map(_option, group["options"]))) for group in read)


@functools.cache
def options() -> Mapping[str, Option]:
    """Every option by its name."""
    return {option.name: option for group in groups() for option in group.options}


def _option(entry: dict[str, Any]) -> Option:
    decided = entry.pop("sets", None)
    return Option(
        field=entry.pop("is", ""),
        sets=None if decided is None else tuple(decided.split()),
        choices=tuple(entry.pop("choices", ())),
        **entry,
    )
