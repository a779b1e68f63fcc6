import json

import pytest

from screensmith.benchmarks import LiveBenchmark, Published
from screensmith.core.actions import Click
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.evaluate.benchmark import CUT_OFF, Origin
from screensmith.evaluate.live_benchmark import (
    FORMAT_ERRORS,
    HEADLINE,
    NOT_PLAYABLE,
    PLAYED,
    SEEDS,
    compare_live,
    live_benchmark_record,
    play_benchmark,
    program_of,
    seeds_of,
)

RULES = LiveBenchmark(
    name="buttons",
    environment="buttons",
    tasks=("until", "half", "last-chance", "elsewhere"),
    tasks_from="a test",
    read_tasks=lambda root: (root, "until"),
    episodes=2,
    max_steps=3,
    max_steps_of={"until": 5},
    success_above=0.8,
    prompt="neko",
    dialect="neko",
    history_steps=1,
    published=(Published("somebody", HEADLINE, 0.5, "a paper"),),
)


def played(world, policy, history_steps=1, **options):
    program = program_of(RULES, world.Buttons.tasks, seed=7, **options)
    screens = [world.Buttons() for _ in range(2)]
    return play_benchmark(
        policy, program, screens, history_steps=history_steps, origin=Origin(model="someone")
    )


def value(result, name):
    return result.result.measured(name).figure.value


def test_a_success_is_above_the_limit_and_a_task_that_cannot_be_played_counts_as_failed(world):
    result = played(world, world.expert)
    assert [value(result, task) for task in ("until", "half", "last-chance")] == [1.0, 0.0, 1.0]
    assert value(result, PLAYED) == pytest.approx(2 / 3)
    assert result.result.score == value(result, HEADLINE) == 0.5
    assert result.result.measured(HEADLINE).figure.count == 4
    assert value(result, "episodes played") == pytest.approx(4 / 6)
    assert result.program.departures == ("elsewhere cannot be played here and count as failed",)
    assert result.result.origin.refused == {NOT_PLAYABLE: 2}
    with pytest.raises(KeyError):
        value(result, "elsewhere")
    interval = result.result.measured(HEADLINE).interval
    assert interval.low < 0.5 < interval.high


def test_each_task_has_its_limit_and_every_answer_of_no_use_takes_a_step(world):
    cut = [Prediction("?", problem=CUT_OFF)]
    result = played(world, lambda samples: cut * len(samples))
    assert {task: found.mean_steps for task, found in result.live.tasks.items()} == {
        "until": 5.0,
        "half": 3.0,
        "last-chance": 3.0,
    }
    assert result.live.answers == result.result.samples == result.result.cut == 22
    assert value(result, FORMAT_ERRORS) == 1.0
    assert result.result.score == 0.0


def test_seeds_depend_on_the_task_and_the_seed_alone_and_more_begin_with_fewer():
    assert seeds_of("until", 2, 7) == seeds_of("until", 10, 7)[:2]
    assert seeds_of("until", 5, 7) != seeds_of("half", 5, 7)
    assert seeds_of("until", 5, 7) != seeds_of("until", 5, 8)
    many = seeds_of("until", 2000, 7)
    assert len(set(many)) == 2000
    assert all(seed in SEEDS for seed in many)


def test_a_part_of_the_protocol_says_so(world):
    result = played(world, world.expert, tasks=["half", "until"], episodes=1, history_steps=0)
    assert list(result.live.tasks) == ["until", "half"]
    assert result.program.departures == (
        "2 of its 4 tasks",
        "1 episodes of each task, not 2",
        "0 steps of history are shown, not 1",
    )
    whole = played(world, world.expert)
    assert whole.live.tasks["until"].seeds[:1] == result.live.tasks["until"].seeds


def test_the_tasks_can_come_from_the_data_set(world):
    program = program_of(RULES, world.Buttons.tasks, seed=7, root="half")
    assert program.tasks == ("half", "until")
    assert (program.source, program.departures) == ("half", ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["untill"]}, "untill is no task of buttons; its tasks are until, half"),
        ({"tasks": ["elsewhere"]}, "elsewhere of buttons cannot be played here"),
        ({"tasks": ["until", "until"]}, "each task once"),
        ({"episodes": 0}, "at least 1"),
        ({"playable": ("else",)}, "none of its tasks can be played"),
    ],
)
def test_what_cannot_be_played_is_refused(world, options, message):
    playable = options.pop("playable", world.Buttons.tasks)
    with pytest.raises(ValueError, match=message):
        program_of(RULES, playable, seed=7, **options)


def test_two_models_are_compared_episode_by_episode(world):
    def only_until(samples):
        miss = Prediction("", (Click(Point(0.99, 0.99)),))
        right = world.expert(samples)
        return [
            one if sample.facts["task"] == "until" else miss
            for sample, one in zip(samples, right, strict=True)
        ]

    differences = compare_live(played(world, world.expert), played(world, only_until))
    found = {one.figure: one for one in differences}
    assert differences[0].figure == HEADLINE
    assert found[HEADLINE].value == pytest.approx(1 / 4)
    assert found["until"].value == 0.0
    assert found["last-chance"].value == 1.0
    assert (found["last-chance"].p, found["last-chance"].test) == (0.5, "McNemar, exact")
    other = played(world, only_until, episodes=1)
    with pytest.raises(ValueError, match="same samples"):
        compare_live(played(world, world.expert), other)


def test_the_record_says_how_it_was_played(world):
    record = json.loads(json.dumps(live_benchmark_record(played(world, world.expert))))
    assert record["whole_protocol"] is False
    assert record["not_playable"] == ["elsewhere"]
    assert (record["answers"], record["episodes"], record["seed"]) == (6, 6, 7)
    assert [one["success"] for one in record["played"]] == [True, True, False, False, True, True]
    assert [one["seed"] for one in record["played"][:2]] == list(seeds_of("until", 2, 7))
