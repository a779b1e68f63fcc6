"""Benchmarks on the command line: their options, their data, and the words a checkpoint is asked in."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._live import read_options
from screensmith.cli._parser import Parser, UsageError
from screensmith.cli._progress import counter

if TYPE_CHECKING:
    from screensmith.benchmarks import Benchmark, LiveBenchmark
    from screensmith.config.agent_card import AgentCard, Skill
    from screensmith.core.episode import Episode
    from screensmith.core.refusals import RefusalLog
    from screensmith.evaluate.benchmark import BenchmarkResult
    from screensmith.model.policy import LoadedPolicy


def add_benchmark(parser: Parser) -> None:
    """Which benchmark `evaluate` judges on, and how."""
    parser.add_argument(
        "--benchmark",
        metavar="NAME",
        help="score --data by its rules, or play it (miniwob); --option gives its options",
    )
    add_slice(parser)
    parser.add_argument(
        "--answers",
        type=Path,
        metavar="FILE.jsonl",
        help="keep answers as they come; go on where they stop",
    )
    parser.add_argument(
        "--ask-anyway",
        action="store_true",
        help="ask in the benchmark's words even where the checkpoint was not trained in any like them",
    )


def add_slice(parser: Parser) -> None:
    """How many samples."""
    parser.add_argument(
        "--limit", type=_count, default=0, metavar="N", help="a fixed slice of N samples; default: 0, all"
    )


def open_benchmark(name: str, options: Mapping[str, Any]) -> Benchmark:
    """The benchmark plug-in with its options; a wrong name or option names the nearest.

    Raises:
        UsageError: it is one that is played live, and not scored on recorded data.
    """
    from screensmith import plugins
    from screensmith.benchmarks import LiveBenchmark

    make = plugins.load("benchmarks", name).benchmark
    found: Benchmark | LiveBenchmark = make(**plugins.check_options(make, options, f"benchmark {name}"))
    if isinstance(found, LiveBenchmark):
        raise UsageError(f"{name} is played live: screensmith evaluate CHECKPOINT --benchmark {name}")
    return found


def read_data(benchmark: Benchmark, root: str) -> tuple[Sequence[Episode], RefusalLog]:
    """The benchmark's usable episodes, and what was refused."""
    from screensmith.core.refusals import RefusalLog

    refusals = RefusalLog()
    try:
        episodes = benchmark.read(root, refusals=refusals)
    except ValueError as error:  # what readers raise for a data set that is not there, or broken
        raise UsageError(str(error)) from error
    print(f"data: {refusals.summary()}")
    if not episodes:
        raise UsageError(f"{root}: nothing usable to judge on; {refusals.summary()}")
    return episodes, refusals


def judge_on_benchmark(arguments: argparse.Namespace, load: Callable[[], Sequence[LoadedPolicy]]) -> None:
    """Judge the policies that `load` gives, the checkpoint last; print, write and compare the results."""
    benchmark = open_benchmark(arguments.benchmark, read_options(arguments.option))
    episodes, refusals = read_data(benchmark, arguments.data)
    policies = load()
    skills = [skill_of_policy(policy, benchmark, arguments.ask_anyway) for policy in policies]
    results = [
        _judge(policy, skill, benchmark, episodes, refusals, arguments, first=number == 0)
        for number, (policy, skill) in enumerate(zip(policies, skills, strict=True))
    ]
    records = _print(results)
    if arguments.json:
        write_json(arguments.json, records)
    if arguments.report:
        _write_report(arguments.report, f"{arguments.checkpoint}: {benchmark.name}", benchmark, results)


def _write_report(path: Path, title: str, benchmark: Benchmark, results: Sequence[BenchmarkResult]) -> None:
    from screensmith.evaluate.benchmark_report import BenchmarkReport, write_benchmark_report

    other = results[0] if len(results) > 1 else None
    write_benchmark_report(path, BenchmarkReport(title, benchmark, results[-1], other))
    print(f"report: {path}")


def _judge(
    policy: LoadedPolicy,
    skill: Skill,
    benchmark: Benchmark,
    episodes: Sequence[Episode],
    refusals: RefusalLog,
    arguments: argparse.Namespace,
    *,
    first: bool,
) -> BenchmarkResult:
    from screensmith.evaluate.answers import AnswersFile
    from screensmith.evaluate.benchmark import run_benchmark, samples_for

    seed = arguments.first_seed
    samples = samples_for(benchmark, episodes, arguments.limit, seed, history_steps=skill.history_steps)
    origin = origin_of(policy, skill, refusals, seed if arguments.limit else None)
    answers = None
    if arguments.answers:
        path: Path = arguments.answers
        if arguments.compare and first:
            path = path.with_name(f"{path.stem}-compared{path.suffix}")
        asked = {
            "benchmark": benchmark.name,
            "model": origin.model,
            "prompt": origin.prompt,
            "dialect": origin.dialect,
            "history_steps": origin.history_steps,
            "max_new_tokens": policy.max_new_tokens,
        }
        answers = AnswersFile(path, asked)
    return run_benchmark(
        policy if skill is policy.card else policy.speaking(skill),
        benchmark,
        samples,
        batch=arguments.batch_size,
        origin=origin,
        answers=answers,
        on_batch=counter(f"{policy.name}: samples"),
    )


def origin_of(policy: LoadedPolicy, skill: Skill, refusals: RefusalLog, seed: int | None) -> Any:
    """What a result says of where it comes from."""
    from screensmith.evaluate.benchmark import Origin

    return Origin(
        model=policy.name,
        prompt=words(skill.prompt, skill.prompt_options),
        dialect=words(skill.dialect, skill.dialect_options),
        coordinate_frame=skill.coordinate_frame,
        history_steps=skill.history_steps,
        seed=seed,
        refused=dict(refusals.by_reason()),
    )


def words(name: str, options: Mapping[str, Any]) -> str:
    """A plug-in with its options, as an id: `showui(space="aitw")`."""
    if not options:
        return name
    given = ", ".join(f"{key}={json.dumps(value)}" for key, value in sorted(options.items()))
    return f"{name}({given})"


def _print(results: Sequence[BenchmarkResult]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from screensmith.evaluate.benchmark import compare, to_record
    from screensmith.evaluate.benchmark_table import difference_table, result_table

    for result in results:
        print(result_table(result))
        print()
    records = [to_record(result) for result in results]
    if len(results) > 1:
        other, result = results
        differences = compare(result, other)
        print(difference_table(differences, result.origin.model, other.origin.model))
        records.append(
            {
                "evaluation": "comparison",
                "benchmark": result.benchmark,
                "model": result.origin.model,
                "compared_with": other.origin.model,
                "differences": [asdict(one) for one in differences],
            }
        )
    return records


def write_json(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write the numbers and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(records), indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"numbers: {path}")


def skill_of_policy(policy: LoadedPolicy, benchmark: Benchmark, ask_anyway: bool) -> Skill:
    """The words in which a checkpoint is asked: its own for such data, or the benchmark's if wanted.

    Raises:
        UsageError: it was not trained in such words, and `ask_anyway` is not given.
    """
    own = trained_skill(policy.card, benchmark)
    if own is not None:
        return own
    if not ask_anyway:
        known = [policy.card, *policy.card.others.values()]
        raise UsageError(
            f"{policy.name} was trained to be asked as {'; '.join(_as_text(skill) for skill in known)}; "
            f"{benchmark.name} asks as {benchmark.prompt} with "
            f"{words(benchmark.dialect, benchmark.dialect_options)}; "
            "train it on such data, or give --ask-anyway to ask in the benchmark's words"
        )
    return benchmarks_skill(benchmark)


def benchmarks_skill(benchmark: Benchmark | LiveBenchmark) -> Skill:
    """The words that a benchmark asks in by itself."""
    from screensmith.train.sources import skill_of

    return skill_of(
        benchmark.prompt,
        dict(benchmark.prompt_options),
        benchmark.dialect,
        dict(benchmark.dialect_options),
        benchmark.history_steps,
    )


def trained_skill(card: AgentCard, benchmark: Benchmark | LiveBenchmark) -> Skill | None:
    """The checkpoint's skill for a benchmark's data, None where it has none.

    One of the same prompt, dialect and action space counts first; then one that it learned on the data set
    itself in other words.
    """
    from screensmith.data.known_sets import KNOWN_SETS, known_set

    wanted = _kind(benchmark.prompt, benchmark.dialect, benchmark.dialect_options)
    skills: list[Skill] = [card, *card.others.values()]
    alike = [
        skill for skill in skills if _kind(skill.prompt, skill.dialect, skill.dialect_options) == wanted
    ]
    for label, skill in card.others.items():
        name, _, metadata = label.partition("/")
        if name in KNOWN_SETS:
            known = known_set(name, metadata)
            space = benchmark.dialect_options.get("space", known.space)
            if known.reader == benchmark.name and known.space == space and skill not in alike:
                alike.append(skill)
    return alike[0] if alike else None


def _kind(prompt: str, dialect: str, dialect_options: Mapping[str, Any]) -> tuple[str, str, Any]:
    return prompt, dialect, dialect_options.get("space", dialect_options.get("form"))


def _as_text(skill: Skill) -> str:
    return f"{skill.prompt} with {words(skill.dialect, skill.dialect_options)}"


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, at least 0")
    return int(text)
