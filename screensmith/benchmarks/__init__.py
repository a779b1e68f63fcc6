"""PLUG-IN: what is asked or played, in which words, what counts, and what others published, as one value.

A benchmark file has one function, `benchmark(*, ...)`, that gives a `Benchmark` (a data set and its
metrics) or a `LiveBenchmark` (tasks that are played); its keyword arguments are its options. Laws:

- tests/contracts/test_benchmarks.py: the data set's own answers score best; a benchmark's figures are
  finite or None and name their count; its fixture scores what the fixture says.
- tests/contracts/test_live_benchmarks.py: its environment and words exist; who always succeeds scores 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from screensmith.core.episode import Episode
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample

Score = Callable[[Prediction, Sample], float | None]


@dataclass(frozen=True, slots=True)
class Scored:
    """One sample with its answer and its score in every metric of the benchmark."""

    sample: Sample
    prediction: Prediction
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result, from 0 to 1; None where it never applied.

    `count` is the number of samples, steps, cells or episodes that it is a mean of, in the word of `unit`;
    `hits` counts the full ones where the figure is a proportion, so that it has an interval.
    """

    name: str
    value: float | None
    count: int
    unit: str = "samples"
    hits: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A number that somebody published: the model, the figure it belongs to, its value and its source."""

    model: str
    figure: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How a data set is asked and scored.

    Args:
        name: of the plug-in.
        read: `read(root, refusals=log)` gives its episodes.
        prompt, prompt_options, dialect, dialect_options, history_steps: how it is asked, unless a
            checkpoint was trained to be asked in other words.
        metrics: each score by name, options bound.
        figures: from all scored samples to the result's numbers; one is called `headline`.
        policy: every choice that moves the numbers (edges, rounding, averages), as plain values.
        published: what others reached by these rules.
    """

    name: str
    read: Callable[..., Sequence[Episode]]
    prompt: str
    dialect: str
    metrics: Mapping[str, Score]
    figures: Callable[[Sequence[Scored]], Sequence[Figure]]
    headline: str
    prompt_options: Mapping[str, Any] = field(default_factory=dict)
    dialect_options: Mapping[str, Any] = field(default_factory=dict)
    history_steps: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict)
    published: tuple[Published, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveBenchmark:
    """How tasks of a live environment are played and counted.

    The headline is the mean over the tasks of the share of each task's episodes that succeeded.

    Args:
        name: of the plug-in.
        environment: the plug-in that it is played in.
        tasks: names of the environment's tasks, each once; `tasks_from` says where they are named.
        read_tasks: `read_tasks(root)` gives the tasks that a copy of the benchmark's data set holds.
        episodes: how many of each task.
        max_steps: answers that an episode may use.
        max_steps_of: the same for the tasks that have a limit of their own.
        success_above: the reward that a success is above.
        prompt, prompt_options, dialect, dialect_options, history_steps: how it is asked, unless a
            checkpoint was trained to be asked in other words.
        policy: every other choice that moves the numbers, as plain values.
        published: what others reached by these rules.
    """

    name: str
    environment: str
    tasks: tuple[str, ...]
    tasks_from: str
    read_tasks: Callable[[str], Sequence[str]]
    episodes: int
    max_steps: int
    success_above: float
    prompt: str
    dialect: str
    max_steps_of: Mapping[str, int] = field(default_factory=dict)
    prompt_options: Mapping[str, Any] = field(default_factory=dict)
    dialect_options: Mapping[str, Any] = field(default_factory=dict)
    history_steps: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
