import io

import pytest
from PIL import Image

from screensmith.agent.rollout import Assignment, run, unreadable_reason
from screensmith.core.actions import Answer, Click, Finish, Visit
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.plugins import UnknownName

MISS = Point(0.999, 0.999)


def see(sample):
    """The middle of the red rectangle, found on the picture alone."""
    picture = Image.open(io.BytesIO(sample.screenshot.read_bytes())).convert("RGB")
    red = picture.getchannel("G").point(lambda green: 255 - green)
    left, top, right, bottom = red.getbbox()
    return Point((left + right) / 2 / picture.width, (top + bottom) / 2 / picture.height)


def expert(samples):
    return [Prediction("hit", (Click(see(sample)),)) for sample in samples]


def always(*actions, text="answer", problem=""):
    return lambda samples: [Prediction(text, actions, problem) for _ in samples]


def play(policy, environments, *assignments, max_steps=4, history_steps=2, on_step=None):
    return run(
        policy,
        environments,
        [Assignment(*one) for one in assignments],
        history_steps=history_steps,
        max_steps=max_steps,
        on_step=on_step,
    )


def test_results_keep_the_order_of_the_assignments_whoever_finishes_first(make_environment):
    order = [("twice", 1), ("once", 2), ("until", 3), ("twice", 4), ("once", 5)]
    environments = [make_environment() for _ in range(2)]
    rollouts = play(expert, environments, *order)
    assert [(r.assignment.task, r.assignment.seed) for r in rollouts] == order
    assert all(r.outcome.done and r.outcome.reward == 1.0 and r.ending == "done" for r in rollouts)
    assert [len(r.turns) for r in rollouts] == [2, 1, 1, 2, 1]
    started = [entry for one in environments for entry in one.log if isinstance(entry, tuple)]
    assert sorted(started) == sorted(order)


def test_the_policy_is_asked_once_a_round_for_every_running_episode(make_environment):
    sizes = []

    def policy(samples):
        sizes.append(len(samples))
        return expert(samples)

    play(policy, [make_environment() for _ in range(3)], *[("twice", seed) for seed in range(4)])
    assert sizes == [3, 3, 1, 1]


def test_a_rollout_does_not_depend_on_the_number_of_environments(make_environment):
    tasks = [(task, seed) for task in ("once", "twice") for seed in range(3)]
    one = play(expert, [make_environment()], *tasks)
    many = play(expert, [make_environment() for _ in range(4)], *tasks)
    assert [[t.performed for t in r.turns] for r in one] == [[t.performed for t in r.turns] for r in many]


def test_samples_carry_goal_screen_and_the_last_steps(make_environment):
    asked = []

    def policy(samples):
        asked.extend(samples)
        return [Prediction("miss", (Click(MISS),)) for _ in samples]

    play(policy, [make_environment()], ("until", 7))
    assert [sample.id for sample in asked] == [f"until-7#{number}" for number in range(4)]
    assert [len(sample.history) for sample in asked] == [0, 1, 2, 2]
    assert asked[3].history[-1].actions == (Click(MISS),)
    assert {sample.goal for sample in asked} == {"click the button of until 7"}
    assert asked[0].facts == {"task": "until", "seed": 7}
    assert asked[0].questions[0].expected == ()


def test_without_history_steps_no_history_is_shown(make_environment):
    asked = []

    def policy(samples):
        asked.extend(samples)
        return [Prediction("miss", (Click(MISS),)) for _ in samples]

    play(policy, [make_environment()], ("until", 7), history_steps=0)
    assert all(sample.history == () for sample in asked)


@pytest.mark.parametrize(("problem", "reason"), [("neither JSON", "neither JSON"), ("", "no action")])
def test_an_unreadable_answer_uses_up_a_step_and_nothing_is_executed(make_environment, problem, reason):
    environment = make_environment()
    (rollout,) = play(always(problem=problem), [environment], ("until", 1), max_steps=3)
    assert environment.log == [("until", 1)]
    assert rollout.problems == (reason,) * 3
    assert rollout.ending == "out of steps"
    assert rollout.episode is None
    assert [prediction.text for prediction in rollout.predictions] == ["answer"] * 3


def test_actions_beside_a_problem_are_not_executed(make_environment):
    environment = make_environment()
    play(always(Click(MISS), problem="cut off"), [environment], ("until", 1), max_steps=1)
    assert environment.log == [("until", 1)]
    assert unreadable_reason(Prediction("", (Click(MISS),), "cut off")) == "cut off"


def test_an_action_that_cannot_be_done_is_a_problem_and_not_the_end(make_environment):
    policy = always(Click(MISS), Visit("about:blank"), Click(MISS))
    (rollout,) = play(policy, [make_environment()], ("until", 1), max_steps=2)
    assert rollout.problems == ("not performed: only clicks are possible here",) * 2
    assert [turn.performed for turn in rollout.turns] == [(Click(MISS),)] * 2
    step = rollout.episode.steps[0]
    assert step.actions == (Click(MISS),)
    assert [record["kind"] for record in step.facts["not_performed"]] == ["Visit", "Click"]


@pytest.mark.parametrize("last", [Answer("42"), Finish("success")])
def test_answer_and_finish_end_the_episode_and_stay_in_it(make_environment, last):
    environment = make_environment()
    (rollout,) = play(always(Click(MISS), last, Click(MISS)), [environment], ("until", 1))
    assert rollout.ending == "answered"
    assert not rollout.outcome.done
    assert rollout.turns[0].performed == (Click(MISS), last)
    assert rollout.problems == ()
    assert environment.log == [("until", 1), Click(MISS), last]


def test_actions_after_the_environment_ended_are_not_done(make_environment):
    environment = make_environment()
    (rollout,) = play(always(Click(MISS), Click(MISS)), [environment], ("once", 1))
    assert (rollout.ending, rollout.outcome.reward) == ("done", 0.0)
    assert environment.log == [("once", 1), Click(MISS)]


def test_the_episode_can_be_learned_from(make_environment):
    (rollout,) = play(expert, [make_environment()], ("twice", 3))
    episode = rollout.episode
    assert episode.id == "twice-3"
    assert episode.goal == rollout.goal
    assert episode.facts == {"task": "twice", "seed": 3, "reward": 1.0, "source": "rollout"}
    assert [step.actions for step in episode.steps] == [turn.performed for turn in rollout.turns]
    assert all(step.facts["answer"] == "hit" for step in episode.steps)
    times = [
        step.facts[name] for step in episode.steps for name in ("frame_time_seconds", "action_time_seconds")
    ]
    # A frame never pre-dates the effect of the action before it.
    assert times == sorted(times)
    assert rollout.seconds > 0


def test_unreadable_turns_are_left_out_of_the_episode_and_of_the_history(make_environment):
    answers = iter(
        [
            Prediction("?", problem="unreadable"),
            Prediction("miss", (Click(MISS),)),
            Prediction("?", (), "x"),
        ]
    )
    histories = []

    def policy(samples):
        histories.append(samples[0].history)
        return [next(answers)]

    (rollout,) = play(policy, [make_environment()], ("until", 1), max_steps=3)
    assert len(rollout.episode.steps) == 1
    assert [len(history) for history in histories] == [0, 0, 1]


def test_every_turn_is_told_as_it_ends(make_environment):
    told = []
    rollouts = play(
        expert,
        [make_environment() for _ in range(2)],
        ("twice", 1),
        ("once", 2),
        on_step=lambda assignment, number, turn: told.append((assignment.id, number, turn)),
    )
    assert [(id, number) for id, number, _ in told] == [("twice-1", 0), ("once-2", 0), ("twice-1", 1)]
    assert told[2][2] is rollouts[0].turns[1]


def test_a_policy_that_answers_too_little_is_refused(make_environment):
    with pytest.raises(ValueError, match="0 answers to 1 samples"):
        play(lambda samples: [], [make_environment()], ("once", 1))


def test_limits_and_names_are_checked(make_environment):
    with pytest.raises(ValueError, match="at least one environment"):
        play(expert, [], ("once", 1))
    with pytest.raises(ValueError, match="max_steps must be at least 1"):
        play(expert, [make_environment()], ("once", 1), max_steps=0)
    with pytest.raises(UnknownName, match="did you mean 'twice'"):
        play(expert, [make_environment()], ("twise", 1))


def test_nothing_to_play_is_nothing_played(make_environment):
    assert play(expert, [make_environment()]) == []


def test_an_assignments_own_limit_goes_before_that_of_the_run() -> None:
    assert Assignment("until", 1).max_steps is None
    with pytest.raises(ValueError, match="until-1: max_steps must be at least 1, got 0"):
        Assignment("until", 1, max_steps=0)
