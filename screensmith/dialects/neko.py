"""The Neko agent's JSON actions: `{"action": "CLICK", "value": null, "position": [0.42, 0.17]}`.

One canonical serialisation (JSON) is described, trained and parsed; places are fractions of the
screen. Answers written as Python literals are read too, because models trained elsewhere write them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from screensmith.core.actions import Action
from screensmith.core.geometry import Size
from screensmith.dialects import Unreadable
from screensmith.dialects._coordinates import CoordinateFrame, HasPlaces, frame
from screensmith.dialects._neko_records import action_from_dict, action_to_dict

__all__ = ["NekoDialect", "action_from_dict", "action_to_dict", "dialect"]

Mode = Literal["web", "phone"]
LONGEST_ANSWER = 20_000
WEB_NAMES = (
    "CLICK",
    "INPUT",
    "SELECT",
    "HOVER",
    "ANSWER",
    "ENTER",
    "SCROLL",
    "SELECT_TEXT",
    "COPY",
)
PHONE_NAMES = ("INPUT", "SWIPE", "TAP", "ANSWER", "ENTER")
MEANINGS: Mapping[str, str] = {
    "CLICK": "click at the position; value is null, or the button: left, middle or right",
    "TAP": "touch the position",
    "LONG_PRESS": "touch the position and hold",
    "INPUT": "type the value, after clicking the position if it is given",
    "SELECT": "choose the option named by the value in the list at the position",
    "HOVER": "move the pointer to the position",
    "ANSWER": "answer the task with the value and stop",
    "ENTER": "press the Enter key",
    "SCROLL": "show what lies up, down, left or right, as the value says",
    "SELECT_TEXT": "drag from the first to the second position",
    "SWIPE": "move a finger from the first to the second position",
    "COPY": "copy the selection",
    "KEYS": "press the keys in the list given as value together",
    "BACK": "go back",
    "HOME": "go to the home screen",
    "OPEN_APP": "open the application named by the value",
    "VISIT": "open the address in value",
    "WAIT": "wait the number of seconds in value",
    "FINISH": "stop; value is success or failure",
}
FORMAT = (
    'Answer with one JSON object with exactly the keys "action", "value" and "position" and nothing '
    "else. Write null where a key does not apply. A position is [x, y], or [[x1, y1], [x2, y2]] for "
    "two places, in fractions of the screen from 0 to 1."
)


@dataclass(frozen=True, slots=True)
class NekoDialect(HasPlaces):
    """See `dialect`."""

    mode: Mode
    places: CoordinateFrame
    action_names: tuple[str, ...]

    def describe(self) -> str:
        """The device, the numbered actions and the answer format."""
        device = "web page" if self.mode == "web" else "phone"
        lines = [f"You operate a {device}. Given a task and a screenshot, say the next action."]
        lines += [
            f"{number}. {name}: {MEANINGS[name]}" for number, name in enumerate(self.action_names, start=1)
        ]
        return "\n".join([*lines, FORMAT])

    def render(self, actions: tuple[Action, ...], size: Size) -> str:  # noqa: ARG002
        """One JSON object, or a list of them for several actions."""
        records = [self._shorten(action_to_dict(action)) for action in actions]
        return json.dumps(records[0] if len(records) == 1 else records, ensure_ascii=False)

    def parse(self, text: str, size: Size) -> tuple[Action, ...]:
        """The actions of a JSON or Python literal; `size` turns wheel notches into screenfuls."""
        value = _literal(text.strip())
        records = value if isinstance(value, list | tuple) else [value]
        if not records:
            raise Unreadable("no action")
        if not all(isinstance(record, Mapping) for record in records):
            raise Unreadable("not an action object")
        return tuple(action_from_dict(record, size) for record in records)

    def _shorten(self, record: dict[str, Any]) -> dict[str, Any]:
        if self.mode == "phone" and record["action"] == "CLICK":
            record["action"] = "TAP"
        record["position"] = _round(record["position"], self.places.decimals)
        return record


def dialect(*, mode: Mode = "web", decimals: int = 3, names: tuple[str, ...] | None = None) -> NekoDialect:
    """The dialect with its options.

    Args:
        mode: the device in the description, its action list, and CLICK or TAP.
        decimals: digits after the point of a coordinate, 1 to 6.
        names: the actions to describe instead of the mode's own.

    Raises:
        ValueError: an option has no meaning.
    """
    if mode not in ("web", "phone"):
        raise ValueError(f"mode must be web or phone, got {mode!r}")
    places = frame("fraction", decimals=decimals)
    chosen = tuple(names) if names else (WEB_NAMES if mode == "web" else PHONE_NAMES)
    unknown = [name for name in chosen if name not in MEANINGS]
    if unknown:
        raise ValueError(f"unknown action {unknown[0]!r}; known: {', '.join(MEANINGS)}")
    return NekoDialect(mode, places, chosen)


def _round(position: Any, decimals: int) -> Any:
    if isinstance(position, list):
        return [_round(part, decimals) for part in position]
    return round(position, decimals) if isinstance(position, float) else position


def _literal(text: str) -> Any:
    if len(text) > LONGEST_ANSWER:
        raise Unreadable("answer too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Unreadable("neither JSON nor a literal") from error
