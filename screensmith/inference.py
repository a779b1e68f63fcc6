"""Using a trained model from Python: load it once, then ask it step by step.

from screensmith import load_model_for_inference

predictor = load_model_for_inference("runs/mri/final")
step = predictor.predict_step("screen.png", "Load the MRI scan", {}, {})
step.action, step.target, step.coordinates, step.short_term_memory
"""

from __future__ import annotations

import logging
from pathlib import Path

from screensmith.agent.predictor import Predictor
from screensmith.agent.session import LONGEST_MEMORY_CHARACTERS
from screensmith.model.task_policy import MAX_NEW_TOKENS, load_task_policy

logger = logging.getLogger(__name__)


def load_model_for_inference(
    model_path: str | Path,
    base_model_name: str | None = None,
    *,
    device: str | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
    longest_memory_characters: int = LONGEST_MEMORY_CHARACTERS,
    local: bool = False,
) -> Predictor:
    """A predictor for a checkpoint, an adapter's folder, or a plain model.

    Args:
        model_path: folder or hub name.
        base_model_name: of an adapter, the model it is put onto instead of the one it names; where the two
            contradict each other, that is logged and stands in the predictor's `warnings`.
        device: "cpu", "cuda", "mps"; None takes the best there is.
        max_new_tokens: longer answers are cut off.
        longest_memory_characters: of each part of the memory, as JSON; longer ones are shortened.
        local: refuse whatever would have to come from the hub.

    Raises:
        screensmith.model.unsuitable.UnsuitableModel: it cannot be loaded, or was trained for other data.
    """
    found = load_task_policy(
        str(model_path), base_model_name, device=device, max_new_tokens=max_new_tokens, local=local
    )
    for warning in found.warnings:
        logger.warning("%s", warning)
    return Predictor(
        found.policy, warnings=found.warnings, longest_memory_characters=longest_memory_characters
    )
