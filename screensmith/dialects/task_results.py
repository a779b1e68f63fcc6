"""Operations as JSON objects, the way task results hold them: `{"action", "target", "coords"}`.

An answer may be that object alone, or hold it as `Predicted.predicted_action` beside reasons and memory
(see prompts/memory.py).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.core.actions import Action, Operate
from screensmith.core.geometry import Size
from screensmith.dialects import Dialect, Unreadable, Unsupported
from screensmith.dialects._coordinates import CoordinateFrame, FrameName, HasPlaces
from screensmith.dialects._coordinates import frame as frame_of
from screensmith.dialects._loose_json import objects_in, read_loose

OPERATIONS = ("CLICK", "SCROLL", "ZOOM", "SEGMENT", "TEXT", "COMPLETE")
_PLACES = {
    "thousand": "whole numbers from 0 to 1000 across and down the image",
    "seen_pixels": "pixels of the image",
    "fraction": "fractions of the image's width and height, from 0 to 1",
}


def dialect(
    *, frame: FrameName = "thousand", decimals: int = 3, operations: tuple[str, ...] = OPERATIONS
) -> Dialect:
    """The dialect.

    Args:
        frame: how places are written: "thousand", "seen_pixels" or "fraction".
        decimals: digits of a fraction.
        operations: the names that a model is offered; others are read all the same, because every
            application has its own.
    """
    return TaskResults(frame_of(frame, decimals=decimals), tuple(operations))


@functools.lru_cache(4096)
def plain_name(key: object) -> str:
    """A key as it is compared: letters and digits in lower case, so that "Short_Term" is "Short Term"."""
    return "".join(sign for sign in str(key).lower() if sign.isalnum())


def entry(record: object, *names: str) -> Any:
    """The value under the first of the names that a mapping has, in any spelling; None without one."""
    if not isinstance(record, Mapping):
        return None
    plain = {plain_name(key): value for key, value in record.items()}
    return next((plain[name] for name in map(plain_name, names) if name in plain), None)


def answer_object(text: str) -> Mapping[str, Any]:
    """The one object in an answer that holds an action.

    Raises:
        Unreadable: there is none, or more than one.
    """
    try:
        whole = read_loose(text)
    except Unreadable:
        found = [one for one in objects_in(text) if _action_in(one) is not None]
        if len(found) > 1:
            raise Unreadable("more than one action") from None
        if not found:
            raise Unreadable("no JSON with an action") from None
        return found[0]
    if not isinstance(whole, Mapping):
        raise Unreadable("no JSON with an action")
    return whole


def _action_in(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    predicted = entry(record, "Predicted")
    for place in (
        entry(predicted, "predicted_action"),
        entry(record, "predicted_action"),
        predicted,
        record,
    ):
        if isinstance(place, Mapping) and entry(place, "action") is not None:
            return place
    return None


@dataclass(frozen=True, slots=True)
class TaskResults(HasPlaces):
    """See `dialect`."""

    places: CoordinateFrame
    operations: tuple[str, ...]

    @property
    def action_names(self) -> tuple[str, ...]:
        """The operations a model is offered."""
        return self.operations

    def describe(self) -> str:
        """The operations, and what an action's object holds."""
        return (
            f"Possible actions: {', '.join(self.operations)}.\n"
            'An action is a JSON object: "action" is its name, "target" says in words what it is done on '
            'or with, and "coords", where there is a place, is a list of two numbers: '
            f"{_PLACES[self.places.name]}."
        )

    def render(self, actions: tuple[Action, ...], size: Size) -> str:
        """The object of one operation."""
        if len(actions) != 1 or not isinstance(actions[0], Operate):
            raise Unsupported("task results hold one operation a step")
        operation = actions[0]
        if not operation.name or _named(operation.name) != operation.name:
            raise Unsupported(f"an operation named {operation.name!r}")
        record: dict[str, Any] = {"action": operation.name, "target": operation.target}
        if operation.at is not None:
            record["coords"] = list(self.places.numbers(operation.at, size))
        return json.dumps(record, ensure_ascii=False)

    def parse(self, text: str, size: Size) -> tuple[Action, ...]:
        """The one operation in an answer."""
        record = _action_in(answer_object(text))
        if record is None:
            raise Unreadable("no JSON with an action")
        name, target = entry(record, "action"), entry(record, "target")
        if not isinstance(name, str) or not _named(name):
            raise Unreadable("the action has no name")
        if not isinstance(target, str | None):
            raise Unreadable("the target is not text")
        place = entry(record, "coords", "coordinates")
        at = None
        if place not in (None, []):
            if not isinstance(place, list) or len(place) != 2:
                raise Unreadable("coords are not two numbers")
            at = self.places.read(place[0], place[1], size)
        return (Operate(_named(name), target or "", at),)


def _named(name: str) -> str:
    return name.strip().upper()
