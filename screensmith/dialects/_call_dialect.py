"""What the dialects share whose answers are calls with places in them: `pyautogui` and `forge`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from screensmith.core import actions as act
from screensmith.core.geometry import Box, Point, Size
from screensmith.dialects import Unsupported
from screensmith.dialects._arguments import PLACES_ARE, written_place
from screensmith.dialects._coordinates import CoordinateFrame, HasPlaces

Writer = Callable[[Any, Any, Size], str]
"""The call of an action, from the dialect, the action and the size of the image."""


@dataclass(frozen=True, slots=True)
class CallDialect(HasPlaces):
    """A dialect of calls; each has its own meanings, writers, and way of reading.

    Args:
        places: how places are written.
        action_names: the calls that are described.
    """

    places: CoordinateFrame
    action_names: tuple[str, ...]

    meanings: ClassVar[Mapping[str, str]]
    """What each call does, by its form, such as "click(x, y)"."""
    writers: ClassVar[Mapping[type, Writer]]
    """By the action's type."""
    how_to_answer: ClassVar[str]
    between: ClassVar[str]
    """What stands between two calls."""

    def describe(self) -> str:
        """The calls, each with what it does, and how an answer is written."""
        lines = [
            f"- {form}: {does}" for form, does in self.meanings.items() if bare(form) in self.action_names
        ]
        places = f"Places are {PLACES_ARE[self.places.name]}."
        return "\n".join(["These functions act on the screen:", *lines, f"{places} {self.how_to_answer}"])

    def render(self, actions: tuple[act.Action, ...], size: Size) -> str:
        """The calls, in the order of the actions."""
        for before, after in pairwise(actions):
            if isinstance(before, act.Hover) and isinstance(after, act.Scroll) and after.at is None:
                raise Unsupported("a scroll without a place right after a move has that place")
        return self.between.join(self._call(action, size) for action in actions)

    def write_point(self, point: Point, size: Size) -> str:
        """`[x, y]`."""
        return written_place(self.places, size, point)

    def write_box(self, box: Box, size: Size) -> str:
        """`[left, top, right, bottom]`."""
        return written_place(self.places, size, Point(box.left, box.top), Point(box.right, box.bottom))

    def _call(self, action: act.Action, size: Size) -> str:
        writer = self.writers.get(type(action))
        if writer is None:
            raise Unsupported(f"no call for {act.kind_of(action)}")
        return writer(self, action, size)


def bare(form: str) -> str:
    """The name of a call, of its form."""
    return form.partition("(")[0]


def described(names: Sequence[str], meanings: Collection[str]) -> tuple[str, ...]:
    """The names of the calls to describe, all where none is named; raises ValueError for an unknown one."""
    known = tuple(map(bare, meanings))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown call {unknown[0]!r}; known: {', '.join(known)}")
    return tuple(names) or known
