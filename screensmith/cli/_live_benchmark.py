"""Benchmarks that are played live, on the command line."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from screensmith.cli._benchmarks import benchmarks_skill, trained_skill, words, write_json
from screensmith.cli._live import ALL_TASKS, open_environment, read_options, read_tasks
from screensmith.cli._parser import UsageError
from screensmith.cli._progress import counter

if TYPE_CHECKING:
    from screensmith.benchmarks import LiveBenchmark
    from screensmith.config.agent_card import Skill
    from screensmith.environments import Environment
    from screensmith.evaluate.live_benchmark import LiveBenchmarkResult, Program
    from screensmith.model.policy import LoadedPolicy

DEFAULT_STEPS = 10


def live_benchmark(arguments: argparse.Namespace) -> LiveBenchmark | None:
    """The benchmark that the arguments name, None where it is one of recorded data.

    Raises:
        screensmith.plugins.UnknownName: there is no such benchmark, or it has no such option.
        UsageError: the arguments do not go together with one that is played.
    """
    from screensmith import plugins
    from screensmith.benchmarks import LiveBenchmark

    make = plugins.load("benchmarks", arguments.benchmark).benchmark
    options = read_options(arguments.option)
    found = make(**plugins.check_options(make, options, f"benchmark {arguments.benchmark}"))
    if not isinstance(found, LiveBenchmark):
        return None
    if arguments.environment or arguments.report or arguments.limit or arguments.answers:
        raise UsageError(
            f"--benchmark {found.name} is played live by its own rules: leave --environment, --report, "
            "--limit and --answers away"
        )
    if arguments.steps != DEFAULT_STEPS:
        raise UsageError(f"--benchmark {found.name} says itself how many answers an episode may use")
    return found


def play_on_benchmark(
    benchmark: LiveBenchmark, arguments: argparse.Namespace, load: Callable[[], Sequence[LoadedPolicy]]
) -> None:
    """Let the policies that `load` gives play, the checkpoint last; print, write and compare results."""
    from screensmith.evaluate.live_benchmark import live_benchmark_record
    from screensmith.evaluate.live_benchmark_table import live_benchmark_table

    asked = argparse.Namespace(**{**vars(arguments), "environment": benchmark.environment, "option": []})
    with ExitStack() as stack:
        screens = [stack.enter_context(open_environment(asked))]
        program = _program(benchmark, screens[0], arguments)
        more = min(arguments.parallel, len(program.assignments)) - 1
        screens += [stack.enter_context(open_environment(asked)) for _ in range(more)]
        policies = load()
        results = [_play(policy, program, screens, arguments) for policy in policies]
    for result in results:
        print(live_benchmark_table(result))
        print()
    records: list[dict[str, Any]] = [live_benchmark_record(result) for result in results]
    if len(results) > 1:
        records.append(_compare(results[1], results[0]))
    if arguments.json:
        write_json(arguments.json, records)


def _program(benchmark: LiveBenchmark, screen: Environment, arguments: argparse.Namespace) -> Program:
    from screensmith.environments import startable
    from screensmith.evaluate.live_benchmark import program_of

    tasks = read_tasks(arguments.task) if arguments.task else []
    try:
        return program_of(
            benchmark,
            startable(screen),
            seed=arguments.first_seed,
            root=arguments.data or "",
            tasks=[] if tasks == [ALL_TASKS] else tasks,
            episodes=arguments.episodes,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _play(
    policy: LoadedPolicy, program: Program, screens: Sequence[Environment], arguments: argparse.Namespace
) -> LiveBenchmarkResult:
    from screensmith.evaluate.benchmark import Origin
    from screensmith.evaluate.live_benchmark import play_benchmark

    skill = _skill(policy, program.benchmark, ask_anyway=arguments.ask_anyway)
    most = sum(episode.max_steps or 0 for episode in program.assignments)
    count, answers = counter(f"{policy.name}: answers, at most"), itertools.count(1)
    return play_benchmark(
        policy if skill is policy.card else policy.speaking(skill),
        program,
        screens,
        history_steps=skill.history_steps,
        origin=Origin(
            model=policy.name,
            prompt=words(skill.prompt, skill.prompt_options),
            dialect=words(skill.dialect, skill.dialect_options),
            coordinate_frame=skill.coordinate_frame,
        ),
        on_step=lambda *_: count(next(answers), most),
    )


def _skill(policy: LoadedPolicy, benchmark: LiveBenchmark, *, ask_anyway: bool) -> Skill:
    """The words a checkpoint is asked in: those it learned for such data, else its own first ones.

    A live screen takes whatever action an answer holds, so that any words will do; `ask_anyway` asks in the
    benchmark's even where the checkpoint never learned them.
    """
    own = trained_skill(policy.card, benchmark)
    if own is not None:
        return own
    if not ask_anyway:
        return policy.card
    return benchmarks_skill(benchmark)


def _compare(result: LiveBenchmarkResult, other: LiveBenchmarkResult) -> dict[str, Any]:
    from screensmith.evaluate.benchmark_table import difference_table
    from screensmith.evaluate.live_benchmark import compare_live

    names = result.result.origin.model, other.result.origin.model
    differences = compare_live(result, other)
    print(difference_table(differences, *names))
    return {
        "evaluation": "comparison",
        "benchmark": result.result.benchmark,
        "model": names[0],
        "compared_with": names[1],
        "differences": [asdict(one) for one in differences],
    }
