"""SmolVLM2: a SigLIP tower over tiles, pixel shuffle, and a Llama language model."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from screensmith.data.pixels import ImageGeometry, Tile
from screensmith.data.tile_geometry import TileGeometry
from screensmith.families import ChatFormat, Family, ModelPart, VisualFeatures
from screensmith.families._folding import embed_patches
from screensmith.families._sizes import HEAD_SIZE, initial_spread, text_size

IMAGE, AROUND_IMAGE, WHOLE_IMAGE = "<image>", "<fake_token_around_image>", "<global-img>"
LARGEST_GRID = 6  # rows and columns of tiles that the published tokenizers have marks for
CHAT = ChatFormat(
    beginning="<|im_start|>",
    turn_start="",
    headers={"system": "System:", "user": "User:", "assistant": "Assistant:"},
    before_text=" ",
    turn_end="<end_of_utterance>",
    padding="<|im_end|>",
    image=IMAGE,
    other_marks=(
        *(AROUND_IMAGE, WHOLE_IMAGE),
        *(
            f"<row_{row}_col_{column}>"
            for row in range(1, LARGEST_GRID + 1)
            for column in range(1, LARGEST_GRID + 1)
        ),
    ),
)
# Like the published one, and it also takes a message whose content is a plain string.
CHAT_TEMPLATE = (
    "{{- '<|im_start|>' -}}"
    "{%- for message in messages -%}"
    "{{- message['role'] | capitalize ~ ':' -}}"
    "{%- if message['content'] is string -%}{{- ' ' ~ message['content'] -}}"
    "{%- else -%}"
    "{%- if not message['content'] or message['content'][0]['type'] != 'image' -%}{{- ' ' -}}{%- endif -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<image>' -}}"
    "{%- elif part['type'] == 'text' -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<end_of_utterance>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}"
)
ADAPTER_TARGETS = r".*text_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class _SmolVLM:
    name: str = "smolvlm"
    chat: ChatFormat = CHAT
    chat_template: str = CHAT_TEMPLATE
    adapter_targets: str = ADAPTER_TARGETS

    def coordinate_frame(self, name: str) -> str:  # noqa: ARG002
        return "fraction"

    def part_of(self, parameter: str) -> ModelPart:
        if re.search(r"(^|\.)connector(\.|$)", parameter):
            return "projector"
        return "vision" if re.search(r"(^|\.)vision_model(\.|$)", parameter) else "language"

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> TileGeometry:  # noqa: ARG002
        """Tiles of the tower's own size.

        Args:
            config: a library configuration.
            min_pixels: has no effect: the longer edge is always as long as `max_pixels` lets it be.
            max_pixels: its square root, rounded down to whole tiles, is the longer edge of every
                image: at least 1 tile, at most 6, the most that the published tokenizers can number.
        """
        vision = config.vision_config
        tile = vision.image_size
        edge = min(max(math.isqrt(max_pixels) // tile, 1), LARGEST_GRID)
        return TileGeometry(vision.patch_size, config.scale_factor, tile, edge * tile, HALF, HALF)

    def image_text(self, tiles: tuple[Tile, ...]) -> tuple[tuple[str, ...], str]:
        """A mark and a number before each tile; a line break after each row of tiles."""
        before = []
        for number, tile in enumerate(tiles):
            line_end = "\n" if number and tile.column <= 1 else ""
            if tile.row:
                before.append(f"{line_end}{AROUND_IMAGE}<row_{tile.row}_col_{tile.column}>")
            else:  # the whole image stands apart from the pieces before it by an empty line
                before.append(f"{line_end * 2}{AROUND_IMAGE}{WHOLE_IMAGE}")
        return tuple(before), AROUND_IMAGE

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        from transformers import SmolVLMConfig

        width = text_size(size)
        spread = initial_spread(size)
        heads = width["hidden_size"] // HEAD_SIZE
        padding = token_ids[CHAT.padding]
        return SmolVLMConfig(
            text_config={
                **width,
                "model_type": "llama",
                "num_attention_heads": heads,
                "num_key_value_heads": heads // 2,
                "vocab_size": vocabulary,
                "initializer_range": spread,
                "max_position_embeddings": 32768,
                "rope_theta": 100_000.0,
                "rms_norm_eps": 1e-5,
                "tie_word_embeddings": True,
                "bos_token_id": token_ids[CHAT.beginning],
                "eos_token_id": token_ids[CHAT.turn_end],
                "pad_token_id": padding,
            },
            vision_config={
                "initializer_range": spread,
                "hidden_size": 128,
                "intermediate_size": 512,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "image_size": 128,
                "patch_size": 16,
            },
            scale_factor=2,
            image_token_id=token_ids[IMAGE],
            pad_token_id=padding,
            tie_word_embeddings=True,
        )

    def new_model(self, config: Any) -> Any:
        from transformers import SmolVLMForConditionalGeneration

        return SmolVLMForConditionalGeneration(config)

    def new_processor(self, tokenizer: Any, geometry: ImageGeometry) -> Any:
        import transformers

        assert isinstance(geometry, TileGeometry)  # noqa: S101 - what `geometry` above gives
        options = {
            "size": {"longest_edge": geometry.longest_pixels},
            "max_image_size": {"longest_edge": geometry.tile_pixels},
            "image_mean": list(geometry.mean),
            "image_std": list(geometry.std),
        }
        return transformers.SmolVLMProcessor(
            image_processor=transformers.SmolVLMImageProcessor(**options),
            tokenizer=tokenizer,
            video_processor=transformers.SmolVLMVideoProcessor(
                **options,
                video_sampling={
                    "max_frames": 64,
                    "fps": 1,
                    "video_size": {"longest_edge": geometry.tile_pixels},
                },
            ),
            image_seq_len=geometry.tile_tokens,
            chat_template=CHAT_TEMPLATE,
        )

    def prepare(self, model: Any) -> None:
        """Nothing: `see` embeds bytes itself, and the library's own `forward` stays as it is."""

    def see(self, model: Any, patches: Tensor, grids: Sequence[tuple[int, int]]) -> VisualFeatures:
        """The library's encoder and connector over full tiles, which need no mask."""
        tower = self.vision(model)
        stock = tower.embeddings.patch_embedding
        embedded = embed_patches(patches, stock.weight, stock.bias, HALF, HALF)
        places = _stock_places(tower.embeddings.num_patches_per_side, stock.weight.dtype)
        placed = embedded.reshape(len(grids), len(places), -1)
        placed = placed + tower.embeddings.position_embedding(places.to(patches.device))
        encoded = tower.encoder(inputs_embeds=placed, attention_mask=None).last_hidden_state
        return VisualFeatures(model.model.connector(tower.post_layernorm(encoded)).flatten(0, 1))

    def language(self, model: Any) -> Any:
        return model.model.text_model

    def vision(self, model: Any) -> Any:
        return model.model.vision_model

    def rotary(self, positions: Tensor) -> Tensor:
        """Tokens of tiles count like text, so the three axes are equal."""
        return positions[0]


@functools.lru_cache
def _stock_places(side: int, dtype: torch.dtype) -> Tensor:
    """Which position embedding the library gives each patch of a full tile: (side * side,) indices.

    It works them out with fractions, and releases differ: in float32, transformers 4.57 gives the
    first two rows the same one. A model must see the same here and there, so the installed library
    is asked: its own module adds indices to one-pixel patches that embed to zero.
    """
    from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
    from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionEmbeddings

    config = SmolVLMVisionConfig(hidden_size=1, num_attention_heads=1, image_size=side, patch_size=1)
    # The result is kept for training, whoever asks first, and asking draws no random numbers.
    with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng([]), torch.device("cpu"):
        stock = SmolVLMVisionEmbeddings(config).to(torch.float32)  # holds whole numbers exactly
        stock.position_embedding.weight.copy_(torch.arange(float(side * side))[:, None])
        for parameter in stock.patch_embedding.parameters():
            nn.init.zeros_(parameter)
        stock.patch_embedding.to(dtype)
        blank = torch.zeros(1, 3, side, side, dtype=dtype)
        indices: Tensor = stock(blank, torch.ones(1, side, side, dtype=torch.bool))
        return indices.flatten().long()


def family() -> Family:
    """The SmolVLM2 family: tiles of a fixed size, one-dimensional positions, fractions as coordinates."""
    return _SmolVLM()
