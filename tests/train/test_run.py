"""Whole runs of a tiny model on recorded episodes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from screensmith.compute import report as reports
from screensmith.config import agent_card
from screensmith.config.train import TrainSettings
from screensmith.data.samples import samples_of
from screensmith.model.policy import load_policy
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.train.checkpoint import CannotResume
from screensmith.train.examples import UnusableData
from screensmith.train.run import train
from screensmith.train.trackers import read_metrics


@pytest.fixture
def settings(tmp_path, recorded, base):
    return TrainSettings(
        local=str(recorded),
        cache=str(tmp_path / "cache"),
        output=str(tmp_path / "out"),
        repo_id=str(base),
        shortest_edge=64,
        longest_edge=256,
        history_steps=1,
        batch=2,
        accum=2,
        epochs=2,
        lr=1e-3,
        dialect_options={"decimals": 2, "names": ["CLICK", "INPUT"]},
        trackers=("jsonl",),
    )


def losses(folder):
    return [record["loss"] for record in read_metrics(folder / "metrics.jsonl")]


def test_a_run_leaves_checkpoints_that_plain_transformers_loads_and_the_agent_uses(
    settings, tmp_path, episodes
):
    result = train(settings)
    out = tmp_path / "out"
    reports = {"compute_report.json", "compute_report.md", "compute_report_summary.csv"}
    left = {"epoch-1", "epoch-2", "final", "metrics.jsonl", *reports}
    assert {path.name for path in out.iterdir()} == left
    assert result.steps == 8 == len(losses(out))

    from transformers import AutoModelForImageTextToText, AutoProcessor

    final = out / "final"
    model = AutoModelForImageTextToText.from_pretrained(final)
    processor = AutoProcessor.from_pretrained(final)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert "<|im_start|>system" not in processor.apply_chat_template([{"role": "user", "content": "hello"}])
    card = agent_card.read(final)
    assert (card.prompt, card.dialect, card.history_steps) == ("neko", "neko", 1)
    assert (card.min_pixels, card.max_pixels) == (64**2, 256**2)
    assert card.base == settings.repo_id
    assert list(card.data_fingerprints) == [settings.local]

    policy = load_policy(str(final), device="cpu", max_new_tokens=8)
    predictions = policy(samples_of(episodes[:2], history_steps=1))
    assert len(predictions) == 3
    assert all(prediction.actions or prediction.problem for prediction in predictions)


def test_the_loss_falls_and_counts_every_labelled_token_of_a_step_alike(settings, tmp_path):
    def run(name, batch, accum):
        output = tmp_path / name
        train(settings.model_copy(update={"output": str(output), "batch": batch, "accum": accum}))
        return losses(output)

    split, whole = run("split", 1, 4), run("whole", 4, 1)
    assert split == pytest.approx(whole, rel=2e-4)
    assert split[-1] < split[0] * 0.8
    work = {
        name: read_metrics(tmp_path / name / "metrics.jsonl")[0]["teraflop"] for name in ("split", "whole")
    }
    assert work["split"] == pytest.approx(work["whole"], rel=0.3)  # padding differs


def test_lora_learns_adapters_only_and_saves_merged_weights(settings, tmp_path, base):
    train(settings.model_copy(update={"adapter": "lora", "lr": 1e-2, "epochs": 1}))

    from transformers import AutoModelForImageTextToText

    before = AutoModelForImageTextToText.from_pretrained(base).state_dict()
    after = AutoModelForImageTextToText.from_pretrained(tmp_path / "out" / "final").state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.split(".")[-2].endswith("_proj") and "visual" not in name for name in changed)


def test_a_frozen_vision_tower_stays_as_it_is(settings, tmp_path, base):
    frozen = {"freeze_vision": True, "freeze_projector": True}
    train(settings.model_copy(update={**frozen, "epochs": 1}))

    from transformers import AutoModelForImageTextToText

    before = AutoModelForImageTextToText.from_pretrained(base).state_dict()
    after = AutoModelForImageTextToText.from_pretrained(tmp_path / "out" / "final").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if "visual." in name)
    assert any(not torch.equal(before[name], after[name]) for name in before)


def start(settings, path):
    """The run in a process of its own."""
    path.write_text(settings.model_dump_json(), encoding="utf-8")
    code = (
        "import sys, pathlib\n"
        "from screensmith.config.train import TrainSettings\n"
        "from screensmith.train.run import train\n"
        "train(TrainSettings.model_validate_json(pathlib.Path(sys.argv[1]).read_text()))\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.DEVNULL)


def wait_for(path, process, seconds=120):
    for _ in range(seconds * 20):
        if path.exists():
            return
        assert process.poll() is None, "the run ended before it saved anything"
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize("base", ["qwen3_vl"], indirect=True)  # no family has a part in it
def test_a_killed_run_goes_on_to_the_same_losses(settings, tmp_path):
    lora = settings.model_copy(update={"epochs": 6, "save_steps": 3, "adapter": "lora"})
    whole = tmp_path / "whole"
    train(lora.model_copy(update={"output": str(whole)}))

    killed = start(lora, tmp_path / "settings.json")
    wait_for(tmp_path / "out" / "step-3", killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    done = len(losses(tmp_path / "out"))
    assert done < 24, "the run was over before it could be killed"

    with pytest.raises(CannotResume, match="--resume"):
        train(lora)
    with pytest.raises(CannotResume, match="lr was"):
        train(lora.model_copy(update={"resume": True, "lr": 1.0}))
    train(lora.model_copy(update={"resume": True}))
    assert losses(tmp_path / "out") == losses(whole)

    first, second = (reports.read(tmp_path / "out" / f"compute_report{name}.json") for name in ("", "-2"))
    assert (first.status, second.status) == ("killed", "finished")
    assert first.phases[-1].tokens > 0
    assert "was killed after" in first.not_measured["the end of the run"]
    assert "continued from step" in second.not_measured["earlier steps"]
    assert "killed." in (tmp_path / "out" / "compute_report.md").read_text("utf-8")


def test_old_checkpoints_are_pruned_when_asked(settings, tmp_path):
    train(settings.model_copy(update={"epochs": 3, "max_steps": 9, "keep_last": 1}))
    names = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert names == {"epoch-2", "final"}


def test_nothing_to_learn_from_is_an_error(settings, tmp_path):
    with pytest.raises((UnusableData, ValueError), match="nowhere"):
        train(settings.model_copy(update={"local": str(tmp_path / "nowhere")}))


def test_a_base_that_is_no_model_is_one_clear_error(settings, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(UnsuitableModel, match="empty"):
        train(settings.model_copy(update={"repo_id": str(folder)}))


def test_too_many_refused_rows_stop_the_run_before_it_starts(settings, tmp_path, recorded):
    from screensmith.capture.store import EpisodeStore
    from screensmith.core.actions import Click, TypeText
    from screensmith.core.episode import Episode, Screenshot, Step
    from screensmith.core.geometry import Point, Size

    folder = tmp_path / "bad"
    import numpy as np
    from PIL import Image

    image = tmp_path / "screen.png"
    Image.fromarray(np.zeros((40, 9000, 3), np.uint8)).save(image)  # too narrow to be seen
    narrow = Screenshot(image.read_bytes(), Size(9000, 40))
    with EpisodeStore(folder) as store:
        store.append(Episode("narrow", "look", (Step(narrow, (Click(Point(0.5, 0.5)),)),)))
        store.append(Episode("fine", "type", (Step(narrow, (TypeText("a"),)),)))
    with pytest.raises(UnusableData, match="image too narrow"):
        train(settings.model_copy(update={"local": str(folder)}))
    quarantine = (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in quarantine} == {"narrow#0", "fine#0"}


def test_a_run_logs_what_each_layer_skipped_and_its_agent_may_skip_too(settings, tmp_path, caplog):
    selecting = {"skip_layers": "[1,2,1]", "skip_when_answering": True, "max_steps": 1}
    with caplog.at_level("INFO"):
        result = train(settings.model_copy(update={**selecting, "longest_edge": 224, "shortest_edge": 224}))
    assert "token selection skipped image tokens in 2 layers (layer 1: " in caplog.text
    assert load_policy(str(result.checkpoint)).card.skip_layers == "[1,2,1]"
