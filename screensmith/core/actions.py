"""Everything an agent can do, as a closed union of frozen types.

What an action *is* follows from the types of its fields: storing it, moving its points and
listing its kinds are generic over the fields, so a new action is one new class in `Action`.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from screensmith.core.geometry import Point

Button = Literal["left", "middle", "right"]
Direction = Literal["up", "down", "left", "right"]
Status = Literal["success", "failure"]


@dataclass(frozen=True, slots=True)
class Click:
    """Press and release a mouse button at a place; `count` 2 is a double click."""

    at: Point
    button: Button = "left"
    count: int = 1


@dataclass(frozen=True, slots=True)
class LongPress:
    """Touch a place and hold."""

    at: Point


@dataclass(frozen=True, slots=True)
class Hover:
    """Move the pointer to a place without pressing."""

    at: Point


@dataclass(frozen=True, slots=True)
class Drag:
    """Press at `start`, move to `end`, release: moves or selects what lies under the pointer."""

    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class Swipe:
    """Move a finger from `start` to `end`: moves the content, unlike `Drag`."""

    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class Scroll:
    """Show what lies in `direction`; `amount` is in screenfuls, or unknown."""

    direction: Direction
    at: Point | None = None
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class TypeText:
    """Type text, after clicking `at` when it is given."""

    text: str
    at: Point | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """Choose an option of the list at a place."""

    option: str
    at: Point | None = None


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Press keys together, for example ("Control", "a"); names as in the DOM's `KeyboardEvent.key`."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the selection; `text` is what it should hold."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Back:
    """Go back one page."""


@dataclass(frozen=True, slots=True)
class Home:
    """Go to the home screen or start page."""


@dataclass(frozen=True, slots=True)
class OpenApp:
    """Open an application by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Open an address in the browser."""

    address: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the user and end the episode."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the episode and say whether it succeeded."""

    status: Status


COMPLETE = "COMPLETE"
"""The operation by which applications say that a task is done."""


@dataclass(frozen=True, slots=True)
class Operate:
    """An operation of an application, by its own name, on what words or a place say.

    For data sets whose vocabulary is the application's ("ZOOM", "SEGMENT") and whose actions often
    have a target in words and no place; see core/operations.py for what it means on a plain screen.
    """

    name: str
    target: str = ""
    at: Point | None = None


Action = (
    Click
    | LongPress
    | Hover
    | Drag
    | Swipe
    | Scroll
    | TypeText
    | Select
    | PressKeys
    | Copy
    | Back
    | Home
    | OpenApp
    | Visit
    | Wait
    | Answer
    | Finish
    | Operate
)

ACTION_TYPES: Mapping[str, type[Action]] = {kind.__name__: kind for kind in typing.get_args(Action)}

# Asking a class for its fields takes longer than reading them.
_FIELD_TYPES: Mapping[type, Mapping[str, Any]] = {
    kind: typing.get_type_hints(kind) for kind in ACTION_TYPES.values()
}


def kind_of(action: Action) -> str:
    """The action's kind, for example "Click"."""
    return type(action).__name__


def points_of(action: Action) -> tuple[Point, ...]:
    """Every place the action names, in field order."""
    values = (getattr(action, name) for name in _FIELD_TYPES[type(action)])
    return tuple(value for value in values if isinstance(value, Point))


def move_points(action: Action, move: Callable[[Point], Point]) -> Action:
    """The same action with every point moved, for example into the frame of a crop."""
    moved = {
        name: move(value)
        for name in _FIELD_TYPES[type(action)]
        if isinstance(value := getattr(action, name), Point)
    }
    return dataclasses.replace(action, **moved)  # type: ignore[arg-type]


def ends_episode(actions: Iterable[Action]) -> bool:
    """Whether one of the actions says that the episode is over."""
    return any(
        isinstance(action, Answer | Finish) or (isinstance(action, Operate) and action.name == COMPLETE)
        for action in actions
    )


def to_record(action: Action) -> dict[str, Any]:
    """The action as plain JSON values: its kind and its fields, points as [x, y]."""
    record: dict[str, Any] = {"kind": kind_of(action)}
    for name in _FIELD_TYPES[type(action)]:
        value = getattr(action, name)
        if isinstance(value, Point):
            value = [value.x, value.y]
        elif isinstance(value, tuple):
            value = list(value)
        record[name] = value
    return record


def from_record(record: Mapping[str, Any]) -> Action:
    """The inverse of `to_record`; raises ValueError for an unknown kind or field."""
    values = dict(record)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in ACTION_TYPES:
        raise ValueError(f"unknown action kind {kind!r}; known: {', '.join(ACTION_TYPES)}")
    action_type = ACTION_TYPES[kind]
    hints = _FIELD_TYPES[action_type]
    unknown = values.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{kind} has no field {', '.join(sorted(unknown))}")
    fields = {name: _from_plain(value, hints[name]) for name, value in values.items()}
    try:
        return action_type(**fields)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


def _from_plain(value: Any, hint: Any) -> Any:
    if value is None:
        return None
    if Point in (hint, *typing.get_args(hint)):
        return Point(float(value[0]), float(value[1]))
    return tuple(value) if typing.get_origin(hint) is tuple else value
