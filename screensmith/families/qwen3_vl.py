"""Qwen3-VL: 16-pixel patches, learned absolute positions and deep-stacked features in its tower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.families import Family, _qwen
from screensmith.families._qwen import QwenFamily
from screensmith.families._sizes import HEAD_SIZE

HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class _Qwen3VL(QwenFamily):
    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import Qwen3VLConfig

        text = _qwen.text_options(size, vocabulary, token_ids)
        return Qwen3VLConfig(
            text_config={
                **text,
                "head_dim": HEAD_SIZE,
                "rope_theta": 5_000_000.0,
                "rope_scaling": {
                    "rope_type": "default",
                    "mrope_section": [6, 5, 5],
                    "mrope_interleaved": True,
                },
            },
            vision_config={
                "initializer_range": text["initializer_range"],
                "depth": 4,
                "hidden_size": 128,
                "intermediate_size": 512,
                "num_heads": 4,
                "out_hidden_size": text["hidden_size"],
                "num_position_embeddings": 576,
                "deepstack_visual_indexes": [1],
            },
            tie_word_embeddings=True,
            **_qwen.token_options(token_ids),
        )

    def new_model(self, config: Any) -> Any:
        from transformers import Qwen3VLForConditionalGeneration

        return Qwen3VLForConditionalGeneration(config)


def family() -> Family:
    """The Qwen3-VL family."""
    return _Qwen3VL("qwen3_vl", "thousand", HALF, HALF)
