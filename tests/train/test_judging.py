"""A run is judged on its way: the best is kept, and a run without progress stops."""

import pytest

from screensmith.config.train import TrainSettings
from screensmith.data.samples import samples_of
from screensmith.model.load import load_model
from screensmith.train.judging import Standing
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
        epochs=6,
        lr=1e-3,
        eval_benchmark="screenspot",
        eval_steps=1,
        trackers=("jsonl",),
    )


class Says:
    """Gives scores from a list, and really asks the model."""

    name = "accuracy"
    longest_answer_tokens = 128

    def __init__(self, scores, samples):
        self.scores = list(scores)
        self.samples = samples
        self.asked = 0

    def __call__(self, policy):
        assert len(policy(self.samples)) == len(self.samples)
        self.asked += 1
        return self.scores.pop(0)


def first_weight(folder):
    return next(iter(load_model(str(folder)).model.parameters())).detach().clone()


def test_scores_are_logged_and_the_best_checkpoint_is_kept(settings, episodes, tmp_path):
    judge = Says(
        [0.1, 0.5, 0.2, None, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0],
        samples_of(episodes[:1], history_steps=0),
    )
    kept = {}

    def watch(step):
        if step == 3:  # the judgement of step 2 has been made
            kept["best"] = first_weight(tmp_path / "out" / "best")

    result = train(settings, after_step=watch, judge=judge)
    records = read_metrics(tmp_path / "out" / "metrics.jsonl")
    scores = {record["step"]: record["score"] for record in records if "score" in record}
    assert {step: scores[step] for step in (1, 2, 3, 5)} == {1: 0.1, 2: 0.5, 3: 0.2, 5: 0.4}
    assert 4 not in scores
    assert result.steps == judge.asked == 12
    assert (first_weight(tmp_path / "out" / "best") == kept["best"]).all()
    assert not (first_weight(tmp_path / "out" / "final") == kept["best"]).all()


def test_judging_changes_nothing_about_the_training(settings, episodes, tmp_path):
    lora = {"adapter": "lora", "lora_dropout": 0.2, "epochs": 2}
    samples = samples_of(episodes[:1], history_steps=0)
    train(settings.model_copy(update=lora), judge=Says([0.1] * 4, samples))
    other = str(tmp_path / "unjudged")
    train(settings.model_copy(update={**lora, "output": other, "eval_benchmark": "", "eval_steps": 0}))
    judged, alone = (
        [record["loss"] for record in read_metrics(tmp_path / name / "metrics.jsonl") if "loss" in record]
        for name in ("out", "unjudged")
    )
    assert judged == alone


def test_a_run_without_progress_stops(settings, episodes, tmp_path):
    patient = settings.model_copy(update={"eval_patience": 3})
    judge = Says([0.3, 0.4, 0.2, 0.4, 0.1, 0.9], samples_of(episodes[:1], history_steps=0))
    assert train(patient, judge=judge).steps == 5
    assert (tmp_path / "out" / "final").is_dir()


def test_a_resumed_run_knows_its_best_score(settings, episodes, tmp_path):
    samples = samples_of(episodes[:1], history_steps=0)
    patient = settings.model_copy(update={"eval_patience": 3, "save_steps": 1})

    class Killed(RuntimeError):
        pass

    def kill(step):
        if step == 5:
            raise Killed

    with pytest.raises(Killed):
        train(patient, after_step=kill, judge=Says([0.3, 0.8, 0.2, 0.1], samples))
    judge = Says([0.5, 0.9], samples)  # the third that is no better than 0.8 comes first
    assert train(patient.model_copy(update={"resume": True}), judge=judge).steps == 5
    assert judge.asked == 1


def test_patience_counts_scores_that_are_no_better():
    standing = Standing()
    assert standing.take(0.0, 1)  # a first score of 0 is the best so far
    assert not standing.take(0.0, 2)
    assert not standing.take(None, 3)
    assert (standing.best, standing.best_step, standing.without_better) == (0.0, 1, 2)
    assert standing.take(0.1, 4)
    assert standing.without_better == 0
    assert Standing(**standing.record()) == standing
