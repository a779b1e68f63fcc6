"""What Qwen2-VL and Qwen3-VL share: the chat format, the processor and the sizes of small models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from screensmith.data.pixels import PatchGeometry
from screensmith.families import SpecialTokens
from screensmith.plugins import suggest

SPECIAL = SpecialTokens(
    turn_start="<|im_start|>",
    turn_end="<|im_end|>",
    image_start="<|vision_start|>",
    image="<|image_pad|>",
    image_end="<|vision_end|>",
    text_end="<|endoftext|>",
    others=("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
)
VIDEO_TOKEN = "<|video_pad|>"  # noqa: S105
# The stock template inserts a default system message; training would then differ from prompting.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' or 'image' in part or 'image_url' in part -%}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif 'text' in part -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
ADAPTER_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
TEXT_SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny": {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4},
    "small": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8},
}
HEAD_SIZE = 32


def text_options(size: str) -> dict[str, int]:
    """Widths of a small language model; raises UnknownName for an unknown size."""
    if size not in TEXT_SIZES:
        raise suggest("size", size, sorted(TEXT_SIZES))
    options = dict(TEXT_SIZES[size])
    heads = options["hidden_size"] // HEAD_SIZE
    return {**options, "num_attention_heads": heads, "num_key_value_heads": heads // 2}


def initial_spread(size: str) -> float:
    """Standard deviation of random weights: narrow models learn faster from more than 0.02."""
    return 0.8 / math.sqrt(TEXT_SIZES[size]["hidden_size"])


def token_options(token_ids: Mapping[str, int]) -> dict[str, int]:
    """The ids a configuration of the library must know."""
    return {
        "image_token_id": token_ids[SPECIAL.image],
        "video_token_id": token_ids[VIDEO_TOKEN],
        "vision_start_token_id": token_ids[SPECIAL.image_start],
        "vision_end_token_id": token_ids[SPECIAL.image_end],
    }


def processor(processor_class: Any, tokenizer: Any, geometry: PatchGeometry) -> Any:
    """The library's processor with this geometry; area limits are given by their unambiguous names."""
    from transformers import Qwen2VLImageProcessor

    image_options = {
        "patch_size": geometry.patch_pixels,
        "merge_size": geometry.merge,
        "temporal_patch_size": 2,
        "image_mean": list(geometry.mean),
        "image_std": list(geometry.std),
    }
    images = Qwen2VLImageProcessor(**_area_limits(geometry), **image_options)
    return processor_class(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=_video_processor(processor_class)(**image_options),
        chat_template=CHAT_TEMPLATE,
    )


def _area_limits(geometry: PatchGeometry) -> dict[str, Any]:
    """The limits as the installed library takes them: 4.57 ignores `size`, 5 drops the other names."""
    import transformers

    if int(transformers.__version__.split(".", maxsplit=1)[0]) < 5:
        return {"min_pixels": geometry.min_pixels, "max_pixels": geometry.max_pixels}
    return {"size": {"shortest_edge": geometry.min_pixels, "longest_edge": geometry.max_pixels}}


def _video_processor(processor_class: Any) -> Any:
    import transformers

    if processor_class.__name__ == "Qwen3VLProcessor":
        return transformers.Qwen3VLVideoProcessor
    return transformers.Qwen2VLVideoProcessor
