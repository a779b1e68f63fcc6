"""`screensmith train`: fine-tune a model on recorded episodes, data sets or task results."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from screensmith.cli._documented_training import add_documented, refuse_alone, take_documented
from screensmith.cli._judging import judge_of
from screensmith.cli._logging import set_up_logging
from screensmith.cli._parser import Parser
from screensmith.cli._settings import add_setting_flags, train_settings

HELP = "fine-tune a model on recorded episodes, data sets or task results"


def add_arguments(parser: Parser) -> None:
    """A run file, and one flag for each setting."""
    from screensmith.config.spellings import TRAIN

    parser.add_argument(
        "run_file", nargs="?", type=Path, metavar="RUN.yaml", help="settings in a YAML file"
    )
    add_setting_flags(parser, TRAIN)
    add_documented(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the resolved settings, train, and say where the model lies."""
    take_documented(arguments)
    resolved = train_settings(arguments)
    settings = resolved.settings
    if not settings.train_csv:
        refuse_alone(arguments)
    set_up_logging(settings.loglevel, settings.log_format)
    in_words = settings.log_format == "text"
    if os.environ.get("RANK", "0") == "0":  # launchers start one process for each device
        print(resolved.table() if in_words else resolved.as_json(), flush=True)

    from screensmith.train.run import train

    result = train(settings, judge=judge_of(settings))
    if in_words:
        print(f"data: {result.refused}")
        print(f"trained {result.steps} steps, last loss {result.loss:.4g}: {result.checkpoint}")
    else:
        record = {"event": "trained", "steps": result.steps, "loss": result.loss, "data": result.refused}
        print(json.dumps({**record, "checkpoint": str(result.checkpoint)}, ensure_ascii=False))
    return 0
