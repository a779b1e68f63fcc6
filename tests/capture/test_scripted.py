from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from screensmith.capture import scripted
from screensmith.capture.scripted import record_scripted
from screensmith.core.actions import Action, Click
from screensmith.core.episode import Element, Episode, Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog
from screensmith.environments import CannotAct, Demonstration, Outcome, Start, Unsolvable, miniwob
from screensmith.plugins import UnknownName

TARGET = Box(0.2, 0.2, 0.4, 0.4)


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.out = Path("nowhere")
        self.episodes: list[Episode] = []

    def append(self, episode: Episode) -> None:
        self.episodes.append(episode)


class Counter:
    """An environment whose screens are numbered; what happens depends on the seed.

    Seeds ending in 1 have no script, those in 2 an impossible action, those in 3 end with half a
    reward, those in 4 never end, those in 5 end without an action.
    """

    tasks = ("easy", "hard")

    def __init__(self) -> None:
        self.acted = 0

    def reset(self, task: str, seed: int) -> Start:
        self.acted, self.task, self.seed = 0, task, seed
        return Start(f"do {task} {seed}", self.screen())

    def screen(self) -> Screenshot:
        return Screenshot(f"{self.task} {self.seed} {self.acted}".encode(), Size(10, 10))

    def elements(self) -> tuple[Element, ...]:
        return (Element(TARGET, f"after {self.acted}", "button"),)

    def act(self, action: Action) -> Screenshot:
        if self.seed % 10 == 2:
            raise CannotAct("no way")
        self.acted += 1
        return self.screen()

    def outcome(self) -> Outcome:
        if self.task == "hard":
            return Outcome(True, 0.99)
        reward = 0.5 if self.seed % 10 == 3 else 1.0
        return Outcome(self.acted >= 2 or self.seed % 10 == 5, reward if self.acted >= 2 else 1.0)

    def solve(self) -> Iterator[Demonstration]:
        if self.seed % 10 == 1:
            raise Unsolvable("no script")
        if self.seed % 10 == 5:
            return
        count = 1000 if self.seed % 10 == 4 else 2
        for _ in range(count):
            yield Demonstration(Click(TARGET.centre), TARGET)


def test_each_step_holds_the_screen_before_its_action_and_the_times_are_in_order() -> None:
    kept, refusals = Kept(), RefusalLog()
    assert (
        record_scripted(
            Counter(), ["easy"], episodes_per_task=1, first_seed=17, store=kept, refusals=refusals
        )
        == 1
    )
    (episode,) = kept.episodes
    assert (episode.id, episode.goal) == ("easy-00017", "do easy 17")
    assert [step.screenshot.read_bytes() for step in episode.steps] == [b"easy 17 0", b"easy 17 1"]
    assert [step.actions for step in episode.steps] == [
        (Click(Point(0.30000000000000004, 0.30000000000000004)),)
    ] * 2
    assert [step.target for step in episode.steps] == [TARGET] * 2
    assert [step.elements[0].text for step in episode.steps] == ["after 0", "after 1"]
    times = [
        step.facts[name] for step in episode.steps for name in ("frame_time_seconds", "action_time_seconds")
    ]
    assert times == sorted(times)
    assert times[0] > 1_600_000_000
    assert dict(episode.facts) == {
        "task": "easy",
        "seed": 17,
        "reward": 1.0,
        "source": "scripted",
        "environment": Counter.__module__.rsplit(".", maxsplit=1)[-1],
    }
    assert (refusals.considered, len(refusals)) == (1, 0)


def test_failed_seeds_are_refused_with_their_reason_and_others_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scripted, "MOST_STEPS", 20)
    kept, refusals, progress = Kept(), RefusalLog(), []
    count = record_scripted(
        Counter(),
        ["easy"],
        episodes_per_task=4,
        first_seed=0,
        store=kept,
        refusals=refusals,
        progress=lambda *values: progress.append(values),
    )
    assert count == 4
    assert [episode.id for episode in kept.episodes] == [
        "easy-00000",
        "easy-00006",
        "easy-00007",
        "easy-00008",
    ]
    assert {refusal.id: refusal.reason for refusal in refusals} == {
        "easy-00001": "unsolvable",
        "easy-00002": "action not possible",
        "easy-00003": "not solved",
        "easy-00004": "too many steps",
        "easy-00005": "not solved",
    }
    assert refusals.considered == 9
    assert progress[0] == ("easy", 1, 4)
    assert progress[-1] == ("easy", 4, 4)
    assert len(progress) == 9


def test_a_task_that_is_never_solved_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    kept, refusals = Kept(), RefusalLog()
    with caplog.at_level(logging.WARNING):
        count = record_scripted(
            Counter(), ["hard", "easy"], episodes_per_task=2, first_seed=6, store=kept, refusals=refusals
        )
    assert count == 2
    assert {episode.facts["task"] for episode in kept.episodes} == {"easy"}
    assert refusals.considered == 6 + 2
    assert "hard: only 0 of 2" in caplog.text


def test_bad_requests_are_refused_before_anything_is_recorded() -> None:
    kept, refusals = Kept(), RefusalLog()
    with pytest.raises(UnknownName, match="did you mean 'hard'"):
        record_scripted(
            Counter(), ["easy", "hrad"], episodes_per_task=1, first_seed=0, store=kept, refusals=refusals
        )
    with pytest.raises(ValueError, match="at least one task"):
        record_scripted(Counter(), [], episodes_per_task=1, first_seed=0, store=kept, refusals=refusals)
    for count, seed in ((0, 0), (1, -1)):
        with pytest.raises(ValueError, match="must be at least"):
            record_scripted(
                Counter(), ["easy"], episodes_per_task=count, first_seed=seed, store=kept, refusals=refusals
            )
    assert kept.episodes == []


@pytest.mark.browser
def test_real_demonstrations_are_recorded() -> None:
    kept, refusals = Kept(), RefusalLog()
    with miniwob.open() as environment:
        record_scripted(
            environment,
            ["enter-text", "click-test-2"],
            episodes_per_task=2,
            first_seed=5,
            store=kept,
            refusals=refusals,
        )
    assert [episode.id for episode in kept.episodes] == [
        "enter-text-00005", "enter-text-00006", "click-test-2-00005", "click-test-2-00006",
    ]  # fmt: skip
    kinds = [[type(step.actions[0]).__name__ for step in episode.steps] for episode in kept.episodes]
    assert kinds == [["Click", "TypeText", "Click"]] * 2 + [["Click"]] * 2
    for episode in kept.episodes:
        assert episode.facts["environment"] == "miniwob"
        for step in episode.steps:
            assert step.screenshot.size == Size(160, 210)
            assert step.elements
            if step.target is not None:
                assert step.target in [element.box for element in step.elements]
    before, after = (step.screenshot.read_bytes() for step in kept.episodes[0].steps[1:])
    assert before != after  # the typed text shows
