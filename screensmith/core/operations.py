"""Actions as operations with a name and a target in words, and back.

An exporter writes what was done on a plain screen in an application's vocabulary; an environment does
what a model said in it.
"""

from __future__ import annotations

from screensmith.core.actions import (
    COMPLETE,
    Action,
    Answer,
    Back,
    Click,
    Copy,
    Direction,
    Finish,
    Home,
    Hover,
    LongPress,
    OpenApp,
    Operate,
    PressKeys,
    Scroll,
    Select,
    Swipe,
    TypeText,
    Visit,
    Wait,
)
from screensmith.core.geometry import Point

CLICKS = {
    "CLICK": ("left", 1),
    "DOUBLE_CLICK": ("left", 2),
    "RIGHT_CLICK": ("right", 1),
    "MIDDLE_CLICK": ("middle", 1),
}
_DIRECTIONS: tuple[Direction, ...] = ("up", "down", "left", "right")
_STATUS = {"": "success", "success": "success", "failure": "failure"}


def as_operation(action: Action, target: str = "") -> Operate | None:
    """The action as an operation; None where a name, a target and one place cannot say it.

    Args:
        action: what was done.
        target: the words for what lies at its place, for actions that have no words of their own.
    """
    match action:
        case Operate():
            return action
        case Click(at, button, count):
            names = [name for name, how in CLICKS.items() if how == (button, count)]
            return Operate(names[0], target, at) if names else None
        case LongPress(at):
            return Operate("LONG_PRESS", target, at)
        case Hover(at):
            return Operate("HOVER", target, at)
        case _:
            return _worded(action)


def _worded(action: Action) -> Operate | None:
    """Actions whose target is what they say."""
    match action:
        case TypeText(text, at):
            return Operate("TEXT", text, at)
        case Select(option, at):
            return Operate("SELECT", option, at)
        case Scroll(direction, at):
            return Operate("SCROLL", direction, at)
        case Swipe(start, end):
            return Operate("SCROLL", _shown_by(start, end), start)
        case PressKeys(keys):
            return Operate("KEY", "+".join(keys))
        case Copy(text):
            return Operate("COPY", text)
        case Finish(status):
            return Operate(COMPLETE, status)
        case _:
            return _elsewhere(action)


def _elsewhere(action: Action) -> Operate | None:
    """Actions that need no place on the screen."""
    match action:
        case Answer(text):
            return Operate(COMPLETE, text)
        case Wait(seconds):
            return Operate("WAIT", f"{seconds:g}")
        case OpenApp(name):
            return Operate("OPEN", name)
        case Visit(address):
            return Operate("VISIT", address)
        case Back():
            return Operate("BACK")
        case Home():
            return Operate("HOME")
        case _:
            return None


def _shown_by(start: Point, end: Point) -> Direction:
    """What a finger's way shows: it moves the content, so the way up shows what is below."""
    across, down = end.x - start.x, end.y - start.y
    if abs(across) > abs(down):
        return "right" if across < 0 else "left"
    return "down" if down < 0 else "up"


def plain_action(operation: Operate) -> Action | None:
    """What an operation means on a plain screen; None where it means nothing there, such as ZOOM."""
    name, words, at = operation.name.upper(), operation.target, operation.at
    if at is not None:
        if name in CLICKS:
            button, count = CLICKS[name]
            return Click(at, button, count)  # type: ignore[arg-type]
        if name in ("LONG_PRESS", "HOVER"):
            return LongPress(at) if name == "LONG_PRESS" else Hover(at)
    if name == "SCROLL":
        direction = next((one for one in _DIRECTIONS if one == words.strip().lower()), None)
        return None if direction is None else Scroll(direction, at)
    return _plain_worded(name, words, at)


def _plain_worded(name: str, words: str, at: Point | None) -> Action | None:
    if name == COMPLETE:
        return Finish(_STATUS[words]) if words in _STATUS else Answer(words)  # type: ignore[arg-type]
    if name == "WAIT":
        try:
            return Wait(max(float(words), 0.0))
        except ValueError:
            return None
    if name == "KEY":
        return PressKeys(tuple(words.split("+"))) if words.strip("+") else None
    made: dict[str, Action] = {
        "TEXT": TypeText(words, at),
        "SELECT": Select(words, at),
        "COPY": Copy(words),
        "OPEN": OpenApp(words),
        "VISIT": Visit(words),
        "BACK": Back(),
        "HOME": Home(),
    }
    return made.get(name)
