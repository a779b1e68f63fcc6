"""`screensmith quickstart`: learn from the recorded episodes in this repository, then use a browser."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith.cli._live import FIRST_JUDGED_SEED, at_least_one
from screensmith.cli._logging import set_up_logging
from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.config.train import TrainSettings
    from screensmith.core.episode import Episode
    from screensmith.environments import Environment
    from screensmith.evaluate.summary import Judged
    from screensmith.model.policy import LoadedPolicy

HELP = "learn from episodes recorded in a real browser, then operate one"
RUN_FILE = Path("examples/quickstart/run.yaml")
SCREENS = 12
BATCH = 32
LONGEST_ANSWER_TOKENS = 64
MOST_ANSWERS = 6


def add_arguments(parser: Parser) -> None:
    """Where the run file lies, and how much is judged live."""
    parser.add_argument("--run", type=Path, default=RUN_FILE, dest="run_file", metavar="RUN.yaml")
    parser.add_argument(
        "--episodes", type=at_least_one, default=25, help="live episodes per task; default: 25"
    )
    parser.add_argument("--max-steps", type=at_least_one, help="optimizer steps, fewer than the run file's")


def run(arguments: argparse.Namespace) -> int:
    """Train, judge the model before and after, write the report, and say it in one line."""
    settings = _settings(arguments)
    set_up_logging("INFO", "text")
    started = time.monotonic()

    from screensmith.train.run import train

    result = train(settings)
    print(f"trained {result.steps} steps in {time.monotonic() - started:.0f} s: {result.checkpoint}")
    episodes, held_out = _episodes(settings)
    tasks = sorted({str(episode.facts["task"]) for episode in episodes})
    before, after = _policies(settings, result.checkpoint)
    with ExitStack() as stack:
        screens, skipped = _screens(stack)
        judged = [
            _judge(policy, name, held_out, screens, tasks, arguments.episodes)
            for name, policy in (("untrained", before), ("trained", after))
        ]
    report = Path(settings.output) / "report.html"
    _write_report(report, judged, settings, skipped)
    print(f"whole quickstart: {time.monotonic() - started:.0f} s")
    print(_last_line(judged[0], judged[1], report, skipped))
    return 0


def _settings(arguments: argparse.Namespace) -> TrainSettings:
    """The run file's settings alone, so that a `.env` made for other runs does not change this one."""
    from screensmith.config.load import load_train_settings

    if not arguments.run_file.is_file():
        raise UsageError(f"{arguments.run_file} does not exist: run this in a clone of the repository")
    given = {"max_steps": str(arguments.max_steps)} if arguments.max_steps else {}
    resolved = load_train_settings(given, run_file=arguments.run_file, environment={}, env_file=None)
    print(resolved.table(), flush=True)
    settings = resolved.settings
    folder = Path(settings.output) / datetime.now().strftime("%Y%m%d-%H%M%S")
    return settings.model_copy(update={"output": str(folder)})


def _episodes(settings: TrainSettings) -> tuple[Sequence[Episode], Sequence[Episode]]:
    """All usable episodes, and those the run did not learn from."""
    from screensmith.cli._episodes import read_episodes
    from screensmith.data.split import split_episodes

    episodes, _ = read_episodes(settings)
    return episodes, split_episodes(episodes, settings.held_out_share, settings.seed)[1]


def _policies(settings: TrainSettings, checkpoint: Path) -> tuple[LoadedPolicy, LoadedPolicy]:
    """The model before and after, asked in the same words."""
    from screensmith.model.policy import load_policy

    after = load_policy(str(checkpoint), max_new_tokens=LONGEST_ANSWER_TOKENS)
    before = load_policy(settings.repo_id, card=after.card, max_new_tokens=LONGEST_ANSWER_TOKENS)
    return before, after


def _screens(stack: ExitStack) -> tuple[list[Environment], str]:
    """Live screens, or none and why."""
    from screensmith import plugins
    from screensmith.environments._chromium import ChromiumMissing

    miniwob = plugins.load("environments", "miniwob")
    try:
        return [stack.enter_context(miniwob.open()) for _ in range(SCREENS)], ""
    except ChromiumMissing as missing:
        print(f"live: skipped, {missing}")
        return [], str(missing)


def _judge(
    policy: LoadedPolicy,
    name: str,
    held_out: Sequence[Episode],
    screens: Sequence[Environment],
    tasks: Sequence[str],
    episodes: int,
) -> Judged:
    from screensmith.data.samples import samples_of
    from screensmith.evaluate.live import evaluate_live
    from screensmith.evaluate.offline import evaluate_offline
    from screensmith.evaluate.summary import Judged

    history = policy.card.history_steps
    print(f"judging the {name} model", flush=True)
    offline = evaluate_offline(policy, samples_of(held_out, history_steps=history), batch=BATCH)
    if not screens:
        return Judged(name, offline)
    live = evaluate_live(
        policy,
        screens,
        tasks,
        episodes_per_task=episodes,
        first_seed=FIRST_JUDGED_SEED,
        history_steps=history,
        max_steps=MOST_ANSWERS,
    )
    return Judged(name, offline, live)


def _write_report(path: Path, judged: Sequence[Judged], settings: TrainSettings, skipped: str) -> None:
    from screensmith.evaluate.report import Report, write_report
    from screensmith.evaluate.summary import text_table
    from screensmith.train.trackers import METRICS_FILE, read_metrics

    print(text_table(judged))
    report = Report(
        title="screensmith quickstart",
        trained=judged[1],
        untrained=judged[0],
        settings=settings.model_dump(mode="json"),
        losses=read_metrics(Path(settings.output) / METRICS_FILE),
        live_skipped=skipped,
    )
    write_report(path, report)


def _last_line(before: Judged, after: Judged, report: Path, skipped: str) -> str:
    held_out = f"held-out actions {_actions(after)} (untrained {_actions(before)})"
    if skipped or before.live is None or after.live is None:
        return f"quickstart: live skipped (no browser), {held_out}, report {report}"
    live = (
        f"live success {after.live.success_rate:.0%} (untrained {before.live.success_rate:.0%}) "
        f"over {len(after.live.tasks)} tasks"
    )
    return f"quickstart: {live}, {held_out}, report {report}"


def _actions(judged: Judged) -> str:
    value = judged.offline.metrics["whole"].mean if judged.offline is not None else None
    return "none" if value is None else f"{value:.0%}"
