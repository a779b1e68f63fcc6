"""Qwen2-VL, and ShowUI, which is a fine-tuned Qwen2-VL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.families import Family, _qwen
from screensmith.families._qwen import QwenFamily


@dataclass(frozen=True, slots=True)
class _Qwen2VL(QwenFamily):
    def coordinate_frame(self, name: str) -> str:
        """ShowUI was fine-tuned on fractions, Qwen2-VL itself on thousandths."""
        return "fraction" if "showui" in name.lower() else self.frame

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import Qwen2VLConfig

        text = _qwen.text_options(size, vocabulary, token_ids)
        return Qwen2VLConfig(
            text_config={**text, **_qwen.rotary_options()},
            vision_config={
                "initializer_range": text["initializer_range"],
                "depth": 4,
                "embed_dim": 128,
                "hidden_size": text["hidden_size"],
                "num_heads": 4,
                "mlp_ratio": 4,
            },
            tie_word_embeddings=True,
            **_qwen.token_options(token_ids),
        )

    def new_model(self, config: Any) -> Any:
        from transformers import Qwen2VLForConditionalGeneration

        return Qwen2VLForConditionalGeneration(config)


def family() -> Family:
    """The Qwen2-VL family: 14-pixel patches, relative positions in its vision tower."""
    return _Qwen2VL("qwen2_vl", "thousand", _qwen.CLIP_MEAN, _qwen.CLIP_STD)
