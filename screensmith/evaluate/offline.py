"""Judge a policy on recorded steps: one answer for each sample, one score for each metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from screensmith import plugins
from screensmith.agent.rollout import unreadable_reason
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.sample import Sample

METRICS = ("kind", "click", "text", "whole")
Score = Callable[..., float | None]


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric over many samples: the mean of the samples it applies to, None where it never does.

    `hits` counts the samples with score 1 and is None when a score lies between 0 and 1, because
    then the mean is no proportion.
    """

    metric: str
    mean: float | None
    scored: int
    not_applicable: int
    hits: int | None


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """One sample with its answer and its score in every metric."""

    sample: Sample
    prediction: Prediction
    scores: Mapping[str, float | None]

    @property
    def failed(self) -> bool:
        """Whether any metric that applies is below 1."""
        return any(score is not None and score < 1.0 for score in self.scores.values())


@dataclass(frozen=True, slots=True)
class OfflineResult:
    """How a policy did on recorded steps.

    `unreadable` counts the answers without actions by reason; they score 0. `tasks` repeats the
    metrics for each value of the samples' fact "task", where they have it.
    """

    samples: int
    metrics: Mapping[str, MetricResult]
    unreadable: Mapping[str, int]
    tasks: Mapping[str, Mapping[str, MetricResult]]
    failures: tuple[ScoredSample, ...]

    def mean(self, metric: str) -> float | None:
        """The mean of one metric."""
        return self.metrics[metric].mean


def evaluate_offline(
    policy: BatchPolicy,
    samples: Sequence[Sample],
    *,
    batch: int,
    metrics: Sequence[str] = METRICS,
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> OfflineResult:
    """Ask the policy about every sample and score the answers.

    Args:
        policy: answers a batch of samples, same length and order.
        samples: each with one question that expects actions.
        batch: samples in one call of the policy, at least 1.
        metrics: names of metric plug-ins.
        metric_options: options by metric name, for example {"click": {"limit": 0.1}}.
        on_batch: told after every batch how many samples are done, and of how many.

    Raises:
        ValueError: there are no samples, a sample has no single question with expected actions, or
            the policy answered with another number of predictions than it was asked for.
        screensmith.plugins.UnknownName: there is no such metric or option.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    scorers = _scorers(metrics, metric_options or {})
    _check(samples)
    scored: list[ScoredSample] = []
    for start in range(0, len(samples), batch):
        asked = samples[start : start + batch]
        predictions = policy(asked)
        if len(predictions) != len(asked):
            raise ValueError(f"the policy gave {len(predictions)} answers to {len(asked)} samples")
        for sample, prediction in zip(asked, predictions, strict=True):
            scores = {name: score(prediction, sample) for name, score in scorers.items()}
            scored.append(ScoredSample(sample, prediction, scores))
        if on_batch is not None:
            on_batch(len(scored), len(samples))
    return _summarise(scored, tuple(scorers))


def _scorers(names: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> dict[str, Score]:
    if not names:
        raise ValueError("name at least one metric")
    for name in options:
        if name not in names:
            raise plugins.suggest("metric with options", name, list(names))
    return {name: _scorer(name, options.get(name, {})) for name in names}


def _scorer(name: str, options: Mapping[str, Any]) -> Score:
    score: Score = plugins.load("metrics", name).score
    checked = plugins.check_options(score, options, f"metric {name}")
    return lambda prediction, sample: score(prediction, sample, **checked)


def _check(samples: Sequence[Sample]) -> None:
    if not samples:
        raise ValueError("there are no samples to evaluate: give episodes with steps")
    for sample in samples:
        if len(sample.questions) != 1 or not sample.questions[0].expected:
            raise ValueError(
                f"sample {sample.id}: evaluation needs exactly one question with expected actions, "
                f"got {len(sample.questions)}; make one sample of each question"
            )


def _summarise(scored: Sequence[ScoredSample], names: tuple[str, ...]) -> OfflineResult:
    by_task: dict[str, list[ScoredSample]] = {}
    for one in scored:
        if "task" in one.sample.facts:
            by_task.setdefault(str(one.sample.facts["task"]), []).append(one)
    reasons = Counter(unreadable_reason(one.prediction) for one in scored)
    return OfflineResult(
        samples=len(scored),
        metrics=_metrics(scored, names),
        unreadable={reason: count for reason, count in reasons.most_common() if reason},
        tasks={task: _metrics(by_task[task], names) for task in sorted(by_task)},
        failures=tuple(one for one in scored if one.failed),
    )


def _metrics(scored: Sequence[ScoredSample], names: tuple[str, ...]) -> dict[str, MetricResult]:
    results = {}
    for name in names:
        scores = [score for one in scored if (score := one.scores[name]) is not None]
        proportion = all(score in (0.0, 1.0) for score in scores)
        results[name] = MetricResult(
            metric=name,
            mean=math.fsum(scores) / len(scores) if scores else None,
            scored=len(scores),
            not_applicable=len(scored) - len(scores),
            hits=scores.count(1.0) if proportion else None,
        )
    return results
