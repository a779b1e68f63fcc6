"""A policy on a benchmark that is played: fixed tasks and seeds, its limits, and a mean over the tasks."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from screensmith.agent.rollout import Assignment, OnTurn, unreadable_reason
from screensmith.benchmarks import Figure, LiveBenchmark
from screensmith.benchmarks._figures import FORMAT_ERRORS, labels, mean, mean_of_means
from screensmith.core.prediction import BatchPolicy
from screensmith.environments import Environment
from screensmith.evaluate._resampling import Difference, interval_of
from screensmith.evaluate.benchmark import BenchmarkResult, Measured, Origin, compare, to_record
from screensmith.evaluate.live import LiveResult, is_success, play

HEADLINE = "mean of tasks"
PLAYED = "mean of the tasks played"
SEEDS = range(1_000_000, 2_000_000)
"""Where seeds are drawn from: none that recording uses, unless someone asks for it."""
NOT_PLAYABLE = "episodes of tasks that cannot be played here"


@dataclass(frozen=True, slots=True)
class Program:
    """Which episodes of a live benchmark are played.

    Args:
        benchmark: whose rules count.
        tasks: those that count, in the order of the table; `source` says where they come from.
        absent: those of them that the environment cannot start; they count as failed.
        episodes: of each task.
        seed: which seeds are drawn; see `seeds_of`.
        departures: in what this is not the benchmark's whole protocol, in words.
    """

    benchmark: LiveBenchmark
    tasks: tuple[str, ...]
    source: str
    absent: tuple[str, ...]
    episodes: int
    seed: int
    departures: tuple[str, ...]

    @property
    def assignments(self) -> list[Assignment]:
        """The episodes, task by task."""
        rules = self.benchmark
        return [
            Assignment(task, seed, rules.max_steps_of.get(task, rules.max_steps))
            for task in self.tasks
            if task not in self.absent
            for seed in seeds_of(task, self.episodes, self.seed)
        ]


@dataclass(frozen=True, slots=True)
class LiveBenchmarkResult:
    """How one model did: `result` as of any benchmark, one sample for each answer, and how it was played.

    In `result`, `data_hash` is of the tasks, seeds and goals that were met, and `origin.refused` counts the
    episodes that could not be played.
    """

    program: Program
    result: BenchmarkResult
    live: LiveResult


def seeds_of(task: str, count: int, seed: int) -> tuple[int, ...]:
    """A task's seeds, each once: they depend on the task and on `seed` alone, and more begin with fewer."""
    drawn = random.Random(f"{seed}:{task}")  # noqa: S311 - repeatable, not secret
    found: dict[int, None] = {}
    while len(found) < count:
        found[drawn.choice(SEEDS)] = None
    return tuple(found)


def program_of(
    benchmark: LiveBenchmark,
    playable: Sequence[str],
    *,
    seed: int,
    root: str = "",
    tasks: Sequence[str] = (),
    episodes: int | None = None,
) -> Program:
    """What is to be played.

    Args:
        benchmark: the rules.
        playable: the tasks that the environment can start.
        seed: which seeds are drawn.
        root: folder with the benchmark's data set, whose tasks count instead of those listed here.
        tasks: only these of them, for a part of the protocol; all where none is named.
        episodes: of each task, None for the protocol's number.

    Raises:
        ValueError: a named task is not one of the benchmark's, cannot be played, or is named twice, none
            can be played, or `episodes` is below 1.
    """
    count = benchmark.episodes if episodes is None else episodes
    if count < 1:
        raise ValueError(f"episodes must be at least 1, got {count}")
    protocol = tuple(benchmark.read_tasks(root)) if root else benchmark.tasks
    source = root or benchmark.tasks_from
    chosen = _chosen(benchmark, protocol, playable, tasks) if tasks else protocol
    absent = tuple(task for task in chosen if task not in playable)
    if len(absent) == len(chosen):
        raise ValueError(f"{benchmark.name}: none of its tasks can be played: {', '.join(absent)}")
    departures = []
    if len(chosen) != len(protocol):
        departures.append(f"{len(chosen)} of its {len(protocol)} tasks")
    if absent:
        departures.append(f"{', '.join(absent)} cannot be played here and count as failed")
    if count != benchmark.episodes:
        departures.append(f"{count} episodes of each task, not {benchmark.episodes}")
    return Program(benchmark, chosen, source, absent, count, seed, tuple(departures))


def _chosen(
    benchmark: LiveBenchmark, protocol: Sequence[str], playable: Sequence[str], tasks: Sequence[str]
) -> tuple[str, ...]:
    if len(set(tasks)) != len(tasks):
        raise ValueError(f"name each task once, got: {', '.join(tasks)}")
    for task in tasks:
        if task not in protocol:
            raise ValueError(f"{task} is no task of {benchmark.name}; its tasks are {', '.join(protocol)}")
        if task not in playable:
            raise ValueError(f"{task} of {benchmark.name} cannot be played here")
    return tuple(task for task in protocol if task in tasks)


def play_benchmark(
    policy: BatchPolicy,
    program: Program,
    environments: Sequence[Environment],
    *,
    history_steps: int,
    origin: Origin | None = None,
    on_step: OnTurn | None = None,
) -> LiveBenchmarkResult:
    """Play a live benchmark and count by its rules.

    Args:
        policy: answers a batch of samples, same length and order.
        program: which episodes, and the rules.
        environments: live screens of the benchmark's environment.
        history_steps: how many steps before the one asked about the policy is shown.
        origin: what the result says of where it comes from; its seed, history and refused episodes are set.
        on_step: told of every turn as soon as it ended.
    """
    benchmark = program.benchmark
    if history_steps != benchmark.history_steps:
        words = f"{history_steps} steps of history are shown, not {benchmark.history_steps}"
        program = replace(program, departures=(*program.departures, words))
    live = play(
        policy,
        environments,
        program.assignments,
        history_steps=history_steps,
        success_above=benchmark.success_above,
        on_step=on_step,
    )
    missing = len(program.absent) * program.episodes
    result = BenchmarkResult(
        benchmark=benchmark.name,
        headline=HEADLINE,
        samples=live.answers,
        figures=tuple(Measured(figure, *interval_of(figure)) for figure in figures(program, live)),
        unreadable=live.unreadable,
        data_hash=_hash(live),
        policy=rules_of(program),
        published=benchmark.published,
        origin=replace(
            origin or Origin(),
            seed=program.seed,
            history_steps=history_steps,
            refused={NOT_PLAYABLE: missing} if missing else {},
        ),
    )
    return LiveBenchmarkResult(program, result, live)


def figures(program: Program, live: LiveResult) -> list[Figure]:
    """The mean of the tasks, each task, all episodes, and how many answers were of no use."""
    known = {task: number for number, task in enumerate(program.tasks)}
    lost = [known[task] for task in program.absent for _ in range(program.episodes)]
    played = [known[rollout.assignment.task] for rollout in live.rollouts]
    tasks = np.array([*played, *lost], np.int64)
    won = [float(is_success(rollout, live.success_above)) for rollout in live.rollouts]
    scores = np.array([*won, *(0.0 for _ in lost)])
    own = np.arange(len(tasks))
    there = own < len(played)
    found: list[Figure] = [mean_of_means(HEADLINE, scores, tasks, own, unit="tasks")]
    if lost:
        found.append(mean_of_means(PLAYED, scores, tasks, own, unit="tasks", where=there))
    found.append(mean("episodes played", scores, own, where=there, unit="episodes"))
    found += [
        mean(task, scores, own, where=(tasks == number) & there, unit="episodes")
        for task, number in known.items()
        if task not in program.absent
    ]
    turns = [(rollout.assignment.id, turn) for rollout in live.rollouts for turn in rollout.turns]
    useless = np.array([bool(unreadable_reason(turn.prediction)) for _, turn in turns], np.float64)
    found.append(mean(FORMAT_ERRORS, useless, labels(id for id, _ in turns).numbers, unit="answers"))
    return found


def rules_of(program: Program) -> dict[str, Any]:
    """Every choice that moves the number, as plain values."""
    benchmark = program.benchmark
    limits = {
        task: benchmark.max_steps_of[task] for task in program.tasks if task in benchmark.max_steps_of
    }
    return {
        **benchmark.policy,
        "success_above": benchmark.success_above,
        "episodes": program.episodes,
        "max_steps": benchmark.max_steps,
        **({"max_steps_of": limits} if limits else {}),
        "tasks": program.source,
    }


def _hash(live: LiveResult) -> str:
    """A hash of which episodes were met, equal where tasks, seeds and goals are."""
    digest = hashlib.blake2b(digest_size=8)
    for rollout in live.rollouts:
        digest.update(f"{rollout.assignment.id}\0{rollout.goal}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def compare_live(result: LiveBenchmarkResult, other: LiveBenchmarkResult) -> list[Difference]:
    """How much better `result` is than `other`, episode by episode on the same seeds, headline first.

    Raises:
        ValueError: they did not meet the same episodes under the same rules.
    """
    return compare(result.result, other.result)


def live_benchmark_record(played: LiveBenchmarkResult) -> dict[str, Any]:
    """A result as plain JSON values, with every seed and how every episode ended."""
    program, live = played.program, played.live
    record = to_record(played.result)
    record["answers"] = record.pop("samples")
    return record | {
        "evaluation": "live benchmark",
        "environment": program.benchmark.environment,
        "episodes": len(live.rollouts),
        "whole_protocol": not program.departures,
        "departures": list(program.departures),
        "not_playable": list(program.absent),
        "not_performed": dict(live.not_performed),
        "endings": dict(live.endings),
        "tasks": {task: dataclasses.asdict(found) for task, found in live.tasks.items()},
        "played": [
            {
                "task": rollout.assignment.task,
                "seed": rollout.assignment.seed,
                "success": is_success(rollout, live.success_above),
                "reward": rollout.outcome.reward,
                "answers": len(rollout.turns),
                "ending": rollout.ending,
            }
            for rollout in live.rollouts
        ],
    }
