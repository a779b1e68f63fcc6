"""A run's numbers survive a crash, and a resumed run leaves no step twice."""

import builtins
import json

import pytest

from screensmith.train.trackers import METRICS_FILE, open_trackers, read_metrics


def log_steps(folder, first_step, steps, names=("jsonl",)):
    trackers = open_trackers(names, folder, first_step=first_step, settings={})
    for step in steps:
        for tracker in trackers:
            tracker.log(step, {"loss": step / 2})
    for tracker in trackers:
        tracker.close()


def test_a_resumed_run_replaces_the_steps_it_does_again(tmp_path):
    log_steps(tmp_path, 0, range(1, 6))
    log_steps(tmp_path, 3, range(4, 7))
    assert [record["step"] for record in read_metrics(tmp_path / METRICS_FILE)] == [1, 2, 3, 4, 5, 6]


def test_a_line_that_a_crash_cut_is_left_out(tmp_path):
    path = tmp_path / METRICS_FILE
    path.write_text(json.dumps({"step": 1, "loss": 2.0}) + '\n{"step": 2, "lo')
    assert read_metrics(path) == [{"step": 1, "loss": 2.0}]
    assert read_metrics(tmp_path / "none.jsonl") == []


def test_tensorboard_gets_the_same_numbers(tmp_path):
    log_steps(tmp_path, 0, range(1, 4), ("jsonl", "tensorboard"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 0.5), (2, 1.0), (3, 1.5)]


def test_wandb_is_never_required(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_wandb(name, *arguments, **options):
        if name == "wandb":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_wandb)
    with pytest.raises(ValueError, match=r"screensmith\[wandb\]"):
        open_trackers(("wandb",), tmp_path, first_step=0, settings={})
