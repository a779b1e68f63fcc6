"""What was seen and done: a captured session, a converted data set and a rollout are all episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from screensmith.core.actions import Action
from screensmith.core.geometry import Box, Point, Size

Facts = Mapping[str, Any]
"""What only one data set or metric needs; never read by code that does not know the data set."""

Memory = Mapping[str, Any]
"""What an actor notes for itself between steps, as plain JSON values by the name of each part."""


class ImageSource(Protocol):
    """Where encoded image bytes (PNG, JPEG) come from; `pathlib.Path` is one."""

    def read_bytes(self) -> bytes:
        """The encoded image."""


@dataclass(frozen=True, slots=True)
class Screenshot:
    """One screen. Pixels are read only when asked for; `window` is the part of the image that counts."""

    source: bytes | Path | ImageSource
    size: Size
    window: Box | None = None

    def read_bytes(self) -> bytes:
        """The encoded image (PNG or JPEG), as stored, without the window applied."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass(frozen=True, slots=True)
class Element:
    """Something on a screen: where it is, what it says and what it is.

    `point` is where to press it, for data sets that say so; None means its middle.
    """

    box: Box
    text: str = ""
    kind: str = ""
    point: Point | None = None

    @property
    def at(self) -> Point:
        """Where to press it."""
        return self.box.centre if self.point is None else self.point


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: the screen the actor saw and what it then did.

    `target` is the box that the first action must hit, where it is known; `memory` is what the
    actor carried into the step and `memory_after` what it carried on, for data sets that record them.
    """

    screenshot: Screenshot
    actions: tuple[Action, ...]
    instruction: str = ""
    thought: str = ""
    target: Box | None = None
    elements: tuple[Element, ...] = ()
    memory: Memory | None = None
    memory_after: Memory | None = None
    facts: Facts = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError("a step needs at least one action")


@dataclass(frozen=True, slots=True)
class Episode:
    """A goal and the steps taken towards it; a grounding example is an episode of one step."""

    id: str
    goal: str
    steps: tuple[Step, ...]
    facts: Facts = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.goal.strip():
            raise ValueError(f"episode {self.id}: the goal is empty")
