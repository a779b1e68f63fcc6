"""Judge a policy by letting it act: success for each task in live environments, on fixed seeds."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from screensmith.agent.rollout import Assignment, OnTurn, Rollout, run, unreadable_reason
from screensmith.core.actions import kind_of
from screensmith.core.prediction import BatchPolicy
from screensmith.environments import Environment, startable
from screensmith.evaluate.interval import Interval, wilson
from screensmith.plugins import suggest

NEARLY_FULL = 0.8
DEFAULT_STEPS = 10


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a policy did at one task.

    `successes` counts episodes that the environment ended with a reward above what counts as success (0,
    unless asked otherwise), `nearly_full` those with at least 0.8 (some tasks give part of the reward);
    steps are answers, unreadable included.
    """

    task: str
    seeds: tuple[int, ...]
    successes: int
    nearly_full: int
    mean_reward: float
    mean_steps: float

    @property
    def episodes(self) -> int:
        """How many episodes were played."""
        return len(self.seeds)

    @property
    def success_rate(self) -> float:
        """Successes as a share of the episodes."""
        return self.successes / self.episodes

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the success rate."""
        return wilson(self.successes, self.episodes)


@dataclass(frozen=True, slots=True)
class LiveResult:
    """How a policy did in live environments.

    `unreadable` counts answers without actions by reason, `not_performed` actions by kind that the
    environment could not do, `endings` how the episodes ended; `success_above` is the reward that a
    success is above.
    """

    tasks: Mapping[str, TaskResult]
    unreadable: Mapping[str, int]
    not_performed: Mapping[str, int]
    endings: Mapping[str, int]
    answers: int
    rollouts: tuple[Rollout, ...]
    success_above: float = 0.0

    @property
    def success_rate(self) -> float:
        """The mean of the tasks' success rates."""
        return statistics.fmean(task.success_rate for task in self.tasks.values())

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval over all episodes (every task has the same number of them)."""
        tasks = self.tasks.values()
        return wilson(sum(task.successes for task in tasks), sum(task.episodes for task in tasks))

    @property
    def failures(self) -> tuple[Rollout, ...]:
        """The episodes that were no success, in the order played."""
        return tuple(rollout for rollout in self.rollouts if not is_success(rollout, self.success_above))


def is_success(rollout: Rollout, above: float = 0.0) -> bool:
    """Whether the environment ended the episode with a reward above `above`."""
    return rollout.outcome.done and rollout.outcome.reward > above


def evaluate_live(
    policy: BatchPolicy,
    environments: Sequence[Environment],
    tasks: Sequence[str],
    *,
    episodes_per_task: int,
    first_seed: int,
    history_steps: int,
    max_steps: int,
    on_step: OnTurn | None = None,
) -> LiveResult:
    """Play every task on the seeds `first_seed`, `first_seed + 1`, … and count what succeeded.

    Args:
        policy: answers a batch of samples, same length and order.
        environments: live screens of one kind; more of them make larger batches.
        tasks: names of the environment's tasks, each once.
        episodes_per_task: at least 1.
        first_seed: the first seed of every task; choose seeds that were never recorded.
        history_steps: how many past steps the policy is shown.
        max_steps: answers an episode may use.
        on_step: told of every turn as soon as it ended.

    Raises:
        ValueError: no task or environment, a task twice, or a limit without meaning.
        screensmith.plugins.UnknownName: a task does not exist.
    """
    if not tasks or len(set(tasks)) != len(tasks):
        raise ValueError(f"name at least one task, and each once, got: {', '.join(tasks) or 'none'}")
    if episodes_per_task < 1:
        raise ValueError(f"episodes_per_task must be at least 1, got {episodes_per_task}")
    seeds = range(first_seed, first_seed + episodes_per_task)
    return play(
        policy,
        environments,
        [Assignment(task, seed, max_steps) for task in tasks for seed in seeds],
        history_steps=history_steps,
        on_step=on_step,
    )


def play(
    policy: BatchPolicy,
    environments: Sequence[Environment],
    assignments: Sequence[Assignment],
    *,
    history_steps: int,
    success_above: float = 0.0,
    on_step: OnTurn | None = None,
) -> LiveResult:
    """Play these episodes and count what succeeded.

    Args:
        policy: answers a batch of samples, same length and order.
        environments: live screens of one kind; more of them make larger batches.
        assignments: the episodes; DEFAULT_STEPS answers where they do not say how many.
        history_steps: how many past steps the policy is shown.
        success_above: the reward that a success is above.
        on_step: told of every turn as soon as it ended.

    Raises:
        ValueError: no episode or environment, or a limit without meaning.
        screensmith.plugins.UnknownName: a task does not exist.
    """
    if not environments:
        raise ValueError("live evaluation needs at least one environment")
    if not assignments:
        raise ValueError("live evaluation needs at least one episode")
    known = startable(environments[0])
    for assignment in assignments:
        if known and assignment.task not in known:
            raise suggest("task", assignment.task, list(known))
    rollouts = run(
        policy,
        environments,
        assignments,
        history_steps=history_steps,
        max_steps=DEFAULT_STEPS,
        on_step=on_step,
    )
    return summarise(rollouts, success_above)


def summarise(rollouts: Sequence[Rollout], success_above: float = 0.0) -> LiveResult:
    """Count what rollouts achieved, task by task in order of first appearance."""
    by_task: dict[str, list[Rollout]] = {}
    for rollout in rollouts:
        by_task.setdefault(rollout.assignment.task, []).append(rollout)
    turns = [turn for rollout in rollouts for turn in rollout.turns]
    unreadable = Counter(reason for turn in turns if (reason := unreadable_reason(turn.prediction)))
    not_performed = Counter(
        kind_of(turn.prediction.actions[len(turn.performed)])
        for turn in turns
        if turn.problem and not unreadable_reason(turn.prediction)
    )
    return LiveResult(
        tasks={task: _task_result(task, played, success_above) for task, played in by_task.items()},
        unreadable=dict(unreadable.most_common()),
        not_performed=dict(not_performed.most_common()),
        endings=dict(Counter(rollout.ending for rollout in rollouts).most_common()),
        answers=len(turns),
        rollouts=tuple(rollouts),
        success_above=success_above,
    )


def _task_result(task: str, rollouts: Sequence[Rollout], success_above: float) -> TaskResult:
    return TaskResult(
        task=task,
        seeds=tuple(rollout.assignment.seed for rollout in rollouts),
        successes=sum(is_success(rollout, success_above) for rollout in rollouts),
        nearly_full=sum(
            rollout.outcome.done and rollout.outcome.reward >= NEARLY_FULL for rollout in rollouts
        ),
        mean_reward=statistics.fmean(rollout.outcome.reward for rollout in rollouts),
        mean_steps=statistics.fmean(len(rollout.turns) for rollout in rollouts),
    )
