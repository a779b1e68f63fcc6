"""AGUVIS' code: `pyautogui.click(x=0.8018, y=0.6183)`, phone functions and answers beside it.

Calls are read wherever a model puts them (see _answers.py) and in every form that AGUVIS' records have
them; PyAutoGUI's own meaning holds: positive scrolls are up or to the right, positional arguments have its
order, `dragTo` begins where the pointer is. `click()` and `dragTo(x, y)` take the last place of the same
answer; a `moveTo` right before them or before a scroll is part of it. `scroll()` takes its direction
from the answer's `Action:` line. Nothing is ever executed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unsupported
from screensmith.dialects._answers import find_calls, sections_of, split
from screensmith.dialects._arguments import PLAIN_NUMBER
from screensmith.dialects._call_dialect import CallDialect, described
from screensmith.dialects._calls import Call, quoted
from screensmith.dialects._coordinates import FrameName
from screensmith.dialects._coordinates import frame as frame_of
from screensmith.dialects._keys import name_of
from screensmith.dialects._pyautogui_calls import MOST_CLICKS, READERS, Turn

__all__ = ["PyAutoGui", "calls_of", "dialect", "sections_of", "split_answer"]

NAMES = frozenset(READERS)
LEAST_DECIMALS_OF_AMOUNTS = 4
# The call that most records are; what it matches is read the same by `ast`, only slower.
_CLICK = re.compile(rf"\s*pyautogui\.click\(x=({PLAIN_NUMBER}), ?y=({PLAIN_NUMBER})\)\s*", re.ASCII)
MEANINGS: Mapping[str, str] = {
    "pyautogui.click(x, y)": "click with the left button",
    "pyautogui.doubleClick(x, y)": "click twice",
    "pyautogui.tripleClick(x, y)": "click three times",
    "pyautogui.rightClick(x, y)": "click with the right button",
    "pyautogui.middleClick(x, y)": "click with the middle button",
    "pyautogui.moveTo(x, y)": "move the pointer",
    "pyautogui.dragTo(x, y)": "drag from where the last moveTo brought the pointer",
    "pyautogui.write(message)": "type the text",
    "pyautogui.press(keys)": "press one key",
    "pyautogui.hotkey(key, ...)": "press keys together",
    "pyautogui.scroll(page)": "scroll by a part of the screen, up if positive, down if negative",
    "pyautogui.hscroll(page)": "scroll to the right if positive, to the left if negative",
    "mobile.swipe(from_coord, to_coord)": "move a finger from one [x, y] to another",
    "mobile.long_press(x, y)": "touch and hold",
    "mobile.home()": "go to the home screen",
    "mobile.back()": "go back",
    "mobile.open_app(app_name)": "open an application",
    "mobile.wait(seconds)": "wait",
    "mobile.terminate(status)": "end the task with 'success' or 'failure'",
    "browser.select_option(x, y, value)": "choose an option of the list there",
    "answer(text)": "answer the user, which ends the task",
}
_CLICK_NAMES: Mapping[tuple[act.Button, int], str] = {
    ("left", 1): "click",
    ("left", 2): "doubleClick",
    ("left", 3): "tripleClick",
    ("right", 1): "rightClick",
    ("middle", 1): "middleClick",
}


def dialect(*, frame: FrameName = "fraction", decimals: int = 4, names: tuple[str, ...] = ()) -> PyAutoGui:
    """The dialect with its options.

    Args:
        frame: how places are written: "fraction" (AGUVIS), "thousand" or "seen_pixels".
        decimals: digits after the point of a fraction, 1 to 6.
        names: the calls to describe instead of all, such as "mobile.swipe"; all are read and written.

    Raises:
        screensmith.plugins.UnknownName: there is no such frame.
        ValueError: an option has no meaning.
    """
    return PyAutoGui(frame_of(frame, decimals=decimals), described(names, MEANINGS))


def calls_of(text: str) -> tuple[Call, ...]:
    """The calls in an answer or a record, as names and values.

    Raises:
        screensmith.dialects.Unreadable: there are none, or it is not clear which.
    """
    return find_calls(text, NAMES).calls


def split_answer(text: str) -> tuple[str, str]:
    """The thought in an answer, without labels and tags, and its code as written; "" for none."""
    return split(text, NAMES)


@dataclass(frozen=True, slots=True)
class PyAutoGui(CallDialect):
    """See `dialect`."""

    meanings: ClassVar[Mapping[str, str]] = MEANINGS
    how_to_answer: ClassVar[str] = "Answer with calls, one a line."
    between: ClassVar[str] = "\n"

    def parse(self, text: str, size: Size) -> tuple[act.Action, ...]:
        """The actions of an answer's calls."""
        plain = _CLICK.fullmatch(text)
        if plain:
            return (act.Click(self.places.read(plain[1], plain[2], size)),)
        calls = calls_of(text)
        said = sections_of(text).get("action", "") if "scroll" in text else ""
        return Turn(lambda x, y: self.places.read(x, y, size), said).take(calls)

    def _at(self, point: Point, size: Size) -> str:
        x, y = self.places.write(point, size)
        return f"x={x}, y={y}"

    def _click(self, action: act.Click, size: Size) -> str:
        place = self._at(action.at, size)
        name = _CLICK_NAMES.get((action.button, action.count))
        if name:
            return f"pyautogui.{name}({place})"
        if not 1 <= action.count <= MOST_CLICKS:
            raise Unsupported(f"no call for {action.count} clicks")
        return f"pyautogui.click({place}, clicks={action.count}, button='{action.button}')"

    def _drag(self, action: act.Drag, size: Size) -> str:
        start, end = self._at(action.start, size), self._at(action.end, size)
        return f"pyautogui.moveTo({start})\npyautogui.dragTo({end})"

    def _swipe(self, action: act.Swipe, size: Size) -> str:
        start, end = self.write_point(action.start, size), self.write_point(action.end, size)
        return f"mobile.swipe(from_coord={start}, to_coord={end})"

    def _scroll(self, action: act.Scroll, size: Size) -> str:
        name = "scroll" if action.direction in ("up", "down") else "hscroll"
        sign = "-" if action.direction in ("down", "left") else ""
        # One notch of a wheel is a scroll whose length nobody knows.
        length = f"{sign}1" if action.amount is None else f"page={sign}{self._amount(action.amount)}"
        place = "" if action.at is None else f", {self._at(action.at, size)}"
        return f"pyautogui.{name}({length}{place})"

    def _amount(self, amount: float) -> str:
        if not math.isfinite(amount) or amount <= 0:
            raise Unsupported("no call for a scroll by nothing")
        decimals = max(self.places.decimals, LEAST_DECIMALS_OF_AMOUNTS)
        rounded = f"{amount:.{decimals}f}".rstrip("0")
        rounded += "0" if rounded.endswith(".") else ""
        return rounded if float(rounded) else repr(float(amount))

    def _keys(self, action: act.PressKeys, _: Size) -> str:
        names = [quoted(name_of(key)) for key in action.keys]
        if not names:
            raise Unsupported("no call for pressing no key")
        if action.keys == ("AppSwitch",):
            return "mobile.recent()"
        if len(names) == 1:
            return f"pyautogui.press(keys={names[0]})"
        return f"pyautogui.hotkey({', '.join(names)})"

    def _select(self, action: act.Select, size: Size) -> str:
        place = "" if action.at is None else f"{self._at(action.at, size)}, "
        return f"browser.select_option({place}value={quoted(action.option)})"


def _typed(_: PyAutoGui, action: act.TypeText, __: Size) -> str:
    if action.at is not None:
        raise Unsupported("no call for typing at a place; click it first")
    return f"pyautogui.write(message={quoted(action.text)})"


def _waited(_: PyAutoGui, action: act.Wait, __: Size) -> str:
    seconds = float(action.seconds)
    if not math.isfinite(seconds) or seconds < 0:
        raise Unsupported("no call for such a time")
    return f"mobile.wait(seconds={int(seconds) if seconds.is_integer() else seconds!r})"


def _opened(_: PyAutoGui, action: act.OpenApp, __: Size) -> str:
    if not action.name:
        raise Unsupported("no call for an application without a name")
    return f"mobile.open_app(app_name={quoted(action.name)})"


PyAutoGui.writers = {
    act.Click: PyAutoGui._click,
    act.Hover: lambda d, a, size: f"pyautogui.moveTo({d._at(a.at, size)})",
    act.Drag: PyAutoGui._drag,
    act.Swipe: PyAutoGui._swipe,
    act.Scroll: PyAutoGui._scroll,
    act.LongPress: lambda d, a, size: f"mobile.long_press({d._at(a.at, size)})",
    act.TypeText: _typed,
    act.PressKeys: PyAutoGui._keys,
    act.Select: PyAutoGui._select,
    act.Back: lambda *_: "mobile.back()",
    act.Home: lambda *_: "mobile.home()",
    act.OpenApp: _opened,
    act.Wait: _waited,
    act.Answer: lambda _, a, __: f"answer({quoted(a.text)})",
    act.Finish: lambda _, a, __: f"mobile.terminate(status='{a.status}')",
}
