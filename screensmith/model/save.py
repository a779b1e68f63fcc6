"""Writing a checkpoint that plain transformers loads, aside first and then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.model.adapt import merged_state

ASIDE = ".partial-"


def save_checkpoint(
    folder: Path,
    *,
    model: Any,
    processor: Any,
    card: AgentCard,
    dtype: torch.dtype,
    extra: Callable[[Path], None] | None = None,
) -> None:
    """Write model (adapters merged in), processor, chat template and agent card.

    Args:
        folder: its final name; it appears complete or not at all.
        model: a library model, possibly with adapters.
        processor: the library's processor.
        card: what the checkpoint promises.
        dtype: of the stored weights.
        extra: writes more files into the folder before it is renamed.
    """
    aside = folder.with_name(ASIDE + folder.name)
    if aside.exists():  # left by a run that was killed while writing: never a finished checkpoint
        shutil.rmtree(aside)
    aside.mkdir(parents=True)
    state = {name: value.to(dtype).contiguous() for name, value in merged_state(model).items()}
    previous = model.config.dtype
    model.config.dtype = dtype
    try:
        model.save_pretrained(aside, state_dict=state)
    finally:
        model.config.dtype = previous
    processor.save_pretrained(aside)
    agent_card.write(card, aside)
    if extra is not None:
        extra(aside)
    _sync(aside)
    if folder.exists():
        replaced = folder.with_name(f"{ASIDE}replaced-{folder.name}")
        shutil.rmtree(replaced, ignore_errors=True)
        folder.rename(replaced)
        aside.rename(folder)
        shutil.rmtree(replaced)
    else:
        aside.rename(folder)


def _sync(folder: Path) -> None:
    """Ask the disk for every file before the rename makes them count."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
