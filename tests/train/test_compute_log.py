"""A training run leaves a compute report whose figures are those of its log."""

import pytest

from screensmith.compute import report as reports
from screensmith.compute.summary import read_summary
from screensmith.config.train import TrainSettings
from screensmith.data.samples import samples_of
from screensmith.train.run import train
from screensmith.train.trackers import read_metrics


@pytest.fixture
def settings(tmp_path, recorded, one_base):
    return TrainSettings(
        local=str(recorded),
        cache=str(tmp_path / "cache"),
        output=str(tmp_path / "out"),
        repo_id=str(one_base),
        shortest_edge=64,
        longest_edge=128,
        batch=8,
        epochs=2,
        trackers=("jsonl",),
    )


class Judge:
    name = "accuracy"
    longest_answer_tokens = 16

    def __init__(self, samples):
        self.samples = samples
        self.tokens = 0

    def __call__(self, policy):
        answers = policy(self.samples)
        self.tokens += policy.spent.tokens
        return float(len(answers))


def test_the_report_adds_up_to_the_log(settings, tmp_path, episodes):
    judged = settings.model_copy(update={"eval_benchmark": "screenspot", "eval_steps": 2})
    judge = Judge(samples_of(episodes[:1], history_steps=0))
    train(judged, judge=judge)
    out = tmp_path / "out"
    report = reports.read(out / "compute_report.json")
    steps = [line for line in read_metrics(out / "metrics.jsonl") if "loss" in line]
    phases = {phase.name: phase for phase in report.phases}
    assert list(phases) == ["prepare", "train", "evaluate"]
    learning = phases["train"]
    assert learning.tokens == sum(line["tokens"] for line in steps) > 0
    assert learning.samples == 30  # 15 steps of the recorded episodes, twice
    assert learning.images == sum(line["images"] for line in steps) > 0
    assert learning.operations == pytest.approx(sum(line["teraflop"] for line in steps) * 1e12)
    # Phases exclude those inside them, so the steps' own time is a part of the training's.
    assert learning.wall_seconds > sum(line["seconds"] for line in steps) * 0.9
    assert phases["evaluate"].times == len(steps) // 2
    assert phases["evaluate"].tokens == judge.tokens > 0
    assert phases["evaluate"].images == len(judge.samples) * phases["evaluate"].times
    assert phases["evaluate"].operations > 0
    assert not (out / reports.UNFINISHED).exists()
    assert all(phase.cpu_seconds > 0 and phase.failures == 0 for phase in report.phases)
    assert (report.status, report.device, report.devices) == ("finished", "cpu", 1)
    (row,) = read_summary(out / "compute_report_summary.csv")
    everything = learning.tokens + phases["evaluate"].tokens
    assert (row["report"], row["tokens"]) == ("compute_report.json", str(everything))
    assert "## Totals" in (out / "compute_report.md").read_text("utf-8")


def test_a_failed_run_is_reported_and_the_run_that_continues_it_adds_its_own(settings, tmp_path):
    class Killed(RuntimeError):
        pass

    def kill(step):
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        train(settings.model_copy(update={"save_steps": 1}), after_step=kill)
    train(settings.model_copy(update={"save_steps": 1, "resume": True}))
    out = tmp_path / "out"
    first, second = (reports.read(out / f"compute_report{name}.json") for name in ("", "-2"))
    assert (first.status, second.status) == ("failed", "finished")
    assert "continued from step 2" in second.not_measured["earlier steps"]
    assert "earlier steps" not in first.not_measured
    rows = read_summary(out / "compute_report_summary.csv")
    assert [row["report"] for row in rows] == ["compute_report.json", "compute_report-2.json"]


def test_a_run_that_did_nothing_is_not_reported(settings, tmp_path):
    train(settings.model_copy(update={"save_steps": 1, "epochs": 1}))
    before = {path.name for path in (tmp_path / "out").iterdir()}
    with pytest.raises(ValueError, match="lr was"):
        train(settings.model_copy(update={"save_steps": 1, "epochs": 1, "resume": True, "lr": 1.0}))
    assert {path.name for path in (tmp_path / "out").iterdir()} == before
