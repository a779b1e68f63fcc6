import pytest

from screensmith.core.actions import Click, Finish, Visit
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.evaluate.interval import wilson
from screensmith.evaluate.live import evaluate_live, is_success
from screensmith.plugins import UnknownName


def judge(world, policy, *tasks, count=3, max_steps=3, environments=2):
    return evaluate_live(
        policy,
        [world.Buttons() for _ in range(environments)],
        tasks,
        episodes_per_task=count,
        first_seed=100,
        history_steps=1,
        max_steps=max_steps,
    )


def test_success_is_any_reward_at_the_end_and_nearly_full_reward_is_counted_apart(world):
    result = judge(world, world.expert, "half", "until")
    half, until = result.tasks["half"], result.tasks["until"]
    assert (half.successes, half.nearly_full, half.mean_reward) == (3, 0, 0.5)
    assert (until.successes, until.nearly_full, until.mean_reward) == (3, 3, 1.0)
    assert half.seeds == until.seeds == (100, 101, 102)
    assert half.mean_steps == 1.0
    assert (result.success_rate, result.interval) == (1.0, wilson(6, 6))
    assert list(result.tasks) == ["half", "until"]
    assert result.failures == ()


def test_the_rate_is_the_mean_of_the_tasks(world):
    def only_until(samples):
        return [
            right if sample.facts["task"] == "until" else Prediction("", (Click(Point(0.99, 0.99)),))
            for sample, right in zip(samples, world.expert(samples), strict=True)
        ]

    result = judge(world, only_until, "until", "last-chance")
    assert [task.success_rate for task in result.tasks.values()] == [1.0, 0.0]
    assert result.success_rate == 0.5
    assert result.interval == wilson(3, 6)
    assert {rollout.assignment.task for rollout in result.failures} == {"last-chance"}
    assert not any(is_success(rollout) for rollout in result.failures)


def test_unreadable_and_impossible_answers_are_counted(world):
    turn = iter(
        [
            Prediction("?", problem="neither JSON nor a literal"),
            Prediction("", (Visit("https://example.org"),)),
            Prediction(""),
        ]
    )
    result = judge(world, lambda samples: [next(turn)], "until", count=1, environments=1)
    assert result.unreadable == {"neither JSON nor a literal": 1, "no action": 1}
    assert result.not_performed == {"Visit": 1}
    assert result.endings == {"out of steps": 1}
    assert result.answers == 3
    assert result.tasks["until"].mean_steps == 3.0


def test_declaring_success_is_no_success(world):
    result = judge(world, lambda samples: [Prediction("", (Finish("success"),)) for _ in samples], "until")
    assert result.success_rate == 0.0
    assert result.endings == {"answered": 3}


def test_a_reward_without_an_end_is_no_success(world):
    class Unfinished(world.Buttons):
        def outcome(self):
            return type(super().outcome())(False, 1.0)

    result = evaluate_live(
        world.expert,
        [Unfinished()],
        ["until"],
        episodes_per_task=1,
        first_seed=1,
        history_steps=0,
        max_steps=2,
    )
    task = result.tasks["until"]
    assert (task.successes, task.nearly_full, result.endings) == (0, 0, {"out of steps": 1})


def test_bad_requests_say_what_is_wrong(world):
    with pytest.raises(UnknownName, match="did you mean 'until'"):
        judge(world, world.expert, "untill")
    with pytest.raises(ValueError, match="each once, got: until, until"):
        judge(world, world.expert, "until", "until")
    with pytest.raises(ValueError, match="got: none"):
        judge(world, world.expert)
    with pytest.raises(ValueError, match="episodes_per_task must be at least 1"):
        judge(world, world.expert, "until", count=0)
    with pytest.raises(ValueError, match="at least one environment"):
        judge(world, world.expert, "until", environments=0)
