"""Training on task results: the documented names of its options, and the settings they stand on.

The preset is the documented one for a GPU of 40 GB: 4-bit weights, small adapters in the language model,
gradient checkpointing, one screen at a time and a step every 32. Differences from the first public code:
the length of a text comes from the data (768 tokens cut images there), the loss is on the answer alone,
tasks and not rows are held out, and there is no warm-up of 100 steps, which short runs never leave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ADAPTER: Mapping[str, Any] = {
    "adapter": "qlora",
    "lora_r": 2,
    "lora_alpha": 4,
    "lora_dropout": 0.1,
    "freeze_vision": True,
    "freeze_projector": True,
    "save_adapter": True,
}
OTHERS: Mapping[str, Any] = {
    "lr": 2e-4,
    "epochs": 2,
    "batch": 1,
    "accum": 32,
    "wd": 0.01,
    "schedule": "cosine",
    "gradient_checkpointing": "on",
    "held_out_share": 0.1,
    "keep_last": 2,
    "prompt": "memory",
    "dialect": "task_results",
    "repo_id": "Qwen/Qwen3-VL-8B-Instruct",
}

DOCUMENTED: Mapping[str, str] = {
    "--train_csv": "train_csv",
    "--image_dir": "image_dir",
    "--task_start": "task_start",
    "--task_end": "task_end",
    "--val_split": "held_out_share",
    "--output_dir": "output",
    "--learning_rate": "lr",
    "--num_epochs": "epochs",
    "--batch_size": "batch",
    "--gradient_accumulation_steps": "accum",
}
"""Documented option to the setting that it is here."""

BLOCKS = ("grounding", "short_term_memory", "long_term_memory")
"""What `--no_grounding` and the like leave out of the prompt."""


def preset(adapter: str) -> dict[str, Any]:
    """The settings of a run on task results that are not given.

    Args:
        adapter: what is given for that setting, "" for nothing; "none" trains every weight and so needs
            nothing of what belongs to adapters.
    """
    return {**({} if adapter == "none" else ADAPTER), **OTHERS}


def model_of(model_path: str, model_name: str, *, use_local: bool) -> str:
    """Which model the documented three options mean, "" for none.

    `use_local` takes the folder, otherwise the hub's name counts before the folder.

    Raises:
        ValueError: `use_local` without a folder.
    """
    if use_local and not model_path:
        raise ValueError("--use_local needs --model_path, the folder of the model")
    return model_path if use_local else model_name or model_path


def without_blocks(left_out: Sequence[str], given: str) -> str:
    """`prompt_options` as JSON: those given, with blocks left out."""
    options = json.loads(given) if given else {}
    return json.dumps({**options, **dict.fromkeys(left_out, False)})
