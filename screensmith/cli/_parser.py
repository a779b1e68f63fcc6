"""argparse with one kind of error, no abbreviations, and a suggestion for every unknown flag."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


class UsageError(ValueError):
    """A command line that cannot be understood; the message is one line."""


class Parser(argparse.ArgumentParser):
    """The parser of one command; `also_called` maps names of other tools to this command's flags."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.also_called: dict[str, str] = {}

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The parsed command line.

        Raises:
            UsageError: something is missing, wrong or unknown; the nearest flag is named.
        """
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            raise UsageError(self._explain(unknown[0]))
        return arguments

    def _explain(self, word: str) -> str:
        if not word.startswith("-"):
            return f"unexpected argument {word!r} (see `{self.prog} --help`)"
        flag = word.partition("=")[0]
        known = {name: name for action in self._actions for name in action.option_strings}
        near = nearest(flag, {**self.also_called, **known})
        return f"unknown option {flag!r}; did you mean {near!r}? (see `{self.prog} --help`)"


def nearest(word: str, known: Mapping[str, str]) -> str:
    """The value whose key is most like the word; dashes, underscores and case make no difference."""
    plain = {_plain(name): value for name, value in known.items()}
    return plain[difflib.get_close_matches(_plain(word), list(plain), n=1, cutoff=0.0)[0]]


def _plain(word: str) -> str:
    return word.lstrip("-").lower().replace("_", "-")
