"""Writes the comparison's checkpoint: a random, narrow Qwen2-VL with a real family's vocabulary.

The vocabulary has Qwen2-VL's 151,936 entries, because projecting onto it is what real training pays
for; the widths are small enough for two CPU cores. Its tokenizer is trained on the comparison's texts, so
nothing is downloaded. Plain transformers (4.57 and 5) and every peer load it.

    python bench/model.py --out bench/.work/model
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data import SETS, draw, prompt_text, question_about

VOCABULARY = 151_936
TOKENIZER_VOCABULARY = 2048  # the tokens that texts are made of; the other entries are never an input
HEAD_SIZE = 32
MARKS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# The pre-tokenizer of Qwen2Tokenizer: words with the mark before them, single digits, runs of marks.
SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
# The limits keep every size of bench/data.py as it is, but for the 1080p set (which makes 2,691 tokens).
MIN_PIXELS = 56 * 56
MAX_PIXELS = 2048 * 28 * 28 * 2
SIZES: dict[str, dict[str, int]] = {
    "tiny": {
        "hidden": 64,
        "layers": 2,
        "intermediate": 128,
        "vision": 32,
        "vision_layers": 2,
        "vocabulary": 2048,
    },
    # Qwen2-VL-2B with a sixth of its widths and a seventh of its layers, rounded to whole heads, so that
    # vision, language and vocabulary cost about what they cost beside each other in the real model.
    "bench": {
        "hidden": 256,
        "layers": 4,
        "intermediate": 1504,
        "vision": 224,
        "vision_layers": 5,
        "vocabulary": VOCABULARY,
    },
}
# As the stock template, but without a default system message and without a newline after the last turn,
# so that prompt and answer are, token for token, what screensmith trains on; the marks tell TRL and
# transformers which part is learned.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if not loop.first -%}{{- '\\n' -}}{%- endif -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}{{- part['text'] -}}{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>' -}}"
    "{%- endgeneration -%}"
    "{%- else -%}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- else -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>' -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '\\n<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def configuration(size: str, token_ids: dict[str, int]) -> Any:
    """The library's configuration for a size of `SIZES`."""
    from transformers import Qwen2VLConfig

    width = SIZES[size]
    heads = width["hidden"] // HEAD_SIZE
    return Qwen2VLConfig(
        text_config={
            "vocab_size": width["vocabulary"],
            "hidden_size": width["hidden"],
            "intermediate_size": width["intermediate"],
            "num_hidden_layers": width["layers"],
            "num_attention_heads": heads,
            "num_key_value_heads": max(1, heads // 4),
            "max_position_embeddings": 32768,
            "rope_theta": 1_000_000.0,
            "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
            "tie_word_embeddings": True,
            "use_cache": False,
            "bos_token_id": token_ids["<|endoftext|>"],
            "eos_token_id": token_ids["<|im_end|>"],
            "pad_token_id": token_ids["<|endoftext|>"],
        },
        vision_config={
            "depth": width["vision_layers"],
            "embed_dim": width["vision"],
            "hidden_size": width["hidden"],
            "num_heads": width["vision"] // HEAD_SIZE,
            "mlp_ratio": 4,
        },
        tie_word_embeddings=True,
        image_token_id=token_ids["<|image_pad|>"],
        video_token_id=token_ids["<|video_pad|>"],
        vision_start_token_id=token_ids["<|vision_start|>"],
        vision_end_token_id=token_ids["<|vision_end|>"],
    )


def texts() -> Iterator[str]:
    """What the tokenizer learns its merges from: prompts and answers like those of the comparison."""
    generator = random.Random("tokenizer")
    for _ in range(60):
        image, widgets = draw(generator, 504, 448)
        for widget in widgets:
            question = question_about(generator, widget, image.size, SETS["mixed"].words)
            yield "user\n" + prompt_text(question["ask"])
            yield "assistant\n" + question["answer"]


def train_tokenizer() -> Any:
    """A byte-level `Qwen2TokenizerFast`; every byte has a token, so any text can be written."""
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import Qwen2TokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENIZER_VOCABULARY - len(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.add_special_tokens(list(MARKS))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(str(Path(folder, "tokenizer.json")))
        Path(folder, "tokenizer_config.json").write_text(
            json.dumps(
                {
                    "tokenizer_class": "Qwen2Tokenizer",
                    "eos_token": "<|im_end|>",
                    "pad_token": "<|endoftext|>",
                    "unk_token": None,
                    "bos_token": None,
                    "model_max_length": 32768,
                    "clean_up_tokenization_spaces": False,
                }
            ),
            encoding="utf-8",
        )
        return Qwen2TokenizerFast.from_pretrained(folder)


def processor(tokenizer: Any) -> Any:
    """The library's processor; area limits are given by their unambiguous names."""
    import transformers

    limits: dict[str, Any] = {"min_pixels": MIN_PIXELS, "max_pixels": MAX_PIXELS}
    if int(transformers.__version__.split(".", maxsplit=1)[0]) >= 5:
        limits = {"size": {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}}
    options = {
        "patch_size": 14,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    }
    return transformers.Qwen2VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**limits, **options),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(**options),
        chat_template=CHAT_TEMPLATE,
    )


def write(out: Path, size: str, *, seed: int = 0) -> None:
    """Write model, processor and chat template, with float32 weights, unless they are there already."""
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    description = {"size": size, "seed": seed, "widths": SIZES[size], "template": CHAT_TEMPLATE}
    stamp = out / "bench.json"
    if stamp.is_file() and json.loads(stamp.read_text("utf-8")) == description:
        return
    tokenizer = train_tokenizer()
    config = configuration(size, tokenizer.get_vocab())
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config).to(torch.float32)
    model.generation_config.eos_token_id = config.text_config.eos_token_id
    model.generation_config.pad_token_id = config.text_config.pad_token_id
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    processor(tokenizer).save_pretrained(out)
    stamp.write_text(json.dumps(description), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the comparison's checkpoint.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", choices=sorted(SIZES), default="bench")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.out, arguments.size, seed=arguments.seed)
    print(f"{arguments.out}: {SIZES[arguments.size]}")


if __name__ == "__main__":
    main()
