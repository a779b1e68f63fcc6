"""Qwen3-VL: 16-pixel patches, learned absolute positions and deep-stacked features in its tower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.data.pixels import PatchGeometry
from screensmith.families import Family, SpecialTokens, _qwen

HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class _Qwen3VL:
    name: str = "qwen3_vl"
    special: SpecialTokens = _qwen.SPECIAL
    chat_template: str = _qwen.CHAT_TEMPLATE
    adapter_targets: str = _qwen.ADAPTER_TARGETS
    vision_prefix: str = "visual."

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> PatchGeometry:
        vision = config.vision_config
        return PatchGeometry(
            vision.patch_size, vision.spatial_merge_size, min_pixels, max_pixels, HALF, HALF
        )

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import Qwen3VLConfig

        text = _qwen.text_options(size)
        return Qwen3VLConfig(
            text_config={
                **text,
                "vocab_size": vocabulary,
                "initializer_range": _qwen.initial_spread(size),
                "head_dim": _qwen.HEAD_SIZE,
                "max_position_embeddings": 32768,
                "rope_theta": 5_000_000.0,
                "rope_scaling": {
                    "rope_type": "default",
                    "mrope_section": [6, 5, 5],
                    "mrope_interleaved": True,
                },
                "tie_word_embeddings": True,
                "bos_token_id": token_ids[_qwen.SPECIAL.text_end],
                "eos_token_id": token_ids[_qwen.SPECIAL.turn_end],
            },
            vision_config={
                "initializer_range": _qwen.initial_spread(size),
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

    def new_processor(self, tokenizer: Any, geometry: PatchGeometry) -> Any:
        from transformers import Qwen3VLProcessor

        return _qwen.processor(Qwen3VLProcessor, tokenizer, geometry)


def family() -> Family:
    """The Qwen3-VL family."""
    return _Qwen3VL()
