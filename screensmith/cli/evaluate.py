"""`screensmith evaluate`: how good a checkpoint is, on recorded steps, on live tasks, or on a benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._benchmarks import add_benchmark, judge_on_benchmark, write_json
from screensmith.cli._episodes import READING, place_of, read_episodes
from screensmith.cli._live import (
    ALL_TASKS,
    FIRST_JUDGED_SEED,
    add_answering,
    add_environment,
    at_least_one,
    check_checkpoint,
    open_environment,
    read_tasks,
    seed_number,
    tasks_of,
)
from screensmith.cli._live_benchmark import live_benchmark, play_on_benchmark
from screensmith.cli._parser import Parser, UsageError
from screensmith.cli._progress import counter
from screensmith.cli._settings import add_setting_flags, train_settings
from screensmith.cli._task_results import add_task_results, judge_task_results
from screensmith.cli._task_results import wanted as task_results_wanted

if TYPE_CHECKING:
    from screensmith.config.train import TrainSettings
    from screensmith.core.episode import Episode
    from screensmith.core.refusals import RefusalLog
    from screensmith.environments import Environment
    from screensmith.evaluate.live import LiveResult
    from screensmith.evaluate.offline import OfflineResult
    from screensmith.evaluate.summary import Judged
    from screensmith.model.policy import LoadedPolicy

EPISODES = 20
MAX_NEW_TOKENS = 128
HELP = "score a checkpoint on recorded steps, on live tasks, or on a benchmark"


def add_arguments(parser: Parser) -> None:
    """The checkpoint, what it is judged on, and where the results go."""
    from screensmith.config.spellings import TRAIN

    parser.add_argument("checkpoint", metavar="CHECKPOINT", nargs="?", help="folder with agent.json")
    parser.add_argument("--compare", metavar="CHECKPOINT", help="judge another model beside it")
    parser.add_argument(
        "--data", metavar="DIR", help="folder with MDS episodes, or with the benchmark's data set"
    )
    add_benchmark(parser)
    add_environment(parser)
    parser.add_argument("--task", metavar="NAMES", help="tasks, commas between; all for every one")
    parser.add_argument(
        "--episodes", type=at_least_one, help=f"episodes per task; default: {EPISODES}, or the benchmark's"
    )
    parser.add_argument(
        "--seed",
        type=seed_number,
        default=FIRST_JUDGED_SEED,
        dest="first_seed",
        help=f"first seed of every task, and that of a slice; default: {FIRST_JUDGED_SEED}",
    )
    add_answering(parser)
    add_task_results(parser)
    parser.set_defaults(max_new_tokens=None)  # task results need longer answers than single actions
    parser.add_argument("--parallel", type=at_least_one, default=4, help="live screens; default: 4")
    parser.add_argument(
        "--batch-size", "--batch_size", type=at_least_one, default=16, help="steps at a time; default: 16"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write the report")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON")
    parser.add_argument("--run", type=Path, metavar="RUN.yaml", dest="run_file", help="settings of the run")
    add_setting_flags(
        parser, TRAIN, only=[*(name for name in READING if name != "local"), "held_out_share"]
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge one or two checkpoints and print them side by side."""
    if task_results_wanted(arguments):
        judge_task_results(arguments)
        return 0
    if not arguments.checkpoint:
        raise UsageError("which model? give CHECKPOINT, or --model-path with --test-csv and --output-dir")
    arguments.max_new_tokens = arguments.max_new_tokens or MAX_NEW_TOKENS
    if arguments.benchmark:
        live = live_benchmark(arguments)
        if live is not None:
            play_on_benchmark(live, arguments, lambda: _policies(arguments))
            return 0
        _check_benchmark(arguments)
        judge_on_benchmark(arguments, lambda: _policies(arguments))
        return 0
    if arguments.limit or arguments.answers or arguments.ask_anyway:
        raise UsageError("--limit, --answers and --ask-anyway belong to --benchmark NAME")
    arguments.episodes = arguments.episodes or EPISODES
    if arguments.data:
        arguments.local = arguments.data
    settings = train_settings(arguments).settings
    on_data = bool(arguments.data or getattr(arguments, "remote", ""))
    if not on_data and not arguments.environment:
        raise UsageError("nothing to judge on: give --data DIR, --environment NAME --task NAMES, or both")
    tasks = read_tasks(arguments.task) if arguments.environment else []
    episodes, refusals = _held_out(settings) if on_data else ([], None)

    from screensmith.evaluate.report import Report, write_report
    from screensmith.evaluate.summary import text_table

    with ExitStack() as stack:
        screens = _open_screens(stack, tasks, arguments)
        tasks = tasks_of(screens[0], tasks) if tasks else []
        policies = _policies(arguments)
        judged = [_judge(policy, episodes, screens, tasks, arguments) for policy in policies]
    print(text_table(judged))
    if arguments.json:
        records = _records(policies, judged, arguments, settings, refusals)
        write_json(arguments.json, records)
    if arguments.report:
        trained = judged[-1]
        report = Report(
            title=f"{arguments.checkpoint}: evaluation",
            trained=trained,
            untrained=judged[0] if len(judged) > 1 else None,
            settings=policies[-1].card.model_dump(mode="json"),
            losses=_losses(Path(arguments.checkpoint)),
        )
        write_report(arguments.report, report)
        print(f"report: {arguments.report}")
    return 0


def _check_benchmark(arguments: argparse.Namespace) -> None:
    """Refuse what a benchmark does not go together with."""
    if not arguments.data:
        raise UsageError("--benchmark needs --data DIR, the folder of its data set")
    if arguments.environment:
        raise UsageError("--benchmark stands for itself: leave --environment away")


def _held_out(settings: TrainSettings) -> tuple[Sequence[Episode], RefusalLog]:
    from screensmith.data.split import split_episodes

    episodes, refusals = read_episodes(settings)
    print(f"data: {refusals.summary()}")
    if settings.held_out_share:
        _, episodes = split_episodes(episodes, settings.held_out_share, settings.seed)
    if not episodes:
        raise UsageError(f"{place_of(settings)}: no usable episodes to judge on; {refusals.summary()}")
    return episodes, refusals


def _policies(arguments: argparse.Namespace) -> list[LoadedPolicy]:
    """What is judged, the checkpoint itself last."""
    from screensmith.config import agent_card
    from screensmith.model.policy import load_policy

    asking = {"device": arguments.device, "max_new_tokens": arguments.max_new_tokens}
    policy = load_policy(check_checkpoint(arguments.checkpoint), **asking)
    if not arguments.compare:
        return [policy]
    compared = check_checkpoint(arguments.compare)
    own = agent_card.read(Path(compared))
    # A model without a card, such as an untrained one, is asked in the same words.
    return [load_policy(compared, card=None if own else policy.card, **asking), policy]


def _judge(
    policy: LoadedPolicy,
    episodes: Sequence[Episode],
    screens: Sequence[Environment],
    tasks: list[str],
    arguments: argparse.Namespace,
) -> Judged:
    from screensmith.evaluate.summary import Judged

    offline = _offline(policy, episodes, arguments) if episodes else None
    live = _live(policy, screens, tasks, arguments) if tasks else None
    return Judged(policy.name, offline, live)


def _offline(
    policy: LoadedPolicy, episodes: Sequence[Episode], arguments: argparse.Namespace
) -> OfflineResult:
    from screensmith.data.samples import samples_of
    from screensmith.evaluate.offline import evaluate_offline

    samples = samples_of(episodes, history_steps=policy.card.history_steps)
    return evaluate_offline(
        policy, samples, batch=arguments.batch_size, on_batch=counter(f"{policy.name}: steps")
    )


def _open_screens(stack: ExitStack, tasks: list[str], arguments: argparse.Namespace) -> list[Environment]:
    """Live screens to play on together, closed with the stack; none without tasks."""
    most = len(tasks) * arguments.episodes if tasks != [ALL_TASKS] else arguments.parallel
    count = min(arguments.parallel, most)
    return [stack.enter_context(open_environment(arguments)) for _ in range(count)]


def _live(
    policy: LoadedPolicy, screens: Sequence[Environment], tasks: list[str], arguments: argparse.Namespace
) -> LiveResult:
    from screensmith.evaluate.live import evaluate_live

    most_answers = len(tasks) * arguments.episodes * arguments.steps
    count = counter(f"{policy.name}: answers, at most")
    answers = iter(range(1, most_answers + 1))
    return evaluate_live(
        policy,
        screens,
        tasks,
        episodes_per_task=arguments.episodes,
        first_seed=arguments.first_seed,
        history_steps=policy.card.history_steps,
        max_steps=arguments.steps,
        on_step=lambda *_: count(next(answers), most_answers),
    )


def _records(
    policies: Sequence[LoadedPolicy],
    judged: Sequence[Judged],
    arguments: argparse.Namespace,
    settings: TrainSettings,
    refusals: RefusalLog | None,
) -> list[dict[str, Any]]:
    from screensmith.evaluate.summary import Identity, live_record, offline_record

    records = []
    for policy, one in zip(policies, judged, strict=True):
        card = policy.card
        identity = Identity(
            one.name, card.prompt, card.dialect, card.coordinate_frame, card.data_fingerprints
        )
        if one.offline is not None:
            refused = dict(refusals.by_reason()) if refusals is not None else {}
            records.append(offline_record(one.offline, identity, refused=refused, seed=settings.seed))
        if one.live is not None:
            records.append(
                live_record(
                    one.live,
                    identity,
                    environment=arguments.environment,
                    max_steps=arguments.steps,
                    history_steps=card.history_steps,
                )
            )
    return records


def _losses(checkpoint: Path) -> list[dict[str, Any]]:
    """What the run that wrote the checkpoint logged, where it lies beside it."""
    from screensmith.train.trackers import METRICS_FILE, read_metrics

    return list(read_metrics(checkpoint.resolve().parent / METRICS_FILE))
