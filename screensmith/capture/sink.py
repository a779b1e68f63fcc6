"""Where finished episodes go."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from screensmith.core.episode import Episode


class EpisodeSink(Protocol):
    """A store of episodes in a folder; what `append` was given is safely kept when it returns."""

    @property
    def out(self) -> Path:
        """The store's folder."""

    def append(self, episode: Episode) -> object:
        """Keep one finished episode."""
