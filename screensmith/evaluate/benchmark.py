"""A policy on a benchmark: its answers, scored by the benchmark's rules, and what moves the number."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from screensmith.agent.rollout import unreadable_reason
from screensmith.benchmarks import Benchmark, Figure, Published, Scored
from screensmith.benchmarks._figures import episode_of
from screensmith.core.actions import Action, Click
from screensmith.core.episode import Episode
from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.sample import Sample
from screensmith.data.samples import samples_of
from screensmith.evaluate._asking import answers_of
from screensmith.evaluate._bulk import many_objects
from screensmith.evaluate._resampling import Difference, comparable, difference, interval_of
from screensmith.evaluate.answers import AnswersFile
from screensmith.evaluate.interval import Interval

CUT_OFF = "answer cut off"
"""The problem of an answer that reached the largest number of tokens; see `model.policy`."""

NUMBERS = struct.Struct("<8d")
NO_BOX, NO_PLACE = (-1.0, -1.0, -1.0, -1.0), (-1.0, -1.0)
ONLY_HISTORY = "only_history"
"""Fact of a step that is no row of its data set, only history that another row carries; see the readers."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result's samples and answers come from, for whoever wants the number again.

    Args:
        model: who answered.
        prompt, dialect: how it was asked, with every option; "" where the answers came from elsewhere.
        coordinate_frame: how it wrote places.
        history_steps: how many steps before the one asked about it was shown.
        seed: which chose the slice; None where everything was asked.
        refused: what never became a sample, counted by reason.
    """

    model: str = ""
    prompt: str = ""
    dialect: str = ""
    coordinate_frame: str = ""
    history_steps: int = 0
    seed: int | None = None
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure with its 95 % interval, and how that was found (None and "" where nothing can be said)."""

    figure: Figure
    interval: Interval | None
    method: str


class HasFigures:
    """What results have in common."""

    __slots__ = ()
    figures: tuple[Measured, ...]
    unreadable: Mapping[str, int]

    @property
    def cut(self) -> int:
        """Answers that were cut off."""
        return self.unreadable.get(CUT_OFF, 0)

    def measured(self, name: str) -> Measured:
        """One figure by its name; raises KeyError."""
        for one in self.figures:
            if one.figure.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class BenchmarkResult(HasFigures):
    """How one model did on one benchmark.

    `unreadable` counts the answers without actions by reason, those cut off included; they score 0.
    `data_hash` is of the samples that were scored: their ids, goals, expected actions, targets and sizes.
    `scored` holds every sample with its answer, for a report; the record leaves it out.
    """

    benchmark: str
    headline: str
    samples: int
    figures: tuple[Measured, ...]
    unreadable: Mapping[str, int]
    data_hash: str
    policy: Mapping[str, Any]
    published: tuple[Published, ...]
    origin: Origin
    scored: tuple[Scored, ...] = field(default=(), compare=False, repr=False)

    @property
    def score(self) -> float | None:
        """The headline's value."""
        return self.measured(self.headline).figure.value


def samples_for(
    benchmark: Benchmark,
    episodes: Sequence[Episode],
    limit: int,
    seed: int,
    *,
    history_steps: int | None = None,
    cells: Callable[[Episode], object] | None = None,
) -> list[Sample]:
    """The samples of a fixed slice, in the data's order.

    Whole episodes are taken, in an order that depends on the seed and on their ids alone, until there
    are at least `limit` samples: exactly `limit` where every episode has one step. A slice is part of
    every larger one of the same seed.

    Args:
        benchmark: says how much of the past is shown, unless `history_steps` does.
        episodes: of the benchmark's data set.
        limit: how many samples, 0 for all.
        seed: which slice.
        history_steps: of the skill that is asked, None for the benchmark's own.
        cells: a slice holds of each of these groups of episodes as large a share as the data does, and at
            least one where it is large enough; None takes episodes whatever they are.
    """
    shown = benchmark.history_steps if history_steps is None else history_steps
    if not limit or sum(len(episode.steps) for episode in episodes) <= limit:
        return _asked(episodes, shown)
    chosen: set[int] = set()
    count = 0
    for number in _in_order(episodes, seed, cells):
        if count >= limit:
            break
        chosen.add(number)
        count += len(episodes[number].steps)
    kept = [episode for number, episode in enumerate(episodes) if number in chosen]
    return _asked(kept, shown)


def _in_order(
    episodes: Sequence[Episode], seed: int, cells: Callable[[Episode], object] | None
) -> list[int]:
    """The numbers of the episodes, those first that the smallest slices hold."""
    places = {number: _place(episode.id, seed) for number, episode in enumerate(episodes)}
    order = sorted(places, key=places.__getitem__)
    if cells is None:
        return order
    members: dict[object, list[int]] = {}
    for number in order:
        members.setdefault(cells(episodes[number]), []).append(number)
    # The k-th of n in its cell stands at k/n, so that every beginning of the order takes equal shares.
    shares = {one: k / len(cell) for cell in members.values() for k, one in enumerate(cell)}
    return sorted(order, key=shares.__getitem__)


def cell_of(episode: Episode) -> tuple[str, str]:
    """The cell of a grounding benchmark that an episode lies in: platform (or group) and type."""
    facts = {**episode.facts, **(episode.steps[0].facts if episode.steps else {})}
    return str(facts.get("group") or facts.get("platform", "")), str(facts.get("data_type", ""))


def _asked(episodes: Sequence[Episode], history_steps: int) -> list[Sample]:
    """Every step but those that are no row of the data set, only the history that another row carries."""
    samples = samples_of(episodes, history_steps=history_steps)
    return [sample for sample in samples if not sample.facts.get(ONLY_HISTORY)]


def _place(id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{id}".encode(), digest_size=16).digest()


def run_benchmark(
    policy: BatchPolicy,
    benchmark: Benchmark,
    samples: Sequence[Sample],
    *,
    batch: int,
    origin: Origin | None = None,
    answers: AnswersFile | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> BenchmarkResult:
    """Ask the policy about every sample and score the answers by the benchmark's rules.

    Args:
        policy: answers a batch of samples, same length and order.
        benchmark: whose metrics and figures count.
        samples: for example from `samples_for`.
        batch: samples in one call of the policy, at least 1.
        origin: what the result says of where it comes from.
        answers: keeps each answer as it comes; samples that it already has an answer to are not asked.
        on_batch: told after every batch how many samples are answered, and of how many.

    Raises:
        ValueError: there are no samples, or the policy gave another number of answers than asked for.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    found: dict[str, Prediction] = dict(answers.answered) if answers is not None else {}
    open_samples = [sample for sample in samples if sample.id not in found]
    done = len(samples) - len(open_samples)
    for start in range(0, len(open_samples), batch):
        asked = open_samples[start : start + batch]
        predictions = answers_of(policy, asked)
        for sample, prediction in zip(asked, predictions, strict=True):
            found[sample.id] = prediction
        if answers is not None:
            answers.add((sample.id for sample in asked), predictions)
        if on_batch is not None:
            on_batch(done + start + len(asked), len(samples))
    return score_answers(benchmark, samples, [found[sample.id] for sample in samples], origin=origin)


def score_answers(
    benchmark: Benchmark,
    samples: Sequence[Sample],
    predictions: Sequence[Prediction],
    *,
    origin: Origin | None = None,
) -> BenchmarkResult:
    """Score answers that are already there, one for each sample in the same order.

    Raises:
        ValueError: there are no samples, or two have the same id.
    """
    if not samples:
        raise ValueError(f"{benchmark.name}: there are no samples to score")
    if len({sample.id for sample in samples}) != len(samples):
        raise ValueError(f"{benchmark.name}: two samples have the same id")
    metrics = tuple(benchmark.metrics.items())
    with many_objects():
        scored = [
            Scored(sample, prediction, {name: score(prediction, sample) for name, score in metrics})
            for sample, prediction in zip(samples, predictions, strict=True)
        ]
    reasons = Counter(filter(None, map(unreadable_reason, predictions)))
    return BenchmarkResult(
        benchmark=benchmark.name,
        headline=benchmark.headline,
        samples=len(samples),
        figures=tuple(Measured(figure, *interval_of(figure)) for figure in benchmark.figures(scored)),
        unreadable=dict(reasons.most_common()),
        data_hash=hash_of(samples),
        policy=dict(benchmark.policy),
        published=benchmark.published,
        origin=origin or Origin(),
        scored=tuple(scored),
    )


def hash_of(samples: Sequence[Sample]) -> str:
    """A hash of what is asked and expected, equal for the same slice of the same data."""
    digest = hashlib.blake2b(digest_size=8)
    for sample in samples:
        question, size = sample.questions[0], sample.screenshot.size
        box = question.target
        edges = NO_BOX if box is None else (box.left, box.top, box.right, box.bottom)
        place, words = _place_and_words(question.expected)
        digest.update(NUMBERS.pack(size.width, size.height, *edges, *place))
        text = f"{sample.id}\0{sample.goal}\0{question.ask}\0{words}\n"
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _place_and_words(actions: Sequence[Action]) -> tuple[tuple[float, float], str]:
    """A plain click as its place, for most are one and numbers are written fast; all else as words."""
    if len(actions) == 1 and isinstance(click := actions[0], Click) and click.button == "left":
        return (click.at.x, click.at.y), str(click.count)
    return NO_PLACE, repr(actions)


def compare(result: BenchmarkResult, other: BenchmarkResult) -> list[Difference]:
    """How much better `result` is than `other` in every figure that both have values for, headline first.

    Raises:
        ValueError: they are not results on the same samples under the same rules.
    """
    if (result.benchmark, result.data_hash) != (other.benchmark, other.data_hash):
        raise ValueError("two results can only be compared on the same samples of the same benchmark")
    if dict(result.policy) != dict(other.policy):
        raise ValueError("two results can only be compared under the same rules")
    both = zip(result.figures, other.figures, strict=True)
    pairs = [
        (one.figure, another.figure) for one, another in both if comparable(one.figure, another.figure)
    ]
    pairs.sort(key=lambda pair: pair[0].name != result.headline)
    return [difference(*pair) for pair in pairs]


def to_record(result: BenchmarkResult) -> dict[str, Any]:
    """A result as plain JSON values."""
    return {
        "evaluation": "benchmark",
        "benchmark": result.benchmark,
        **asdict(replace(result.origin, refused=dict(result.origin.refused))),
        "samples": result.samples,
        "data_hash": result.data_hash,
        "unreadable": dict(result.unreadable),
        "cut": result.cut,
        "policy": dict(result.policy),
        "headline": result.headline,
        "score": result.score,
        "figures": {one.figure.name: _figure_record(one) for one in result.figures},
        "published": [asdict(one) for one in result.published],
    }


def _figure_record(one: Measured) -> dict[str, Any]:
    figure = one.figure
    return {
        "value": figure.value,
        "count": figure.count,
        "unit": figure.unit,
        "hits": figure.hits,
        "interval_95": None if one.interval is None else [one.interval.low, one.interval.high],
        "interval_method": one.method,
    }


def episodes_of(samples: Sequence[Sample]) -> int:
    """How many episodes the samples are steps of."""
    return len({episode_of(sample) for sample in samples})
