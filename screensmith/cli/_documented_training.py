"""`screensmith train --train_csv ...`: the documented options of training on task results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from screensmith.cli._parser import Parser, UsageError


class _Documented(argparse.Action):
    """Keeps the last value of a documented option, apart from the settings' own flags."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Note one option."""
        namespace.documented = {**namespace.documented, self.option_strings[0]: values}


def add_documented(parser: Parser) -> None:
    """The documented options, which only go together with `--train_csv`."""
    from screensmith.config.task_results import BLOCKS, DOCUMENTED

    parser.set_defaults(documented={})
    group = parser.add_argument_group(
        "task results", "the documented options of training on a task_results.csv, with its preset"
    )
    unset: dict[str, Any] = {"dest": argparse.SUPPRESS, "default": argparse.SUPPRESS}
    own = {option for action in parser._actions for option in action.option_strings}
    for option, field in DOCUMENTED.items():
        dashed = option.replace("_", "-")
        flags = [option] if dashed in own else [option, dashed]
        group.add_argument(*flags, action=_Documented, **unset, metavar="VALUE", help=f"sets {field}")
    for option, words in (
        ("--model_path", "folder of the model to start from"),
        ("--model_name", "its name on the hub; counts before --model_path without --use_local"),
    ):
        flags = [option, option.replace("_", "-")]
        group.add_argument(*flags, action=_Documented, **unset, metavar="MODEL", help=words)
    for option, words in (
        ("--use_local", "start from the folder --model_path; nothing is fetched"),
        *((f"--no_{block}", f"leave the {block.replace('_', ' ')} out of the prompt") for block in BLOCKS),
    ):
        flags = [option, option.replace("_", "-")]
        group.add_argument(*flags, action=_Documented, **unset, nargs=0, help=words)


def take_documented(arguments: argparse.Namespace) -> None:
    """Turn documented options into the settings' own, in place.

    Raises:
        UsageError: an option contradicts the same one in its own spelling, or a folder is missing.
    """
    from screensmith.config.task_results import BLOCKS, DOCUMENTED, model_of, without_blocks

    given = arguments.documented
    for option, field in DOCUMENTED.items():
        if option in given:
            _set(arguments, field, given[option], option)
    try:
        model = model_of(
            given.get("--model_path", ""), given.get("--model_name", ""), use_local="--use_local" in given
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    if "--use_local" in given and not Path(model).is_dir():
        raise UsageError(f"--use_local: there is no folder {model}")
    if model:
        _set(arguments, "repo_id", model, "--model_path or --model_name")
    left_out = [block for block in BLOCKS if f"--no_{block}" in given]
    if left_out:
        arguments.prompt_options = without_blocks(left_out, getattr(arguments, "prompt_options", ""))


def refuse_alone(arguments: argparse.Namespace) -> None:
    """Refuse documented options in a run on other data; raises UsageError that names the right flag."""
    from screensmith.config.spellings import TRAIN
    from screensmith.config.task_results import DOCUMENTED

    for option in arguments.documented:
        field = DOCUMENTED.get(option, "prompt_options" if option.startswith("--no_") else "repo_id")
        flag = TRAIN.by_field()[field].flag
        raise UsageError(
            f"{option} belongs to training on --train_csv; for other data did you mean {flag!r}?"
        )


def _set(arguments: argparse.Namespace, field: str, value: str, option: str) -> None:
    if hasattr(arguments, field) and getattr(arguments, field) != value:
        raise UsageError(
            f"{option} and the setting {field} are both given, with different values; keep one"
        )
    setattr(arguments, field, value)
