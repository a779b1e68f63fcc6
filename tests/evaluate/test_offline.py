import pytest

from screensmith.core.actions import Click, TypeText, Wait
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.evaluate.offline import evaluate_offline
from screensmith.plugins import UnknownName

HERE = Point(0.5, 0.5)


def step(number, *expected, task=None):
    facts = {} if task is None else {"task": task}
    question = Question("", expected)
    return Sample(f"e#{number}", "goal", Screenshot(b"", Size(10, 10)), (question,), facts=facts)


def answers(*predictions):
    remaining = list(predictions)
    return lambda samples: [remaining.pop(0) for _ in samples]


def test_means_counts_and_failures_are_exact():
    samples = [
        step(0, Click(HERE)),
        step(1, Click(HERE)),
        step(2, TypeText("hello")),
        step(3, Wait(1.0)),
        step(4, Click(HERE)),
    ]
    policy = answers(
        Prediction("", (Click(HERE),)),
        Prediction("", (Click(Point(0.0, 0.0)),)),
        Prediction("", (TypeText("HELLO"),)),
        Prediction("", (Click(HERE),)),
        Prediction("?", problem="neither JSON nor a literal"),
    )
    result = evaluate_offline(policy, samples, batch=2)
    found = {
        name: (one.mean, one.scored, one.not_applicable, one.hits) for name, one in result.metrics.items()
    }
    assert found == {
        "kind": (3 / 5, 5, 0, 3),
        "click": (1 / 3, 3, 2, 1),
        "text": (1.0, 1, 4, 1),
        "whole": (2 / 5, 5, 0, 2),
    }
    assert result.samples == 5
    assert result.unreadable == {"neither JSON nor a literal": 1}
    assert [one.sample.id for one in result.failures] == ["e#1", "e#3", "e#4"]
    assert result.failures[0].scores == {"kind": 1.0, "click": 0.0, "text": None, "whole": 0.0}


def test_tasks_are_told_apart_where_samples_know_theirs():
    samples = [step(0, Click(HERE), task="b"), step(1, Click(HERE), task="a"), step(2, Click(HERE))]
    policy = answers(
        Prediction("", (Click(HERE),)), Prediction("", (Wait(1.0),)), Prediction("", (Wait(1.0),))
    )
    result = evaluate_offline(policy, samples, batch=8, metrics=("kind",))
    assert {task: found["kind"].mean for task, found in result.tasks.items()} == {"a": 0.0, "b": 1.0}
    assert list(result.tasks) == ["a", "b"]
    assert result.mean("kind") == pytest.approx(1 / 3)


def test_a_metric_that_never_applies_has_no_mean():
    result = evaluate_offline(answers(Prediction("", (Wait(1.0),))), [step(0, Wait(1.0))], batch=1)
    assert (result.metrics["click"].mean, result.metrics["click"].not_applicable) == (None, 1)
    assert result.failures == ()


def test_an_answer_without_actions_is_unreadable_too():
    result = evaluate_offline(answers(Prediction("")), [step(0, Click(HERE))], batch=1)
    assert result.unreadable == {"no action": 1}


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_batches_ask_in_order_and_change_nothing(world, batch):
    sizes, seen, progress = [], [], []

    def policy(samples):
        sizes.append(len(samples))
        seen.extend(sample.id for sample in samples)
        return world.clumsy(samples)

    samples = [world.sample("click-button", seed) for seed in range(7)]
    result = evaluate_offline(policy, samples, batch=batch, on_batch=lambda *done: progress.append(done))
    assert seen == [sample.id for sample in samples]
    assert max(sizes) == batch
    assert progress[-1] == (7, 7)
    assert result == evaluate_offline(world.clumsy, samples, batch=7)


def test_an_expert_is_right_everywhere(world):
    samples = [world.sample("click-button", seed) for seed in range(5)]
    result = evaluate_offline(world.expert, samples, batch=5)
    assert result.mean("whole") == result.mean("click") == 1.0


def test_options_reach_the_metric(world):
    near = answers(Prediction("", (Click(Point(0.6, 0.5)),)))
    result = evaluate_offline(
        near,
        [step(0, Click(HERE))],
        batch=1,
        metrics=("click", "whole"),
        metric_options={"click": {"limit": 0.05}},
    )
    assert (result.mean("click"), result.mean("whole")) == (0.0, 1.0)


def test_bad_requests_say_what_is_wrong(world):
    samples = [world.sample("t", 1)]
    with pytest.raises(UnknownName, match="did you mean 'whole'"):
        evaluate_offline(world.expert, samples, batch=1, metrics=("hole",))
    with pytest.raises(UnknownName, match="did you mean 'limit'"):
        evaluate_offline(world.expert, samples, batch=1, metric_options={"click": {"limits": 1}})
    with pytest.raises(UnknownName, match="metric with options 'clik'"):
        evaluate_offline(world.expert, samples, batch=1, metric_options={"clik": {}})
    with pytest.raises(ValueError, match="batch must be at least 1"):
        evaluate_offline(world.expert, samples, batch=0)
    with pytest.raises(ValueError, match="no samples"):
        evaluate_offline(world.expert, [], batch=1)
    with pytest.raises(ValueError, match="at least one metric"):
        evaluate_offline(world.expert, samples, batch=1, metrics=())
    with pytest.raises(ValueError, match="0 answers to 1 samples"):
        evaluate_offline(lambda samples: [], samples, batch=1)


@pytest.mark.parametrize("questions", [(Question(),), (Question("", (Wait(1.0),)),) * 2])
def test_a_sample_without_one_expected_answer_is_refused(world, questions):
    sample = Sample("e#0", "goal", Screenshot(b"", Size(10, 10)), questions)
    with pytest.raises(ValueError, match=r"sample e#0: .* exactly one question"):
        evaluate_offline(world.expert, [sample], batch=1)
