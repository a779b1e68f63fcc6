"""Qwen2.5-VL: 14-pixel patches, attention in windows, places in pixels of the resized image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.families import Family, _qwen
from screensmith.families._qwen import QwenFamily


@dataclass(frozen=True, slots=True)
class _Qwen25VL(QwenFamily):
    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import Qwen2_5_VLConfig

        text = _qwen.text_options(size, vocabulary, token_ids)
        return Qwen2_5_VLConfig(
            text_config={**text, **_qwen.rotary_options()},
            vision_config={
                "initializer_range": text["initializer_range"],
                "depth": 4,
                "hidden_size": 128,
                "intermediate_size": 384,
                "out_hidden_size": text["hidden_size"],
                "num_heads": 4,
                "window_size": 112,
                "fullatt_block_indexes": [1, 3],
            },
            tie_word_embeddings=True,
            **_qwen.token_options(token_ids),
        )

    def new_model(self, config: Any) -> Any:
        from transformers import Qwen2_5_VLForConditionalGeneration

        return Qwen2_5_VLForConditionalGeneration(config)


def family() -> Family:
    """The Qwen2.5-VL family."""
    return _Qwen25VL("qwen2_5_vl", "seen_pixels", _qwen.CLIP_MEAN, _qwen.CLIP_STD)
