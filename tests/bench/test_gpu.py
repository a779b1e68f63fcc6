"""The GPU benchmark runs as it is, small and on the CPU: every mode and layout, with all numbers."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "bench" / "gpu.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, timeout=240, check=False
    )


def test_every_mode_is_measured_with_one_and_with_many_questions(tmp_path):
    out = tmp_path / "gpu.json"
    size = ("--device", "cpu", "--size", "tiny", "--screens", "2", "--steps", "2", "--warm-up", "1")
    finished = run(*size, "--questions", "1", "4", "--out", str(out))
    assert finished.returncode == 0, finished.stderr[-2000:]
    result = json.loads(out.read_text("utf-8"))
    assert result["failures"] == []
    assert len(result["runs"]) == 6
    by_name = {(one["mode"], one["questions_per_screenshot"]): one for one in result["runs"]}
    for one in by_name.values():
        assert one["tflops"] > 0
        assert one["share_of_peak"] > 0
        assert len(one["step_seconds"]) == 2
    cached, plain = (
        by_name[name, 4]["tflop_per_step"] for name in ("lora_cached_vision", "lora_frozen_vision")
    )
    assert cached < plain
    assert by_name["full", 4]["tokens"] > by_name["full", 1]["tokens"]


def test_without_a_gpu_it_says_what_to_do():
    import torch

    if torch.cuda.is_available():
        return
    finished = run()
    assert finished.returncode == 1
    assert "--device cpu --size tiny" in finished.stderr
