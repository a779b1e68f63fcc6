"""Lockstep rollouts in several real browser pages."""

import pytest

from screensmith.agent.rollout import Assignment, run
from screensmith.core.actions import Answer, Click
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.environments import miniwob

pytestmark = pytest.mark.browser


class Demonstrator:
    """Answers with each environment's own script; learns from `reset` which plays what."""

    def __init__(self, environments):
        self.scripts = {}
        for environment in environments:
            environment.reset = self.follow(environment, environment.reset)

    def follow(self, environment, reset):
        def reset_and_note(task, seed):
            start = reset(task, seed)
            self.scripts[f"{task}-{seed}"] = environment.solve()
            return start

        return reset_and_note

    def __call__(self, samples):
        actions = [next(self.scripts[sample.id.partition("#")[0]]).action for sample in samples]
        return [Prediction(repr(action), (action,)) for action in actions]


@pytest.fixture
def pages():
    with miniwob.open() as first, miniwob.open() as second:
        yield [first, second]


def test_perfect_answers_solve_every_task_and_become_episodes(pages):
    assignments = [
        Assignment(task, seed) for task in ("login-user", "click-test", "click-dialog") for seed in (1, 2)
    ]
    rollouts = run(Demonstrator(pages), pages, assignments, history_steps=1, max_steps=10)
    assert [rollout.assignment for rollout in rollouts] == assignments
    assert [(rollout.outcome.done, rollout.outcome.reward) for rollout in rollouts] == [(True, 1.0)] * 6
    login = rollouts[0].episode
    assert len(login.steps) > 2
    screens = [step.screenshot.read_bytes() for step in login.steps]
    assert len(set(screens)) == len(screens)


def test_misses_and_giving_up_earn_nothing(pages):
    def policy(samples):
        give_up = Prediction("stop", (Answer("done"),))
        miss = Prediction("miss", (Click(Point(0.5, 0.1)),))
        return [give_up if sample.facts["seed"] == 1 else miss for sample in samples]

    assignments = [Assignment("click-test", seed) for seed in (1, 2)]
    given_up, missed = run(policy, pages, assignments, history_steps=0, max_steps=2)
    assert (given_up.ending, given_up.outcome.reward, len(given_up.turns)) == ("answered", 0.0, 1)
    assert (missed.ending, missed.outcome.reward, len(missed.turns)) == ("out of steps", 0.0, 2)
