"""What the Qwen-VL families share: chat format, tower, processor and the sizes of small models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from screensmith.data.pixels import ImageGeometry, PatchGeometry, Tile
from screensmith.families import ChatFormat, ModelPart, VisualFeatures
from screensmith.families._folding import FoldedPatches
from screensmith.families._sizes import HEAD_SIZE, initial_spread, text_size

IMAGE_START, IMAGE, IMAGE_END = "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"
VIDEO = "<|video_pad|>"
CHAT = ChatFormat(
    beginning="",
    turn_start="<|im_start|>",
    headers={"system": "system\n", "user": "user\n", "assistant": "assistant\n"},
    before_text="",
    turn_end="<|im_end|>",
    padding="<|endoftext|>",
    image=IMAGE,
    other_marks=(
        *("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
        *(IMAGE_START, IMAGE_END, VIDEO),
    ),
)
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
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def text_options(size: str, vocabulary: int, token_ids: Mapping[str, int]) -> dict[str, Any]:
    """A small language model's configuration; raises UnknownName for an unknown size."""
    options = text_size(size)
    heads = options["hidden_size"] // HEAD_SIZE
    return {
        **options,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "vocab_size": vocabulary,
        "initializer_range": initial_spread(size),
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
        "bos_token_id": token_ids[CHAT.padding],
        "eos_token_id": token_ids[CHAT.turn_end],
    }


def rotary_options() -> dict[str, Any]:
    """Rotary positions of Qwen2-VL and Qwen2.5-VL for heads of 32; fresh, the library changes it."""
    return {"rope_theta": 1_000_000.0, "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]}}


def token_options(token_ids: Mapping[str, int]) -> dict[str, int]:
    """The ids a configuration of the library must know."""
    return {
        "image_token_id": token_ids[IMAGE],
        "video_token_id": token_ids[VIDEO],
        "vision_start_token_id": token_ids[IMAGE_START],
        "vision_end_token_id": token_ids[IMAGE_END],
    }


@dataclass(frozen=True, slots=True)
class QwenFamily:
    """What is the same in every Qwen-VL family; a family's own file adds its configurations."""

    name: str
    frame: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    chat: ChatFormat = CHAT
    chat_template: str = CHAT_TEMPLATE
    adapter_targets: str = ADAPTER_TARGETS

    def coordinate_frame(self, name: str) -> str:  # noqa: ARG002
        """The frame of every model of the family."""
        return self.frame

    def part_of(self, parameter: str) -> ModelPart:
        """`visual.merger` and its deep-stacked siblings project; the rest of `visual` sees."""
        if re.search(r"(^|\.)visual\.(merger|deepstack_merger_list)\.", parameter):
            return "projector"
        return "vision" if re.search(r"(^|\.)visual\.", parameter) else "language"

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> PatchGeometry:
        """One tile of whole patches."""
        vision = config.vision_config
        return PatchGeometry(
            vision.patch_size, vision.spatial_merge_size, min_pixels, max_pixels, self.mean, self.std
        )

    def image_text(self, tiles: tuple[Tile, ...]) -> tuple[tuple[str, ...], str]:
        """One pair of marks around an image."""
        return (IMAGE_START,) * len(tiles), IMAGE_END

    def new_processor(self, tokenizer: Any, geometry: ImageGeometry) -> Any:
        """The library's processor with this geometry."""
        return processor(self.name, tokenizer, geometry)

    def prepare(self, model: Any) -> None:
        """Fold normalisation into the patch embedding."""
        tower = self.vision(model)
        if not isinstance(tower.patch_embed, FoldedPatches):
            tower.patch_embed = FoldedPatches(tower.patch_embed, self.mean, self.std)

    def see(self, model: Any, patches: Tensor, grids: Sequence[tuple[int, int]]) -> VisualFeatures:
        """The library's tower; its output's form differs between 4.57 and 5.x."""
        sizes = torch.tensor([(1, *grid) for grid in grids], device=patches.device)
        output = self.vision(model)(patches, grid_thw=sizes)
        if isinstance(output, Tensor):
            return VisualFeatures(output)
        if isinstance(output, tuple):
            tokens, levels = output
            return VisualFeatures(tokens, tuple(levels))
        return VisualFeatures(
            output.pooler_output, tuple(getattr(output, "deepstack_features", None) or ())
        )

    def language(self, model: Any) -> Any:
        """The text model."""
        return model.model.language_model

    def vision(self, model: Any) -> Any:
        """The tower with its merger."""
        return model.model.visual

    def rotary(self, positions: Tensor) -> Tensor:
        """Time, rows and columns."""
        return positions


def processor(family: str, tokenizer: Any, geometry: ImageGeometry) -> Any:
    """The library's processor with this geometry; area limits are given by their unambiguous names."""
    import transformers

    assert isinstance(geometry, PatchGeometry)  # noqa: S101 - what `geometry` above gives
    image_options = {
        "patch_size": geometry.patch_pixels,
        "merge_size": geometry.merge,
        "temporal_patch_size": 2,
        "image_mean": list(geometry.mean),
        "image_std": list(geometry.std),
    }
    images = transformers.Qwen2VLImageProcessor(**_area_limits(geometry), **image_options)
    kinds = {
        "qwen2_vl": (transformers.Qwen2VLProcessor, transformers.Qwen2VLVideoProcessor),
        "qwen2_5_vl": (transformers.Qwen2_5_VLProcessor, transformers.Qwen2VLVideoProcessor),
        "qwen3_vl": (transformers.Qwen3VLProcessor, transformers.Qwen3VLVideoProcessor),
    }
    processor_class, video_class = kinds[family]
    return processor_class(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=video_class(**image_options),
        chat_template=CHAT_TEMPLATE,
    )


def _area_limits(geometry: PatchGeometry) -> dict[str, Any]:
    """The limits as the installed library takes them: 4.57 ignores `size`, 5 drops the other names."""
    import transformers

    if int(transformers.__version__.split(".", maxsplit=1)[0]) < 5:
        return {"min_pixels": geometry.min_pixels, "max_pixels": geometry.max_pixels}
    return {"size": {"shortest_edge": geometry.min_pixels, "longest_edge": geometry.max_pixels}}
