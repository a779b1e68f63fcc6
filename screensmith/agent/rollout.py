"""A policy acts in live environments, and what it saw and did becomes episodes.

All environments advance in lockstep: each round asks the policy once, with one sample for every
running episode, so that a model answers them as one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from screensmith.core.actions import Action, ends_episode, to_record
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.sample import Sample
from screensmith.environments import CannotAct, Environment, Outcome

SOURCE = "rollout"
NO_ACTION = "no action"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One episode to play: a task of the environment and the seed that draws its screen.

    `max_steps` is how many answers it may use, at least 1; None for what the run allows.
    """

    task: str
    seed: int
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError(f"{self.id}: max_steps must be at least 1, got {self.max_steps}")

    @property
    def id(self) -> str:
        """The episode's id, "task-seed"."""
        return f"{self.task}-{self.seed}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of one episode: what was seen, what was answered, and what was done of it.

    `problem` says why the answer, or a part of it, was not carried out; times are seconds since 1970,
    `action_time_seconds` the moment before the first action or None where nothing was done.
    """

    screenshot: Screenshot
    prediction: Prediction
    performed: tuple[Action, ...] = ()
    problem: str = ""
    frame_time_seconds: float = 0.0
    action_time_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode as it was played.

    `episode` holds the turns in which something was done, and is None when nothing ever was;
    `seconds` is the time from reset to end, waiting for the other environments included; `ending`
    is "answered" (with Answer or Finish), "done" (the environment's word) or "out of steps".
    """

    assignment: Assignment
    goal: str
    turns: tuple[Turn, ...]
    episode: Episode | None
    outcome: Outcome
    seconds: float
    final: Screenshot
    ending: str

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """Every answer in order, unreadable ones included."""
        return tuple(turn.prediction for turn in self.turns)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why answers were not carried out, one entry for each such turn."""
        return tuple(turn.problem for turn in self.turns if turn.problem)


OnTurn = Callable[[Assignment, int, Turn], None]
"""Called after every turn with the episode, the turn's number from 0, and the turn."""


def unreadable_reason(prediction: Prediction) -> str:
    """Why nothing can be done with an answer, or "" when it holds at least one action."""
    return prediction.problem or ("" if prediction.actions else NO_ACTION)


def run(
    policy: BatchPolicy,
    environments: Sequence[Environment],
    assignments: Sequence[Assignment],
    *,
    history_steps: int,
    max_steps: int,
    on_step: OnTurn | None = None,
) -> list[Rollout]:
    """Play every assignment; an environment that finishes one takes the next that is left.

    An unreadable answer uses up a step and nothing is executed. An episode ends with `Answer` or
    `Finish` (which the environment is told, but need not take), when the environment says so, or
    after `max_steps` answers.

    Args:
        policy: answers a batch of samples, same length and order.
        environments: the live screens, all driven from this thread.
        assignments: what to play; the results have the same order.
        history_steps: how many of the last steps with actions the policy is shown.
        max_steps: answers an episode may use where its assignment does not say, at least 1.
        on_step: told of every turn as soon as it ended.

    Raises:
        ValueError: there is no environment, a limit has no meaning, or the policy answered with
            another number of predictions than it was asked for.
        screensmith.plugins.UnknownName: a task does not exist.
    """
    if not environments:
        raise ValueError("rollouts need at least one environment")
    if max_steps < 1 or history_steps < 0:
        raise ValueError(
            "max_steps must be at least 1 and history_steps at least 0, "
            f"got {max_steps} and {history_steps}"
        )
    clock = _Clock()
    waiting = list(enumerate(assignments))[::-1]
    results: dict[int, Rollout] = {}
    playing: list[_Playing] = []
    free = list(environments)
    while waiting or playing:
        while waiting and free:
            place, assignment = waiting.pop()
            playing.append(_Playing.begin(place, assignment, free.pop(0), clock))
        samples = [episode.sample(history_steps) for episode in playing]
        predictions = policy(samples)
        if len(predictions) != len(samples):
            raise ValueError(f"the policy gave {len(predictions)} answers to {len(samples)} samples")
        for episode, prediction in zip(playing, predictions, strict=True):
            turn = episode.take(prediction, episode.assignment.max_steps or max_steps)
            if on_step is not None:
                on_step(episode.assignment, len(episode.turns) - 1, turn)
            if episode.ending:
                results[episode.place] = episode.result()
                free.append(episode.environment)
        playing = [episode for episode in playing if not episode.ending]
    return [results[place] for place in range(len(assignments))]


class _Clock:
    """Seconds since 1970 that never run backwards, so that frames and actions stay in order."""

    def __init__(self) -> None:
        self._offset = time.time() - time.perf_counter()

    def __call__(self) -> float:
        return self._offset + time.perf_counter()


@dataclass
class _Playing:
    """An episode under way in one environment."""

    place: int
    assignment: Assignment
    environment: Environment
    clock: _Clock
    goal: str
    screenshot: Screenshot
    frame_time: float
    began: float
    turns: list[Turn] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(done=False, reward=0.0))
    ending: str = ""

    @classmethod
    def begin(cls, place: int, assignment: Assignment, environment: Environment, clock: _Clock) -> _Playing:
        """Reset the environment to the assignment."""
        began = clock()
        start = environment.reset(assignment.task, assignment.seed)
        return cls(place, assignment, environment, clock, start.goal, start.screenshot, clock(), began)

    def sample(self, history_steps: int) -> Sample:
        """What the policy is asked now."""
        steps = self.steps()
        return Sample(
            id=f"{self.assignment.id}#{len(self.turns)}",
            goal=self.goal,
            screenshot=self.screenshot,
            history=tuple(steps[-history_steps:]) if history_steps else (),
            facts={"task": self.assignment.task, "seed": self.assignment.seed},
        )

    def take(self, prediction: Prediction, max_steps: int) -> Turn:
        """Carry out one answer and note how the episode stands."""
        screenshot, frame_time = self.screenshot, self.frame_time
        problem = unreadable_reason(prediction)
        performed: tuple[Action, ...] = ()
        action_time = None
        if not problem:
            action_time = self.clock()
            performed, problem = self._perform(prediction.actions)
        self.outcome = self.environment.outcome()
        turn = Turn(
            screenshot, prediction, performed, problem, frame_time, action_time if performed else None
        )
        self.turns.append(turn)
        if ends_episode(performed):
            self.ending = "answered"
        elif self.outcome.done:
            self.ending = "done"
        elif len(self.turns) >= max_steps:
            self.ending = "out of steps"
        return turn

    def _perform(self, actions: tuple[Action, ...]) -> tuple[tuple[Action, ...], str]:
        """The actions that were carried out, and why the next one was not."""
        performed: list[Action] = []
        for action in actions:
            last = ends_episode((action,))
            try:
                self.screenshot = self.environment.act(action)
            except CannotAct as error:
                # An environment that takes no answers is left when one is given all the same.
                if not last:
                    return tuple(performed), f"not performed: {error}"
            self.frame_time = self.clock()
            performed.append(action)
            if last or self.environment.outcome().done:
                break
        return tuple(performed), ""

    def steps(self) -> list[Step]:
        """The turns in which something was done, as steps of an episode."""
        return [_step(turn) for turn in self.turns if turn.performed]

    def result(self) -> Rollout:
        """The finished episode."""
        steps = tuple(self.steps())
        facts: dict[str, Any] = {
            "task": self.assignment.task,
            "seed": self.assignment.seed,
            "reward": self.outcome.reward,
            "source": SOURCE,
        }
        return Rollout(
            assignment=self.assignment,
            goal=self.goal,
            turns=tuple(self.turns),
            episode=Episode(self.assignment.id, self.goal, steps, facts) if steps else None,
            outcome=self.outcome,
            seconds=self.clock() - self.began,
            final=self.screenshot,
            ending=self.ending,
        )


def _step(turn: Turn) -> Step:
    facts: dict[str, Any] = {
        "answer": turn.prediction.text,
        "frame_time_seconds": turn.frame_time_seconds,
        "action_time_seconds": turn.action_time_seconds,
    }
    if turn.performed != turn.prediction.actions:
        facts["not_performed"] = [
            to_record(action) for action in turn.prediction.actions[len(turn.performed) :]
        ]
    return Step(turn.screenshot, turn.performed, facts=facts)
