"""Both stages on the same samples: asking them, keeping their answers, and scoring those to compare."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._benchmarks import open_benchmark, origin_of
from screensmith.cli._parser import UsageError
from screensmith.cli._progress import counter

if TYPE_CHECKING:
    from screensmith.benchmarks import Benchmark, Figure, Scored
    from screensmith.config.forge import EvaluationSettings, StepsSettings
    from screensmith.core.episode import Episode
    from screensmith.core.refusals import RefusalLog
    from screensmith.core.sample import Sample
    from screensmith.evaluate.benchmark import BenchmarkResult
    from screensmith.evaluate.stages_report import Answered, Part
    from screensmith.model.policy import LoadedPolicy

RIGHT, KIND, PLACE = "right", "kind", "place"
STEPS = "steps"


@dataclass(frozen=True, slots=True)
class Questions:
    """One set of samples and how they are scored."""

    name: str
    heading: str
    what: str
    metric: str
    benchmark: Benchmark
    samples: Sequence[Sample]
    refusals: RefusalLog
    seed: int | None

    def answers_file(self, folder: Path) -> Path:
        """Where the answers of a stage are kept."""
        return folder / f"{self.name}-answers.jsonl"

    def record_file(self, folder: Path) -> Path:
        """Where the numbers of a stage are kept."""
        return folder / f"{self.name}.json"


def questions_of(settings: EvaluationSettings) -> list[Questions]:
    """The samples of a run's evaluation: the benchmark's, and recorded steps where the settings name some.

    Raises:
        UsageError: data is not there, or nothing of it can be used.
        screensmith.plugins.UnknownName: there is no such benchmark, reader or option.
    """
    from screensmith.benchmarks._grounding import HIT
    from screensmith.evaluate.benchmark import cell_of, samples_for

    benchmark = open_benchmark(settings.benchmark, settings.options)
    metric = HIT if HIT in benchmark.metrics else next(iter(benchmark.metrics))
    episodes, refusals = _read(benchmark, settings.data)
    samples = samples_for(
        benchmark, episodes, settings.limit, settings.seed, history_steps=0, cells=cell_of
    )
    seed = settings.seed if settings.limit else None
    what = "grounding" if metric == HIT else benchmark.headline
    found = [
        Questions(
            benchmark.name, f"Benchmark {benchmark.name}", what, metric, benchmark, samples, refusals, seed
        )
    ]
    if settings.steps is not None:
        recorded = steps_benchmark(settings.steps)
        episodes, refusals = _read(recorded, settings.steps.root)
        samples = samples_for(recorded, episodes, settings.steps.limit, settings.seed)
        seed = settings.seed if settings.steps.limit else None
        found.append(
            Questions(STEPS, "Recorded steps", "recorded steps", RIGHT, recorded, samples, refusals, seed)
        )
    return found


def steps_benchmark(settings: StepsSettings) -> Benchmark:
    """Recorded steps as a benchmark: how many are right as a whole, in their kinds, and in their places.

    Raises:
        screensmith.plugins.UnknownName: there is no such reader or option.
    """
    from screensmith import plugins
    from screensmith.benchmarks import Benchmark

    module = plugins.load("readers", settings.reader)
    options = plugins.check_options(module.read, settings.options, f"reader {settings.reader}")
    names = {RIGHT: "whole", KIND: "kind", PLACE: "click"}
    return Benchmark(
        name=STEPS,
        read=functools.partial(module.read, **options),
        prompt="forge",
        dialect="forge",
        metrics={name: plugins.load("metrics", metric).score for name, metric in names.items()},
        figures=_step_figures,
        headline="steps right",
        policy={"places": "in the target's box, or near where none is known", "reader": settings.reader},
    )


def _step_figures(scored: Sequence[Scored]) -> list[Figure]:
    from screensmith.benchmarks._figures import Columns, format_errors, mean

    columns = Columns(scored)
    clusters = columns.episodes.numbers
    return [
        mean("steps right", columns.scores(RIGHT), clusters, unit="steps"),
        mean("kind of action", columns.scores(KIND), clusters, unit="steps"),
        mean("place", columns.scores(PLACE), clusters, unit="steps"),
        format_errors(columns),
    ]


def _read(benchmark: Benchmark, root: str) -> tuple[Sequence[Episode], RefusalLog]:
    from screensmith.core.refusals import RefusalLog

    refusals = RefusalLog()
    try:
        episodes = benchmark.read(root, refusals=refusals)
    except ValueError as problem:  # how readers say that a folder is not what it should be
        raise UsageError(f"evaluation, {benchmark.name}: {problem}") from problem
    if not episodes:
        raise UsageError(f"evaluation: {root}: nothing usable to judge on; {refusals.summary()}")
    return episodes, refusals


def judge(
    policy: LoadedPolicy, every: Sequence[Questions], folder: Path, *, batch: int, trained: str
) -> list[BenchmarkResult]:
    """Ask a stage everything in its own words; answers are kept as they come, so that this can be killed.

    Args:
        policy: the stage's result.
        every: what it is asked.
        folder: for answers, numbers and a report of each.
        batch: samples that are answered at a time.
        trained: what tells this result of the stage from another in the same place.
    """
    return [_judge_on(policy, questions, folder, batch, trained) for questions in every]


def _judge_on(
    policy: LoadedPolicy, questions: Questions, folder: Path, batch: int, trained: str
) -> BenchmarkResult:
    from screensmith.evaluate.answers import AnswersFile
    from screensmith.evaluate.benchmark import run_benchmark, to_record
    from screensmith.evaluate.benchmark_report import BenchmarkReport, write_benchmark_report

    origin = origin_of(policy, policy.card, questions.refusals, questions.seed)
    asked = {
        "benchmark": questions.name,
        "trained": trained,
        "prompt": origin.prompt,
        "dialect": origin.dialect,
        "max_new_tokens": policy.max_new_tokens,
    }
    result = run_benchmark(
        policy,
        questions.benchmark,
        questions.samples,
        batch=batch,
        origin=origin,
        answers=AnswersFile(questions.answers_file(folder), asked),
        on_batch=counter(f"{policy.name}, {questions.name}: samples"),
    )
    text = json.dumps(to_record(result), indent=2, ensure_ascii=False) + "\n"
    questions.record_file(folder).write_text(text, "utf-8")
    title = f"{policy.name}: {questions.heading}"
    report = BenchmarkReport(title, questions.benchmark, result)
    write_benchmark_report(folder / f"{questions.name}.html", report)
    return result


def parts_of(every: Sequence[Questions], folders: Mapping[str, Path]) -> list[Part]:
    """What the stages answered, scored again from their files; `folders` by the stage's name.

    Raises:
        UsageError: an answer is missing.
    """
    from screensmith.evaluate.stages_report import Part

    return [
        Part(
            questions.heading,
            questions.what,
            questions.metric,
            tuple(_answered(questions, name, folder) for name, folder in folders.items()),
        )
        for questions in every
    ]


def _answered(questions: Questions, name: str, folder: Path) -> Answered:
    from screensmith.evaluate.answers import ANSWERS_OF, AnswersFile
    from screensmith.evaluate.benchmark import Origin, score_answers

    path = questions.answers_file(folder)
    with path.open(encoding="utf-8") as file:
        asked = json.loads(file.readline())[ANSWERS_OF]
    found = AnswersFile(path, asked).answered
    missing = [sample.id for sample in questions.samples if sample.id not in found]
    if missing:
        raise UsageError(f"{path} has no answer to {missing[0]}; evaluate the stage again")
    record = json.loads(questions.record_file(folder).read_text("utf-8"))
    origin = Origin(**{one.name: record[one.name] for one in fields(Origin)})
    result = score_answers(
        questions.benchmark,
        questions.samples,
        [found[sample.id] for sample in questions.samples],
        origin=origin,
    )
    return answered(name, result)


def answered(name: str, result: BenchmarkResult) -> Answered:
    """A stage's result with the way to its thoughts, which its prompt knows."""
    from screensmith.evaluate.stages_report import Answered

    return Answered(name, result, _thought_of(result.origin.prompt))


def _thought_of(prompt: str) -> Callable[[str], str]:
    from screensmith import plugins

    unpack: Any = getattr(plugins.load("prompts", prompt.partition("(")[0]), "unpack", None)

    def thought(text: str) -> str:
        return str(unpack(text).thought) if unpack is not None else ""

    return thought
