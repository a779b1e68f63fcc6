"""Task results on the command line: `evaluate --model_path M --test_csv F --output_dir D`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._live import at_least_one, check_checkpoint
from screensmith.cli._parser import Parser, UsageError
from screensmith.cli._progress import counter

if TYPE_CHECKING:
    from screensmith.compute.phases import ComputeLog
    from screensmith.core.episode import Episode
    from screensmith.core.prediction import BatchPolicy, Prediction
    from screensmith.core.refusals import RefusalLog
    from screensmith.core.sample import Sample
    from screensmith.evaluate.task_results import TaskResults
    from screensmith.model.policy import LoadedPolicy
    from screensmith.model.task_policy import TaskPolicy

BOTH = "both"
MODES = {
    BOTH: ("teacher_forced", "propagated"),
    "teacher-forced": ("teacher_forced",),
    "propagated": ("propagated",),
}
BLOCKS = ("grounding", "short_term_memory", "long_term_memory")
MAX_NEW_TOKENS = 512
REFUSED = "refused.jsonl"


def add_model(parser: Parser | argparse._ArgumentGroup, *, required: bool = False) -> None:
    """Which model is asked."""
    parser.add_argument(
        "--model-path",
        "--model_path",
        metavar="MODEL",
        required=required,
        help="checkpoint, adapter or plain model: a folder, or a hub's owner/name",
    )
    parser.add_argument(
        "--base-model-name",
        "--base_model_name",
        metavar="MODEL",
        help="of an adapter: put it onto this model instead of the one it names",
    )
    parser.add_argument(
        "--use-local",
        "--use_local",
        action="store_true",
        help="the model must lie on this machine; nothing is fetched",
    )


def add_task_results(parser: Parser) -> None:
    """What `evaluate` needs to judge a model on task results."""
    group = parser.add_argument_group("task results")
    add_model(group)
    group.add_argument(
        "--test-csv", "--test_csv", metavar="FILE", help="judge --model-path on this task_results.csv"
    )
    group.add_argument(
        "--output-dir", "--output_dir", type=Path, metavar="DIR", help="predictions, numbers and report"
    )
    group.add_argument(
        "--image-dir",
        "--image_dir",
        dest="images_in",
        default="",
        metavar="DIR",
        help="of the images; default: the file's",
    )
    group.add_argument(
        "--max-tasks", "--max_tasks", type=at_least_one, metavar="N", help="only the first N tasks"
    )
    # Not called as the setting of training, which is read from wherever a flag of its name is found.
    group.add_argument(
        "--task-start",
        "--task_start",
        type=int,
        dest="first_task",
        metavar="N",
        help="from this task number on",
    )
    group.add_argument(
        "--task-end", "--task_end", type=int, dest="last_task", metavar="N", help="to this one, included"
    )
    group.add_argument(
        "--mode",
        choices=MODES,
        default=BOTH,
        help="whose memory is shown: the file's, the model's own, or both side by side; default: both",
    )
    for block in BLOCKS:
        words = block.replace("_", " ")
        group.add_argument(
            f"--no-{block.replace('_', '-')}",
            f"--no_{block}",
            dest=f"no_{block}",
            action="store_true",
            help=f"leave out the {words}: not the prompt of training, and the result says so",
        )


def wanted(arguments: argparse.Namespace) -> bool:
    """Whether task results are to be judged; raises UsageError where something for that is missing."""
    only_here = {"--test-csv": arguments.test_csv, "--output-dir": arguments.output_dir}
    if not arguments.model_path:
        given = [flag for flag, value in only_here.items() if value]
        if given:
            raise UsageError(f"{given[0]} needs --model-path, the model that is judged")
        return False
    missing = [flag for flag, value in only_here.items() if not value]
    if missing:
        raise UsageError(f"--model-path needs {' and '.join(missing)}, too")
    if arguments.checkpoint:
        raise UsageError("give CHECKPOINT or --model-path, not both")
    return True


def judge_task_results(arguments: argparse.Namespace) -> None:
    """Judge the model on the file's tasks, and write predictions, numbers, report and compute report."""
    from screensmith.compute.phases import ComputeLog
    from screensmith.compute.report import write_reports

    check_checkpoint(arguments.model_path)
    log = ComputeLog()
    with log.phase("evaluate"):
        episodes, refusals, fingerprint = _read(arguments)
        found = load(arguments, {block: False for block in BLOCKS if getattr(arguments, f"no_{block}")})
        for warning in found.warnings:
            print(f"note: {warning}")
        result = _judge(found, episodes, refusals, fingerprint, arguments, log)
        _write(arguments.output_dir, result, refusals, f"{arguments.model_path}: task results")
    written = write_reports(
        arguments.output_dir, log, title=f"evaluate {arguments.model_path} on {arguments.test_csv}"
    )
    print(f"compute report: {written.page}")


def load(arguments: argparse.Namespace, prompt_options: dict[str, Any]) -> TaskPolicy:
    """The model that the arguments name."""
    from screensmith.model.task_policy import load_task_policy

    return load_task_policy(
        arguments.model_path,
        arguments.base_model_name,
        device=arguments.device,
        max_new_tokens=arguments.max_new_tokens or MAX_NEW_TOKENS,
        prompt_options=prompt_options,
        local=arguments.use_local,
    )


def _read(arguments: argparse.Namespace) -> tuple[list[Episode], RefusalLog, str]:
    from screensmith.core.refusals import RefusalLog
    from screensmith.readers import task_results

    refusals = RefusalLog()
    options = {
        "images": arguments.images_in,
        "task_start": arguments.first_task,
        "task_end": arguments.last_task,
    }
    try:
        stream = task_results.stream(arguments.test_csv, **options, refusals=refusals)
        episodes = list(islice(stream, arguments.max_tasks))
        fingerprint = task_results.fingerprint(arguments.test_csv, **options)
    except ValueError as error:  # what readers raise for a file that is not there, or broken
        raise UsageError(str(error)) from error
    print(f"data: {refusals.summary()}")
    if not episodes:
        raise UsageError(f"{arguments.test_csv}: no usable tasks to judge on; {refusals.summary()}")
    return episodes, refusals, fingerprint


def _judge(
    found: TaskPolicy,
    episodes: Sequence[Episode],
    refusals: RefusalLog,
    fingerprint: str,
    arguments: argparse.Namespace,
    log: ComputeLog,
) -> TaskResults:
    from screensmith.cli._benchmarks import words
    from screensmith.evaluate.benchmark import Origin
    from screensmith.evaluate.task_results import check_leaks, evaluate_task_results

    modes, skill = MODES[arguments.mode], found.skill
    check_leaks(episodes, found.speaker.conversation, modes=modes)
    origin = Origin(
        model=found.policy.name,
        prompt=words(skill.prompt, skill.prompt_options),
        dialect=words(skill.dialect, skill.dialect_options),
        coordinate_frame=skill.coordinate_frame,
        refused=dict(refusals.by_reason()),
    )
    asked = {
        "test_csv": str(arguments.test_csv),
        "fingerprint": fingerprint,
        "tasks_asked_for": _range(arguments),
        "base_model": found.base,
        "trained_prompt": found.trained,
        "left_out": [block for block in BLOCKS if getattr(arguments, f"no_{block}")],
        "max_new_tokens": found.policy.max_new_tokens,
    }
    return evaluate_task_results(
        _measured(found.policy, log),
        episodes,
        batch=arguments.batch_size,
        modes=modes,
        origin=origin,
        asked=asked,
        warnings=found.warnings,
        on_batch=counter(f"{found.policy.name}: answers"),
    )


def _range(arguments: argparse.Namespace) -> str:
    parts = [
        f"{words} {number}"
        for words, number in (
            ("from", arguments.first_task),
            ("to", arguments.last_task),
            ("at most", arguments.max_tasks),
        )
        if number is not None
    ]
    return ", ".join(parts) or "all"


def _measured(policy: LoadedPolicy, log: ComputeLog) -> BatchPolicy:
    """The policy, its time, tokens and operations charged to the phase "infer"."""

    def asked(samples: Sequence[Sample]) -> list[Prediction]:
        before = policy.spent
        with log.phase("infer"):
            predictions = policy(samples)
            spent = policy.spent - before
            log.count(
                samples=len(samples),
                images=spent.images,
                tokens=spent.tokens,
                operations=spent.operations,
            )
        return predictions

    return asked


def _write(folder: Path, result: TaskResults, refusals: RefusalLog, title: str) -> None:
    from screensmith.evaluate._task_results_files import write_files
    from screensmith.evaluate._task_results_page import write_page

    written = [*write_files(folder, result), write_page(folder, result, title)]
    if len(refusals):
        refusals.write(folder / REFUSED)
        written.append(folder / REFUSED)
    print(_table(result))
    for path in written:
        print(f"wrote {path}")


def _table(result: TaskResults) -> str:
    """The figures of the modes side by side, with their intervals."""
    from screensmith.evaluate.summary import interval_text, percent

    modes = list(result.modes.values())
    rows = [["", *(mode.mode.replace("_", "-") for mode in modes)]]
    for measured in modes[0].figures:
        name = measured.figure.name
        cells = []
        for mode in modes:
            one = mode.measured(name)
            ends = interval_text(one.interval)
            text = f"{percent(one.figure.value)}{f' [{ends}]' if ends else ''} N={one.figure.count}"
            cells.append(text)
        rows.append([name, *cells])
    rows.append(["cut answers", *(str(mode.cut) for mode in modes)])
    rows.append(["unreadable answers", *(str(sum(mode.unreadable.values())) for mode in modes)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
