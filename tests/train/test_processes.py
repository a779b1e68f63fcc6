"""Two real processes train as one does: the same steps, the same losses, balanced rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from screensmith.compute import report as reports
from screensmith.train.trackers import read_metrics

PROGRAM = """
import sys, torch
from screensmith.config.train import TrainSettings
from screensmith.train.run import train
torch.set_num_threads(1)
train(TrainSettings.model_validate_json(sys.argv[1]))
"""


def losses(settings, processes):
    """The losses of a run on so many processes, each a real one."""
    launch = [sys.executable]
    if processes > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        launch += ["--no-python", sys.executable]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [*launch, "-c", PROGRAM, json.dumps(settings)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return [line["loss"] for line in read_metrics(Path(settings["output"]) / "metrics.jsonl")]


def test_two_processes_train_as_one(tmp_path, recorded, base):
    if "qwen2_vl" not in str(base):
        pytest.skip("one family shows it")
    common = {
        "local": str(recorded),
        "repo_id": str(base),
        "epochs": 1,
        "shortest_edge": 64,
        "longest_edge": 128,
        "lr": 1e-3,
        "trackers": ["jsonl"],
    }
    one = losses({**common, "batch": 6, "output": str(tmp_path / "one")}, 1)
    two = losses({**common, "batch": 3, "output": str(tmp_path / "two")}, 2)
    assert len(one) == 3
    assert two == pytest.approx(one, rel=1e-4)

    alone, together = (
        reports.read(tmp_path / name / "compute_report.json").phases[1] for name in ("one", "two")
    )
    assert (together.name, together.samples) == ("train", alone.samples)
    # A process that has no row in a step passes one blank token through the model.
    assert alone.tokens <= together.tokens <= alone.tokens + 3
    assert together.operations == pytest.approx(alone.operations, rel=0.3)  # padding differs
    assert together.device_seconds == pytest.approx(2 * together.wall_seconds)
    missing = reports.read(tmp_path / "two" / "compute_report.json").not_measured
    assert "other processes" not in missing
