"""Qwen2-VL, and ShowUI, which is a fine-tuned Qwen2-VL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.data.pixels import PatchGeometry
from screensmith.families import Family, SpecialTokens, _qwen

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class _Qwen2VL:
    name: str = "qwen2_vl"
    special: SpecialTokens = _qwen.SPECIAL
    chat_template: str = _qwen.CHAT_TEMPLATE
    adapter_targets: str = _qwen.ADAPTER_TARGETS
    vision_prefix: str = "visual."

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> PatchGeometry:
        vision = config.vision_config
        return PatchGeometry(
            vision.patch_size,
            vision.spatial_merge_size,
            min_pixels,
            max_pixels,
            CLIP_MEAN,
            CLIP_STD,
        )

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import Qwen2VLConfig

        text = _qwen.text_options(size)
        return Qwen2VLConfig(
            text_config={
                **text,
                "vocab_size": vocabulary,
                "initializer_range": _qwen.initial_spread(size),
                "max_position_embeddings": 32768,
                "rope_theta": 1_000_000.0,
                "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
                "tie_word_embeddings": True,
                "bos_token_id": token_ids[_qwen.SPECIAL.text_end],
                "eos_token_id": token_ids[_qwen.SPECIAL.turn_end],
            },
            vision_config={
                "initializer_range": _qwen.initial_spread(size),
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

    def new_processor(self, tokenizer: Any, geometry: PatchGeometry) -> Any:
        from transformers import Qwen2VLProcessor

        return _qwen.processor(Qwen2VLProcessor, tokenizer, geometry)


def family() -> Family:
    """The Qwen2-VL family: 14-pixel patches, relative positions in its vision tower."""
    return _Qwen2VL()
