"""A starting model without a download: stock architecture, random weights, a tokenizer of its own."""

from __future__ import annotations

from pathlib import Path

import torch

from screensmith import plugins
from screensmith.families import Family
from screensmith.model.tokenizer import train_tokenizer

MIN_PIXELS = 224 * 224
MAX_PIXELS = 1344 * 1344


def new_model(family: str, size: str, out: Path, *, seed: int = 0) -> Path:
    """Write a Hugging Face checkpoint (model, processor, chat template) with random weights.

    Weights are stored in bfloat16, as the families' published ones are.

    Args:
        family: plug-in name, for example "qwen3_vl".
        size: "tiny" (about 3 million parameters) or "small".
        out: folder to write; it must be empty or not exist.
        seed: of the random weights.

    Raises:
        screensmith.plugins.UnknownName: no such family or size.
        FileExistsError: `out` holds something already.
    """
    kind: Family = plugins.load("families", family).family()
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; choose another folder")
    tokenizer = train_tokenizer(kind.chat)
    config = kind.new_config(size, len(tokenizer), tokenizer.get_vocab())
    torch.manual_seed(seed)
    model = kind.new_model(config).to(torch.bfloat16)
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(kind.chat.turn_end)
    model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids(kind.chat.padding)
    geometry = kind.geometry(config, MIN_PIXELS, MAX_PIXELS)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    kind.new_processor(tokenizer, geometry).save_pretrained(out)
    return out
