"""`screensmith showui`: train or evaluate by the command lines that ShowUI documents."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._benchmarks import write_json
from screensmith.cli._judging import BenchmarkJudge, judge_of
from screensmith.cli._logging import set_up_logging
from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.config.showui import ShowuiRun
    from screensmith.model.policy import LoadedPolicy

HELP = "train or evaluate by the options of ShowUI's documented command lines"


class _AsWritten(argparse.Action):
    """Keeps the words of the command line in their order, for `config.showui` to read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Note one option."""
        name = self.option_strings[0]
        namespace.words = [*namespace.words, name if values is None else f"{name}={values}"]


def add_arguments(parser: Parser) -> None:
    """Every option of ShowUI's, and the settings of ours that it had none for."""
    from screensmith.config.showui_options import ALSO_CALLED, OWN, groups
    from screensmith.config.train import TrainSettings

    parser.set_defaults(words=[])
    for group in groups():
        section = parser.add_argument_group(group.title)
        for option in group.options:
            words = f"{option.here} [there {option.default or 'none'}]"
            _add(section, option.name, words, flag=option.kind == "flag")
    section = parser.add_argument_group("Settings of ours")
    for name in OWN:
        field = TrainSettings.model_fields[name]
        _add(section, name, str(field.description), flag=field.annotation is bool)
    parser.also_called |= {also: f"--{name}" for also, name in ALSO_CALLED.items()}


def _add(section: argparse._ArgumentGroup, name: str, words: str, *, flag: bool) -> None:
    flags = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
    section.add_argument(
        *flags,
        action=_AsWritten,
        dest=argparse.SUPPRESS,
        metavar="VALUE",
        nargs="?" if flag else None,
        help=words.replace("%", "%%"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what the command line means here, then train or evaluate."""
    from screensmith.config.showui import showui_settings

    asked = showui_settings(arguments.words)
    settings = asked.settings
    set_up_logging(settings.loglevel, settings.log_format)
    first = os.environ.get("RANK", "0") == "0"  # launchers start one process for each device
    if first:
        _print_run(asked)
    if asked.wandb_key:
        os.environ["WANDB_API_KEY"] = asked.wandb_key
    if asked.eval_only:
        return _evaluate(asked) if first else 0
    return _train(asked, first)


def _print_run(asked: ShowuiRun) -> None:
    if asked.settings.log_format == "json":
        print(asked.resolved.as_json())
        for note in asked.notes:
            print(json.dumps({"event": "note", "note": note}, ensure_ascii=False))
    else:
        print(asked.resolved.table())
        print("".join(f"note: {note}\n" for note in asked.notes), end="")
    sys.stdout.flush()


def _train(asked: ShowuiRun, first: bool) -> int:
    from screensmith.train.checkpoint import unfinished
    from screensmith.train.run import train

    settings = asked.settings
    if asked.must_resume and not unfinished(Path(settings.output)):
        raise UsageError(f"--resume: {settings.output} holds no checkpoint that a run can go on from")
    result = train(settings, judge=judge_of(settings, json=asked.val_json, batch=asked.val_batch_size))
    if first and settings.log_format == "json":
        record = {"event": "trained", "steps": result.steps, "loss": result.loss, "data": result.refused}
        print(json.dumps({**record, "checkpoint": str(result.checkpoint)}, ensure_ascii=False))
    elif first:
        print(f"data: {result.refused}")
        print(f"trained {result.steps} steps, last loss {result.loss:.4g}: {result.checkpoint}")
    return 0


def _evaluate(asked: ShowuiRun) -> int:
    from screensmith.evaluate.benchmark import to_record
    from screensmith.evaluate.benchmark_table import result_table

    settings = asked.settings
    judge = judge_of(settings, json=asked.val_json, batch=asked.val_batch_size)
    assert isinstance(judge, BenchmarkJudge)  # noqa: S101 - such a command line names a benchmark
    result = judge.result(_policy(asked, judge))
    print(result_table(result))
    name = f"evaluation-{result.benchmark}.json"
    write_json(Path(settings.output) / name, [to_record(result)])
    return 0


def _policy(asked: ShowuiRun, judge: BenchmarkJudge) -> LoadedPolicy:
    """The checkpoint, or a plain model with the words and image sizes of the command line."""
    import torch

    from screensmith.config.agent_card import AgentCard
    from screensmith.model.load import load_model
    from screensmith.model.policy import LoadedPolicy, best_device
    from screensmith.train.sources import skill_for

    settings, device = asked.settings, best_device()
    loaded = load_model(settings.repo_id, dtype=torch.float32 if device == "cpu" else None, device=device)
    card = loaded.card
    if card is None:
        card = AgentCard(
            **skill_for(judge.known, settings).model_dump(),
            family=loaded.family.name,
            min_pixels=settings.min_pixels,
            max_pixels=settings.max_pixels,
        )
    return LoadedPolicy(loaded, card, max_new_tokens=asked.max_new_tokens)
