"""A benchmark for a run that settings describe: scored on the way, or instead of training."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith.cli._benchmarks import open_benchmark, origin_of, trained_skill
from screensmith.cli._parser import UsageError
from screensmith.cli._progress import counter

if TYPE_CHECKING:
    from screensmith.benchmarks import Benchmark
    from screensmith.config.agent_card import Skill
    from screensmith.config.train import TrainSettings
    from screensmith.core.episode import Episode
    from screensmith.core.refusals import RefusalLog
    from screensmith.core.sample import Sample
    from screensmith.data.known_sets import KnownSet
    from screensmith.evaluate.benchmark import BenchmarkResult
    from screensmith.model.policy import LoadedPolicy

logger = logging.getLogger(__name__)
ANSWERED_AT_A_TIME = 16
LONGEST_ANSWER_TOKENS = 128
LONGEST_TASK_ANSWER_TOKENS = 512  # reasons and memories stand beside the action


@dataclass
class BenchmarkJudge:
    """Scores a policy on the slice of a benchmark that a run's settings choose; see `train.judging.Judge`.

    A model that was not trained in words for such data is asked in those that the settings would train.
    """

    benchmark: Benchmark
    episodes: Sequence[Episode]
    refusals: RefusalLog
    settings: TrainSettings
    known: KnownSet
    batch: int = ANSWERED_AT_A_TIME
    longest_answer_tokens: int = LONGEST_ANSWER_TOKENS
    _samples: dict[int, list[Sample]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Benchmark and figure."""
        return f"{self.benchmark.name} {self.benchmark.headline}"

    def __call__(self, policy: LoadedPolicy) -> float | None:
        """The headline."""
        return self.result(policy).score

    def result(self, policy: LoadedPolicy) -> BenchmarkResult:
        """Everything that was measured."""
        from screensmith.evaluate.benchmark import run_benchmark

        settings = self.settings
        skill = self._skill(policy)
        return run_benchmark(
            policy.speaking(skill),
            self.benchmark,
            self._slice(skill.history_steps),
            batch=self.batch,
            origin=origin_of(policy, skill, self.refusals, settings.seed if settings.eval_limit else None),
            on_batch=counter(f"{self.benchmark.name}: samples"),
        )

    def _skill(self, policy: LoadedPolicy) -> Skill:
        from screensmith.train.sources import skill_for

        return trained_skill(policy.card, self.benchmark) or skill_for(self.known, self.settings)

    def _slice(self, history_steps: int) -> list[Sample]:
        from screensmith.evaluate.benchmark import samples_for

        if history_steps not in self._samples:
            limit, seed = self.settings.eval_limit, self.settings.seed
            self._samples[history_steps] = samples_for(
                self.benchmark, self.episodes, limit, seed, history_steps=history_steps
            )
        return self._samples[history_steps]


@dataclass
class TaskJudge:
    """Scores a policy on the tasks that were kept back from a run on task results, with their own memories.

    Step success: the operation's name and target right, and its place where the file knows a box for it.
    """

    episodes: Sequence[Episode]
    batch: int = ANSWERED_AT_A_TIME
    longest_answer_tokens: int = LONGEST_TASK_ANSWER_TOKENS

    @property
    def name(self) -> str:
        """What is judged, and on how much."""
        steps = sum(len(episode.steps) for episode in self.episodes)
        return f"step success on {len(self.episodes)} tasks kept back ({steps} steps)"

    def __call__(self, policy: LoadedPolicy) -> float | None:
        """The share of steps that are right."""
        from screensmith.evaluate.task_results import (
            METRICS,
            STEP,
            TEACHER_FORCED,
            evaluate_task_results,
        )

        result = evaluate_task_results(
            policy,
            self.episodes,
            batch=self.batch,
            modes=(TEACHER_FORCED,),
            on_batch=counter("tasks kept back: answers"),
        )
        return result.modes[TEACHER_FORCED].value(METRICS[STEP])


def judge_of(
    settings: TrainSettings, *, json: str = "", batch: int = ANSWERED_AT_A_TIME
) -> BenchmarkJudge | TaskJudge | None:
    """The judge of a run, with its data read; None where the settings name nothing to judge on.

    Args:
        settings: `eval_benchmark`, `eval_data`, `eval_limit`, the words of the run, the tasks kept back.
        json: the data set's metadata name, "" for the documented ones.
        batch: samples that are answered at a time.

    Raises:
        screensmith.plugins.UnknownName: there is no such benchmark.
        UsageError: its data is not there, or nothing of it can be used.
    """
    if settings.judged_on_tasks:
        return _task_judge(settings)
    if not settings.eval_benchmark:
        return None
    return _benchmark_judge(settings, json, batch)


def _task_judge(settings: TrainSettings) -> TaskJudge | None:
    from screensmith.core.refusals import RefusalLog
    from screensmith.train.examples import split_tasks

    try:
        _, held_out = split_tasks(settings, RefusalLog())  # the run counts and reports what is refused
    except ValueError as problem:
        raise UsageError(f"train_csv: {problem}") from problem
    held_out = _limited(held_out, settings.eval_limit)
    if not held_out:
        logger.warning(
            "held_out_share %g keeps none of the tasks back, so nothing is judged on the way",
            settings.held_out_share,
        )
        return None
    return TaskJudge(held_out)


def _limited(tasks: Sequence[Episode], limit: int) -> Sequence[Episode]:
    """The first tasks, until they have `limit` steps; 0 for all."""
    kept: list[Episode] = []
    steps = 0
    for task in tasks:
        if limit and steps >= limit:
            break
        kept.append(task)
        steps += len(task.steps)
    return kept


def _benchmark_judge(settings: TrainSettings, json: str, batch: int) -> BenchmarkJudge:
    from screensmith.core.refusals import RefusalLog

    benchmark = open_benchmark(settings.eval_benchmark, {"json": json} if json else {})
    known = _known(settings.eval_benchmark, json)
    root = settings.eval_data or str(Path(settings.dataset_dir) / known.folder)
    refusals = RefusalLog()
    try:
        episodes = benchmark.read(root, refusals=refusals)
    except ValueError as problem:  # how readers say that a folder is not what it should be
        raise UsageError(f"{benchmark.name}: {problem}") from problem
    logger.info("%s: %s", benchmark.name, refusals.summary())
    if not episodes:
        raise UsageError(f"{root}: nothing usable to judge on; {refusals.summary()}")
    return BenchmarkJudge(benchmark, episodes, refusals, settings, known, batch)


def _known(reader: str, json: str) -> KnownSet:
    from screensmith.data.known_sets import KNOWN_SETS, known_set

    names = {known.reader: name for name, known in KNOWN_SETS.items()}
    return known_set(names.get(reader, reader), json)
