"""Training speed of a real-size Qwen2-VL-2B on one CUDA GPU, against its measured matrix peak.

    python bench/gpu.py

Needs PyTorch, transformers, peft and this repository, and no network: weights are random, screenshots are
noise, and times do not depend on either. Each layout is measured with LoRA and a frozen tower, with the
tower's features cached, and with every weight learning; times are CUDA events around whole optimizer steps.

`--device cpu --size tiny` runs the same program without a GPU, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import numpy as np
import torch

from screensmith import plugins
from screensmith.data.trie import ImageSpan, TokenSequence, lay_out
from screensmith.model import adapt
from screensmith.model.attention import use_tries
from screensmith.model.batch import Batch, collate
from screensmith.model.forward import TokenLoss, see
from screensmith.train.flops import step_flops

QUESTION_TOKENS, ANSWER_TOKENS = 62, 24
VOCABULARY = 151_936
SIZES: dict[str, dict[str, Any]] = {
    "2b": {
        "text": {
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "mrope": [16, 24, 24],
        },
        "vision": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4, "hidden_size": 1536},
        "vocabulary": VOCABULARY,
        "tokens": (36, 36),  # 1008 x 1008 pixels
    },
    "tiny": {
        "text": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "mrope": [4, 6, 6],
        },
        "vision": {"depth": 2, "embed_dim": 64, "num_heads": 2, "mlp_ratio": 4, "hidden_size": 64},
        "vocabulary": 512,
        "tokens": (4, 4),
    },
}


@dataclass(frozen=True, slots=True)
class Mode:
    """What learns: every weight, or adapters on the language model; and whether features are cached."""

    name: str
    adapter: bool
    cached: bool = False


MODES = (Mode("lora_frozen_vision", True), Mode("lora_cached_vision", True, True), Mode("full", False))


def new_model(size: str, device: str) -> Any:
    """The library's model with random weights, made on the device."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    plan = SIZES[size]
    text = {name: value for name, value in plan["text"].items() if name != "mrope"}
    config = Qwen2VLConfig(
        text_config={
            **text,
            "vocab_size": plan["vocabulary"],
            "max_position_embeddings": 32768,
            "rope_theta": 1_000_000.0,
            "rope_scaling": {"type": "mrope", "mrope_section": plan["text"]["mrope"]},
            "tie_word_embeddings": True,
        },
        vision_config=plan["vision"],
        tie_word_embeddings=True,
    )
    config._attn_implementation = "sdpa"
    with torch.device(device):
        torch.manual_seed(0)
        return Qwen2VLForConditionalGeneration(config).train()


def one_batch(size: str, screens: int, questions: int) -> Batch:
    """`screens` screenshots of noise with `questions` questions each, every screenshot a row."""
    plan = SIZES[size]
    rows, columns = plan["tokens"]
    generator = np.random.default_rng(0)
    laid, patches = [], {}
    for number in range(screens):
        key = f"{number}:0"
        patches[key] = generator.integers(0, 256, (rows * columns * 4, 3 * 14 * 14), dtype=np.uint8)
        prefix = np.concatenate([generator.integers(10, 500, 12), np.full(rows * columns, 9)])
        span = ImageSpan(12, rows, columns, key)
        sequences = []
        for _ in range(questions):
            rest = generator.integers(10, 500, QUESTION_TOKENS + ANSWER_TOKENS)
            tokens = np.concatenate([prefix, rest]).astype(np.int64)
            learn = np.zeros(len(tokens), bool)
            learn[-ANSWER_TOKENS:] = True
            sequences.append(TokenSequence(tokens, learn, (span,)))
        laid.append(lay_out(sequences))
    return collate(laid, patches, merge=2, padding=0)


def peak_tflops(device: str, kind: torch.dtype, side: int) -> float:
    """The best rate of a square matrix product on this device, in 1e12 operations a second."""
    left, right = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    left @ right
    rates = [2 * side**3 / seconds(device, lambda: left @ right) for _ in range(10)]
    return max(rates) / 1e12


def seconds(device: str, work: Any) -> float:
    """How long some work takes: by CUDA events on a GPU, else by the clock."""
    if device == "cpu":
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3


def measure(mode: Mode, arguments: argparse.Namespace, peak: float, questions: int) -> dict[str, Any]:
    """Steps of one mode with one layout; the first are warm-up."""
    device, kind = arguments.device, torch.bfloat16
    family = plugins.load("families", "qwen2_vl").family()
    model = new_model(arguments.size, device)
    family.prepare(model)
    use_tries(family.language(model))
    if mode.adapter:
        adapt.add_adapters(
            model, family, kind="lora", rank=32, alpha=64, dropout=0.0, targets="auto", frozen=()
        )
        adapt.hold_frozen_matrices(model, kind)
    batch = one_batch(arguments.size, arguments.screens, questions).to(device)
    if mode.cached:
        batch = with_features(model, family, batch)
    loss = TokenLoss(model, family)
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-5, fused=True)

    def step() -> None:
        with torch.autocast(torch.device(device).type, kind):
            value = loss(batch)
        (value / batch.label_weight.sum()).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(arguments.warm_up):
        step()
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    times = [seconds(device, step) for _ in range(arguments.steps)]
    median = statistics.median(times)
    flops = step_flops(model, family, batch)
    asked = arguments.screens * questions
    rate = flops.total / median / 1e12
    return {
        "mode": mode.name,
        "screens": arguments.screens,
        "questions_per_screenshot": questions,
        "tokens": batch.real_tokens,
        "step_seconds": times,
        "step_seconds_median": median,
        "questions_per_second": asked / median,
        "tflop_per_step": flops.total / 1e12,
        "tflops": rate,
        "share_of_peak": rate / peak,
        "peak_bytes": 0 if device == "cpu" else torch.cuda.max_memory_allocated(),
    }


def with_features(model: Any, family: Any, batch: Batch) -> Batch:
    """The batch as the vision cache gives it: features instead of patches."""
    pictures = batch.pictures
    assert pictures is not None
    with torch.no_grad(), torch.autocast(batch.tokens.device.type, torch.bfloat16):
        features = see(model, family, pictures)
    stacked = torch.stack([features.tokens, *features.levels], dim=2)
    return replace(batch, pictures=replace(pictures, patches=None, features=stacked))


def machine(device: str) -> dict[str, Any]:
    """What this was measured on."""
    import transformers

    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False
    ).stdout.strip()
    return {
        "device": torch.cuda.get_device_name() if device != "cpu" else platform.processor() or "cpu",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "transformers": transformers.__version__,
        "commit": commit,
        "command": sys.argv,
    }


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--size", choices=sorted(SIZES), default="2b")
    asked.add_argument("--device", default="cuda")
    asked.add_argument("--screens", type=int, default=8, help="screenshots in a step")
    asked.add_argument("--questions", type=int, nargs="+", default=[1, 16])
    asked.add_argument("--steps", type=int, default=10)
    asked.add_argument("--warm-up", type=int, default=3)
    asked.add_argument("--modes", nargs="+", choices=[mode.name for mode in MODES])
    asked.add_argument("--out", type=Path, default=HERE / "results" / "gpu.json")
    arguments = asked.parse_args()
    if arguments.device != "cpu" and not torch.cuda.is_available():
        raise SystemExit(
            "no CUDA device: run this on a machine with a GPU, or add --device cpu --size tiny"
        )
    peak = peak_tflops(arguments.device, torch.bfloat16, 8192 if arguments.device != "cpu" else 512)
    print(f"matrix peak: {peak:.2f} TFLOP/s in bfloat16")
    runs: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for questions in arguments.questions:
        for mode in MODES:
            if arguments.modes and mode.name not in arguments.modes:
                continue
            try:
                run = measure(mode, arguments, peak, questions)
            except torch.OutOfMemoryError as error:
                failures.append({"mode": mode.name, "questions": questions, "error": str(error)[:300]})
                print(f"{mode.name}, {questions} questions a screenshot: out of memory")
                continue
            runs.append(run)
            print(
                f"{mode.name}, {questions} questions a screenshot: {run['questions_per_second']:.1f} "
                f"questions/s, {run['tflops']:.2f} TFLOP/s, {run['share_of_peak']:.0%} of the peak"
            )
            if arguments.device != "cpu":
                torch.cuda.empty_cache()
    result = {"machine": machine(arguments.device), "peak_tflops": peak, "runs": runs, "failures": failures}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
