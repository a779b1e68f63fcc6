"""Rollouts are episodes like any other: stored as MDS and read back to be learned from."""

import pytest

from screensmith import plugins
from screensmith.agent.rollout import Assignment, run
from screensmith.core.actions import Click
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.core.refusals import RefusalLog

pytest.importorskip("streaming")


def test_every_step_comes_back_with_its_frame_and_answer(make_environment, tmp_path):
    from screensmith.capture.store import EpisodeStore

    corner, middle = Click(Point(0.999, 0.999)), Click(Point(0.5, 0.5))

    def policy(samples):
        return [
            Prediction("both", (corner, middle))
            if sample.facts["seed"] == 1
            else Prediction("one", (corner,))
            for sample in samples
        ]

    assignments = [Assignment("until", seed) for seed in (1, 2, 3)]
    pages = [make_environment() for _ in range(2)]
    rollouts = run(policy, pages, assignments, history_steps=0, max_steps=4)
    with EpisodeStore(tmp_path) as store:
        for rollout in rollouts:
            store.append(rollout.episode)

    refusals = RefusalLog()
    episodes = plugins.load("readers", "mds").read(str(tmp_path), refusals=refusals)
    assert list(refusals) == []
    assert [episode.id for episode in episodes] == ["until-1", "until-2", "until-3"]
    for episode, rollout in zip(episodes, rollouts, strict=True):
        assert episode.goal == rollout.goal
        assert [step.actions for step in episode.steps] == [turn.performed for turn in rollout.turns]
        assert [step.facts["answer"] for step in episode.steps] == [p.text for p in rollout.predictions]
        assert episode.facts["reward"] == rollout.outcome.reward
        assert all(step.screenshot.size == pages[0].size for step in episode.steps)
