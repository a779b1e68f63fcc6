"""Reading recorded episodes for commands that look at them or judge on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from screensmith.config.train import TrainSettings
    from screensmith.core.episode import Episode
    from screensmith.core.refusals import RefusalLog

# The settings that decide which episodes are read, and how.
READING = ("local", "remote", "cache", "endpoint", "pair", "max_lag_seconds")


def read_episodes(settings: TrainSettings) -> tuple[Sequence[Episode], RefusalLog]:
    """The usable episodes where the settings point, and what was refused."""
    from screensmith import plugins
    from screensmith.core.refusals import RefusalLog

    refusals = RefusalLog()
    episodes: Sequence[Episode] = plugins.load("readers", "mds").read(
        settings.local,
        remote=settings.remote,
        cache=settings.cache,
        endpoint=settings.endpoint,
        pair=settings.pair,
        max_lag_seconds=settings.max_lag_seconds,
        refusals=refusals,
    )
    return episodes, refusals


def place_of(settings: TrainSettings) -> str:
    """Where the episodes come from, for messages."""
    return settings.remote or settings.local
