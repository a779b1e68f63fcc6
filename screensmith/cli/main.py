"""`screensmith COMMAND ...`: finds the command's file, reads the arguments, reports errors in one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from screensmith import __version__, plugins
from screensmith.cli._parser import Parser, UsageError, nearest
from screensmith.cli._settings import add_env_file, find_env_file, pass_on

USAGE_ERROR = 2
INTERRUPTED = 130
# Which extra installs a module that is only needed for a part of the work.
EXTRAS = {
    "streaming": "mds",
    "boto3": "mds",
    "playwright": "browser",
    "miniwob": "browser",
    "wandb": "wandb",
}


class Command(Protocol):
    """One file of this folder."""

    HELP: str

    def add_arguments(self, parser: Parser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit status."""


def command_names() -> list[str]:
    """Every command, as it is typed."""
    return [name.replace("_", "-") for name in plugins.names("cli") if name != "main"]


def load_command(name: str) -> Command:
    """The module of one command; raises UsageError that names the nearest one."""
    known = command_names()
    if name not in known:
        near = nearest(name, {command: command for command in known})
        raise UsageError(f"unknown command {name!r}; did you mean {near!r}? (see `screensmith --help`)")
    command: Command = importlib.import_module(f"screensmith.cli.{name.replace('-', '_')}")
    return command


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command and its arguments, without running it; raises UsageError."""
    command = load_command(words[0])
    parser = Parser(prog=f"screensmith {words[0]}", description=command.HELP)
    command.add_arguments(parser)
    add_env_file(parser)
    return command, parser.read(words[1:])


def overview() -> str:
    """What `screensmith --help` says."""
    width = max(map(len, command_names()))
    lines = [f"  {name:<{width}}  {load_command(name).HELP}" for name in command_names()]
    return "\n".join(
        [
            "usage: screensmith COMMAND [options]",
            "",
            "Turn a vision-language model into a GUI agent: capture, data, train, evaluate, act.",
            "",
            "commands:",
            *lines,
            "",
            "`screensmith COMMAND --help` explains one of them; `screensmith --version` names the version.",
        ]
    )


def explain(error: BaseException) -> str | None:
    """The error as one line for the user, or None when it is a mistake of ours and needs its traceback.

    Explained are our own errors about bad input, files that cannot be reached, and extras that are
    not installed.
    """
    ours = type(error).__module__.startswith("screensmith.")
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, FileNotFoundError) or (
        ours and isinstance(error, ValueError | RuntimeError | OSError)
    ):
        return " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        extra = EXTRAS.get(error.name.partition(".")[0])
        return f"{error.name} is not installed: pip install 'screensmith[{extra}]'" if extra else None
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 for an error that was explained, 130 for Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(overview(), file=sys.stderr)
        return USAGE_ERROR
    if words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] == "--version":
        print(f"screensmith {__version__}")
        return 0
    try:
        command, arguments = parse(words)
        pass_on(find_env_file(arguments))
        return command.run(arguments)
    except KeyboardInterrupt:
        print("screensmith: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left, as `head` does; Python must not write to it while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        message = explain(error)
        if message is None:
            raise
        print(f"screensmith: error: {message}", file=sys.stderr)
        return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
