"""Input events become actions: pure rules, without a browser.

An action is finished only when it is clear that it will not go on (a click may become a double click,
a key may be followed by another), so events are held in one open gesture at a time, and actions come
out in the order in which they began.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from screensmith.capture._reports import REDACTED, InputEvent
from screensmith.core.actions import (
    Action,
    Back,
    Button,
    Click,
    Direction,
    Drag,
    LongPress,
    PressKeys,
    Scroll,
    Select,
    TypeText,
    Visit,
)

DOUBLE_CLICK_SECONDS = 0.5
LONG_PRESS_SECONDS = 0.5
SCROLL_PAUSE_SECONDS = 0.3
TYPING_PAUSE_SECONDS = 2.0
PASTE_DELAY_SECONDS = 0.5
CHOICE_SECONDS = 60.0
STILL_PIXELS = 6.0
"""A press that moves less than this is a click, not a drag."""

TEXT_EVENTS = frozenset({"text", "paste"})
PASTE_KEYS = frozenset({("Control", "v"), ("Meta", "v"), ("Shift", "Insert")})
ADDRESS_KEYS = frozenset({("Control", "l"), ("Meta", "l"), ("Alt", "d"), ("F6",)})
LEAVING_KEYS = frozenset({"Enter", "Tab", "Escape"})
FORWARD_KEYS = ("Alt", "ArrowRight")
RELOAD_KEYS = ("F5",)


_BUTTONS: Mapping[str, Button] = {"left": "left", "middle": "middle", "right": "right"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One action, the event it began with, and when it was over (epoch seconds)."""

    action: Action
    first: InputEvent
    ended_seconds: float
    fields: tuple[str, ...] = ()


class _Gesture(ABC):
    """Events that may still become part of one action."""

    def __init__(self, first: InputEvent, idle_seconds: float = 0.0) -> None:
        self.first = first
        self.last_seconds = first.time
        self.idle_seconds = idle_seconds

    def take(self, event: InputEvent) -> _Gesture | None:
        """The gesture that includes the event, or None when the event belongs to something new."""
        del event
        return None

    @abstractmethod
    def finish(self) -> list[Recorded]:
        """What the gesture amounts to when nothing more comes."""

    def record(self, action: Action, fields: tuple[str, ...] = ()) -> Recorded:
        return Recorded(action, self.first, self.last_seconds, fields)


class _Done(_Gesture):
    """Actions that are complete, waiting only to be handed on."""

    def __init__(self, first: InputEvent, *actions: Recorded | Action) -> None:
        super().__init__(first)
        self._actions = [item if isinstance(item, Recorded) else self.record(item) for item in actions]

    def finish(self) -> list[Recorded]:
        return self._actions


def _near(one: InputEvent, other: InputEvent) -> bool:
    across, down = one.pixels[0] - other.pixels[0], one.pixels[1] - other.pixels[1]
    return across * across + down * down <= STILL_PIXELS * STILL_PIXELS


class _Press(_Gesture):
    """A button is down. Its release may never be seen: a menu that opens on the press swallows it."""

    def __init__(self, first: InputEvent, earlier: _Clicks | None = None) -> None:
        super().__init__(first, idle_seconds=30.0)
        self._earlier = earlier

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.kind == "blur":
            return self  # a press moves the focus; it ended the typing before, not the press
        if event.kind != "up" or event.page != self.first.page:
            return None
        if not _near(event, self.first) and event.at and self.first.at:
            earlier = self._earlier.finish() if self._earlier else []
            drag = Recorded(Drag(self.first.at, event.at), self.first, event.time)
            return _Done(self.first, *earlier, drag)
        if self._earlier:
            return self._earlier.again(event)
        if self.first.target_kind == "select" and self.first.button == "left":
            return _Choice(self.first, event.time)
        held_seconds = event.time - self.first.time
        if self.first.touch and held_seconds >= LONG_PRESS_SECONDS and self.first.at:
            return _Done(self.first, LongPress(self.first.at))
        return _Clicks(self.first, event.time)

    def finish(self) -> list[Recorded]:
        earlier = self._earlier.finish() if self._earlier else []
        return [*earlier, *_Clicks(self.first, self.last_seconds).finish()]


class _Clicks(_Gesture):
    """One or more clicks at one place."""

    def __init__(self, first: InputEvent, released_seconds: float) -> None:
        super().__init__(first, DOUBLE_CLICK_SECONDS)
        self.last_seconds = released_seconds
        self._count = 1

    def again(self, up: InputEvent) -> _Clicks:
        self._count += 1
        self.last_seconds = up.time
        return self

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.kind == "blur":
            return self
        quick = event.time - self.last_seconds <= DOUBLE_CLICK_SECONDS
        same = event.page == self.first.page and event.button == self.first.button
        return (
            _Press(event, self)
            if event.kind == "down" and quick and same and _near(event, self.first)
            else None
        )

    def finish(self) -> list[Recorded]:
        button = self.first.button
        if button == "back":
            return [self.record(Back())]
        if button == "forward":
            return [self.record(PressKeys(FORWARD_KEYS))]
        if self.first.at is None:
            return []
        return [self.record(Click(self.first.at, _BUTTONS.get(button, "left"), self._count))]


class _Typing(_Gesture):
    """Characters into one field. Backspace takes back what was typed; text before it is a key press."""

    def __init__(self, first: InputEvent) -> None:
        super().__init__(first, TYPING_PAUSE_SECONDS)
        self._characters: list[str] = []
        self._secret = False
        self._add(first)

    def _add(self, event: InputEvent) -> None:
        self._secret = self._secret or event.secret
        self._characters.extend(event.text)
        self.last_seconds = event.time

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.page != self.first.page or event.field != self.first.field:
            return None
        if event.kind in TEXT_EVENTS:
            self._add(event)
            return self
        if event.kind == "key" and event.keys == ("Backspace",) and (self._characters or self._secret):
            self._characters = self._characters[:-1]
            self.last_seconds = event.time
            return self
        return None

    def redact(self, field: str) -> None:
        """The field turned out to hold a secret."""
        self._secret = self._secret or field == self.first.field

    def finish(self) -> list[Recorded]:
        text = REDACTED if self._secret else "".join(self._characters)
        return [self.record(TypeText(text), (self.first.field,))] if text else []


class _Scrolling(_Gesture):
    """Turns of the wheel, or a dragged scroll bar, in one direction."""

    def __init__(self, first: InputEvent) -> None:
        super().__init__(first, SCROLL_PAUSE_SECONDS)
        self.last_seconds = max(first.time, first.until)
        self._delta = first.delta

    def take(self, event: InputEvent) -> _Gesture | None:
        quick = event.time - self.last_seconds <= SCROLL_PAUSE_SECONDS
        if event.kind != "scroll" or event.page != self.first.page or not quick:
            return None
        if _direction(event.delta) != _direction(self._delta):
            return None
        self._delta = (self._delta[0] + event.delta[0], self._delta[1] + event.delta[1])
        self.last_seconds = max(event.time, event.until)
        return self

    def finish(self) -> list[Recorded]:
        amount = max(abs(self._delta[0]), abs(self._delta[1]))
        if not amount:
            return []
        return [self.record(Scroll(_direction(self._delta), self.first.at, round(amount, 4)))]


def _direction(delta: tuple[float, float]) -> Direction:
    if abs(delta[0]) > abs(delta[1]):
        return "right" if delta[0] > 0 else "left"
    return "down" if delta[1] >= 0 else "up"


class _Choice(_Gesture):
    """A drop-down list in use. Its open list is no part of the page, so only the outcome is known.

    The click that opens the list and the keys pressed in it are replaced by one `Select` when an
    option was chosen, and stand for themselves when none was.
    """

    def __init__(self, first: InputEvent, ended_seconds: float) -> None:
        super().__init__(first, CHOICE_SECONDS)
        self.last_seconds = ended_seconds
        self._without: list[Recorded] = (
            [] if first.kind == "select" else _instead_of_choice(first, ended_seconds)
        )
        self._option: str | None = first.text if first.kind == "select" else None

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.page != self.first.page or (event.field != self.first.field and event.kind != "up"):
            return None
        if event.kind == "select":
            self._option = event.text
        elif event.kind == "key" and self._leaves(event.keys[-1]):
            return None
        elif event.kind in ("key", "down"):
            self._without.extend(_instead_of_choice(event, event.time))
        elif event.kind not in ("up", "blur"):
            return None
        self.last_seconds = event.time
        return self

    def _leaves(self, key: str) -> bool:
        """Enter and Escape belong to an open list until an option is known; Tab always moves on."""
        return key == "Tab" or (self._option is not None and key in LEAVING_KEYS)

    def finish(self) -> list[Recorded]:
        if self._option is None:
            return self._without
        at = self.first.at or (self.first.target.centre if self.first.target else None)
        return [self.record(Select(self._option, at))]


def _instead_of_choice(event: InputEvent, ended_seconds: float) -> list[Recorded]:
    if event.kind == "key":
        return [Recorded(PressKeys(event.keys), event, ended_seconds)]
    return _Clicks(event, ended_seconds).finish()


class _PasteKeys(_Gesture):
    """Ctrl+V, until the pasted text arrives; the text then is the action, so that it can be repeated."""

    def __init__(self, first: InputEvent) -> None:
        super().__init__(first, PASTE_DELAY_SECONDS)

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.kind != "paste" or event.page != self.first.page or not (event.text or event.secret):
            return None
        return _Typing(event)

    def finish(self) -> list[Recorded]:
        return [self.record(PressKeys(self.first.keys))]


class _AddressKeys(_Gesture):
    """Ctrl+L, until an address was entered; `Visit` says both."""

    def __init__(self, first: InputEvent) -> None:
        super().__init__(first, CHOICE_SECONDS)

    def take(self, event: InputEvent) -> _Gesture | None:
        if event.page != self.first.page or event.kind not in ("visit", "blur"):
            return None
        return self if event.kind == "blur" else _Done(self.first, Visit(event.text))

    def finish(self) -> list[Recorded]:
        return [self.record(PressKeys(self.first.keys))]


@dataclass(slots=True)
class Translator:
    """Joins events into actions. `ignored` counts what no action can say."""

    ignored: Counter[str] = field(default_factory=Counter)
    _open: _Gesture | None = None

    @property
    def is_open(self) -> bool:
        """Whether events are held that are not yet an action."""
        return self._open is not None

    def feed(self, event: InputEvent) -> list[Recorded]:
        """Take one event; return the actions that it completes, in order."""
        if event.kind == "secret_field":
            if isinstance(self._open, _Typing):
                self._open.redact(event.field)
            return []
        finished = self.tick(event.time)
        if self._open is not None:
            taken = self._open.take(event)
            if taken is not None:
                self._open = taken
                return finished
            finished = self.finish()
        self._open = self._begin(event)
        if isinstance(self._open, _Done):
            finished += self.finish()
        return finished

    def tick(self, now_seconds: float) -> list[Recorded]:
        """Finish the open gesture when it has been idle for too long to go on."""
        if self._open is None or now_seconds - self._open.last_seconds <= self._open.idle_seconds:
            return []
        return self.finish()

    def finish(self) -> list[Recorded]:
        """Finish the open gesture, whatever it is."""
        if self._open is None:
            return []
        finished = self._open.finish()
        if not finished:
            self.ignored["input that came to nothing"] += 1
        self._open = None
        return finished

    def _begin(self, event: InputEvent) -> _Gesture | None:
        if event.kind == "ignored":
            self.ignored[event.text] += 1
        begin = _BEGINNINGS.get(event.kind)
        return begin(event) if begin is not None else None


def _begin_paste(event: InputEvent) -> _Gesture | None:
    return _Typing(event) if event.text or event.secret else None


def _begin_key(event: InputEvent) -> _Gesture:
    if event.keys in PASTE_KEYS:
        return _PasteKeys(event)
    if event.keys in ADDRESS_KEYS:
        return _AddressKeys(event)
    if event.target_kind == "select" and event.keys[-1] not in LEAVING_KEYS:
        return _Choice(event, event.time)
    if event.keys == ("Alt", "ArrowLeft") or event.keys[-1] == "BrowserBack":
        return _Done(event, Back())
    return _Done(event, PressKeys(event.keys))


_BEGINNINGS: Mapping[str, Callable[[InputEvent], _Gesture | None]] = {
    "down": _Press,
    "text": _Typing,
    "paste": _begin_paste,
    "scroll": _Scrolling,
    "key": _begin_key,
    "select": lambda event: _Choice(event, event.time),
    # A date or colour picker is no part of the page: only the value it left is known.
    "picked": lambda event: _Done(event, TypeText(event.text)) if event.text else None,
    "visit": lambda event: _Done(event, Visit(event.text)),
    "back": lambda event: _Done(event, Back()),
    "forward": lambda event: _Done(event, PressKeys(FORWARD_KEYS)),
    "reload": lambda event: _Done(event, PressKeys(RELOAD_KEYS)),
}
