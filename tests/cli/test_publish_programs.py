"""The program in a model card, run as it stands: plain transformers, and peft for an adapter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from screensmith.cli.main import main
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard

CARD = AgentCard(
    family="qwen2_vl",
    prompt="neko",
    prompt_options={"instructions": False},
    dialect="neko",
    coordinate_frame="fraction",
    min_pixels=3136,
    max_pixels=3136,
)


def answer_of(folder: Path, base: str) -> Any:
    """The tokens that the program in a card gets from the model, run as it stands but for the length."""
    from PIL import Image

    program = (folder / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    program = program.replace("max_new_tokens=128", "max_new_tokens=4").replace("PATH/OF/THE/BASE", base)
    Image.new("RGB", (56, 56), "navy").save(folder.parent / "screen.png")
    os.chdir(folder.parent)
    names: dict[str, Any] = {}
    exec(compile(program, "card", "exec"), names)
    return names["answer"].tolist()


# peft's own, with transformers 5.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_the_programs_in_the_cards_answer(clean: Path) -> None:
    import torch

    from screensmith.model.adapt import add_adapters
    from screensmith.model.load import load_model
    from screensmith.model.save import save_checkpoint

    assert main(["new-model", "--family", "qwen2_vl", "--out", "runs/whole/final", "--seed", "1"]) == 0
    whole, adapter = clean / "runs" / "whole" / "final", clean / "runs" / "adapter" / "final"
    loaded = load_model(str(whole), dtype=torch.float32)
    add_adapters(
        loaded.model, loaded.family, kind="lora", rank=2, alpha=4, dropout=0.0, targets=r".*[qv]_proj"
    )
    save_checkpoint(
        adapter,
        model=loaded.model,
        processor=loaded.processor,
        card=None,
        dtype=torch.float32,
        adapter_only=True,
    )
    for folder in (whole, adapter):
        agent_card.write(CARD, folder)
        assert main(["publish", str(folder)]) == 0
    assert "PeftModel" in (adapter / "README.md").read_text("utf-8")
    answers = [answer_of(folder, str(whole)) for folder in (whole, adapter)]
    assert len(answers[0][0]) == 4
    assert answers[0] == answers[1]  # a new adapter changes nothing
