"""PLUG-IN: a data set on disk or in a bucket becomes a sequence of episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import ParamSpec

from screensmith.core.episode import Episode

Options = ParamSpec("Options")


def whole(stream: Callable[Options, Iterator[Episode]]) -> Callable[Options, Sequence[Episode]]:
    """A reader's `read` from its `stream`, which has the same options: all episodes at once."""

    @wraps(stream)
    def read(*arguments: Options.args, **options: Options.kwargs) -> Sequence[Episode]:
        return tuple(stream(*arguments, **options))

    return read
