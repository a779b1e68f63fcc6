"""Settings as flags: from the table of spellings to argparse, and from argparse to checked settings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.config.capture import CaptureSettings
    from screensmith.config.load import Resolved
    from screensmith.config.spellings import Table
    from screensmith.config.train import TrainSettings

ENV_FILE = Path(".env")


def add_setting_flags(parser: Parser, table: Table, only: Collection[str] = ()) -> None:
    """One flag for each setting, or for the fields in `only`.

    Flags that are not given leave no trace in the result, so that the other places count.
    """
    from screensmith.config.spellings import ALSO_CALLED
    from screensmith.config.values import allowed, show_default

    group = parser.add_argument_group("settings", "also as a variable in the environment or in .env")
    spellings = [item for item in table.spellings if not only or item.field in only]
    for spelling in spellings:
        field = table.model.model_fields[spelling.field]
        default = show_default(table.model, spelling.field) or "empty"
        words = f"{field.description}; {allowed(field)} [{spelling.variable}, default {default}]"
        options: dict[str, Any] = {"dest": spelling.field, "default": argparse.SUPPRESS}
        words = words.replace("%", "%%")
        if field.annotation is bool:
            opposite = "--no-" + spelling.flag.removeprefix("--")
            group.add_argument(spelling.flag, action="store_const", const="true", help=words, **options)
            group.add_argument(
                opposite, action="store_const", const="false", help=argparse.SUPPRESS, **options
            )
        else:
            group.add_argument(spelling.flag, metavar="VALUE", help=words, **options)
    flags = {item.field: item.flag for item in spellings}
    parser.also_called |= {name: flags[field] for name, field in ALSO_CALLED.items() if field in flags}
    parser.also_called |= {name: item.flag for item in spellings for name in (item.field, item.variable)}


def add_env_file(parser: Parser) -> None:
    """The flag that names another `.env`."""
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="read this instead of ./.env")


def train_settings(arguments: argparse.Namespace) -> Resolved[TrainSettings]:
    """The settings of `train`, from every place they can be written in."""
    from screensmith.config.load import load_train_settings
    from screensmith.config.spellings import TRAIN

    return load_train_settings(
        given_flags(arguments, TRAIN),
        run_file=arguments.run_file,
        environment=os.environ,
        env_file=find_env_file(arguments),
    )


def capture_settings(arguments: argparse.Namespace) -> Resolved[CaptureSettings]:
    """The settings of `capture`, from every place they can be written in."""
    from screensmith.config.load import load_capture_settings
    from screensmith.config.spellings import CAPTURE

    return load_capture_settings(
        given_flags(arguments, CAPTURE), environment=os.environ, env_file=find_env_file(arguments)
    )


def given_flags(arguments: argparse.Namespace, table: Table) -> dict[str, str]:
    """The settings that stand on the command line, by field name."""
    fields = table.by_field()
    return {name: value for name, value in vars(arguments).items() if name in fields}


def find_env_file(arguments: argparse.Namespace) -> Path | None:
    """The `.env` that was named, or the one in the current folder, or None."""
    named: Path | None = arguments.env_file
    if named is not None:
        if not named.is_file():
            raise UsageError(f"--env-file: there is no file {named}")
        return named
    return ENV_FILE if ENV_FILE.is_file() else None


def pass_on(env_file: Path | None) -> None:
    """Hand variables of a `.env` that are meant for libraries (AWS_*, HF_*, WANDB_*) to them.

    Settings of our own stay out, so that their source is still known to be the file.
    """
    if env_file is None:
        return
    from screensmith.config.load import read_env_file
    from screensmith.config.spellings import CAPTURE, TRAIN

    ours = TRAIN.by_variable().keys() | CAPTURE.by_variable().keys()
    for name, value in read_env_file(env_file).items():
        if name not in ours and value:
            os.environ.setdefault(name, value)
