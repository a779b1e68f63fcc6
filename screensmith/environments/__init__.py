"""PLUG-IN: a live screen with tasks.

An environment file has one function, `open(*, ...) -> Environment`; its keyword arguments are its
options. Laws (tests/contracts/test_environments.py): doing nothing scores 0; `solve` scores 1; the
same seed gives the same first screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from screensmith.core.actions import Action
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Box


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of an episode: what is to be done, and the first screen."""

    goal: str
    screenshot: Screenshot


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the episode is over, and its reward from 0 (nothing achieved) to 1 (solved)."""

    done: bool
    reward: float


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What a scripted solver does next, and the box that the action must hit, where there is one."""

    action: Action
    target: Box | None = None


class Unsolvable(RuntimeError):
    """The environment has no script for the task, or the script met a screen it cannot handle."""


class CannotAct(RuntimeError):
    """The screen offers no way to do the action: no such option, no address bar, an unknown key.

    A rollout counts it as a step without effect and goes on; the environment stays usable.
    """


class Environment(Protocol):
    """One live screen. Not shared between threads; close it, or use it as a context manager."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that can be started and solved; empty where goals are free."""

    def reset(self, task: str, seed: int) -> Start:
        """Begin an episode; raises screensmith.plugins.UnknownName for an unknown task."""

    def act(self, action: Action) -> Screenshot:
        """Do one action with real input events and return the screen after it took effect.

        Raises:
            CannotAct: this screen offers no way to do the action.
        """

    def elements(self) -> tuple[Element, ...]:
        """The visible interactive elements of the current screen, in document order."""

    def outcome(self) -> Outcome:
        """How the episode stands now."""

    def solve(self) -> Iterator[Demonstration]:
        """What a perfect actor would do, one action at a time; the caller acts each before the next.

        Raises:
            Unsolvable: there is no script for the task, or it cannot go on.
        """

    def close(self) -> None:
        """Release the screen."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def startable(environment: Environment) -> tuple[str, ...]:
    """Every task that can be started: those with a script, and those an environment calls `unscripted`.

    An environment without tasks that lack a script need not have that property.
    """
    return (*environment.tasks, *getattr(environment, "unscripted", ()))
