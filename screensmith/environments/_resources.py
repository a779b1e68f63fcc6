"""What an environment holds open, and giving it back."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self


class HoldsResources:
    """Closes what it entered into `_resources`; also usable as a context manager."""

    _resources: ExitStack

    def close(self) -> None:
        """Close the page, and the browser when this was the thread's last."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
