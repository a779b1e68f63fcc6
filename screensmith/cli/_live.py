"""Arguments and objects of commands that use a live screen."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.environments import Environment

# Seeds that are recorded and seeds that are judged on do not meet unless someone asks for it.
FIRST_RECORDED_SEED = 0
ALL_TASKS = "all"
FIRST_JUDGED_SEED = 1_000_000


def add_environment(parser: Parser | argparse._ArgumentGroup) -> None:
    """Which environment, and its options."""
    parser.add_argument("--environment", metavar="NAME", help="for example miniwob")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the environment or benchmark, the value as JSON; may be repeated",
    )
    parser.add_argument("--headed", action="store_true", help="show the browser's window")


def add_answering(parser: Parser) -> None:
    """How the model is asked."""
    parser.add_argument(
        "--steps", type=at_least_one, default=10, help="most answers of an episode; default: 10"
    )
    parser.add_argument(
        "--max-new-tokens", type=at_least_one, default=128, help="longer answers are cut off; default: 128"
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or mps; default: the fastest there is")


def open_environment(arguments: argparse.Namespace, **more: Any) -> Environment:
    """The environment that the arguments name; a wrong option names the nearest."""
    from screensmith import plugins

    module = plugins.load("environments", arguments.environment)
    options = {**read_options(arguments.option), **more}
    if arguments.headed:
        options["headless"] = False
    environment: Environment = module.open(
        **plugins.check_options(module.open, options, f"environment {arguments.environment}")
    )
    return environment


def check_task(environment: Environment, task: str) -> None:
    """Refuse a task that the environment does not have, before anything takes time."""
    from screensmith import plugins
    from screensmith.environments import startable

    known = startable(environment)
    if known and task not in known:
        raise plugins.suggest("task", task, list(known))


def tasks_of(environment: Environment, names: list[str]) -> list[str]:
    """The named tasks, each of which the environment has; "all" alone is every one."""
    from screensmith.environments import startable

    if names == [ALL_TASKS] and environment.tasks:
        return sorted(startable(environment))
    for name in names:
        check_task(environment, name)
    return names


def check_checkpoint(name: str) -> str:
    """The name, when it can be a checkpoint: a folder, or a hub's "owner/name"."""
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or name.startswith("."):
        raise UsageError(f"there is no checkpoint folder {name}; `screensmith train` writes them")
    return name


def read_options(words: list[str]) -> dict[str, Any]:
    """`name=value` pairs; a value that is no JSON is taken as text."""
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {word!r}: expected NAME=VALUE")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


def read_tasks(text: str | None) -> list[str]:
    """Task names with commas between, or "all"; each must be named once."""
    tasks = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not tasks:
        raise UsageError("--environment needs --task NAME[,NAME...]")
    if len(set(tasks)) != len(tasks):
        raise UsageError("--task names a task twice")
    return tasks


def at_least_one(text: str) -> int:
    """A whole number from 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, at least 1")
    return number


def seed_number(text: str) -> int:
    """A whole number from 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, at least 0")
    return int(text)
