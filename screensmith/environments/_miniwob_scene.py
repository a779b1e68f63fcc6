"""What a MiniWoB++ solver sees: the goal, and the page's elements with their places on the screenshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from screensmith.core.actions import Click, Drag, Hover, PressKeys, Scroll, TypeText
from screensmith.core.geometry import Box, Point
from screensmith.environments import Demonstration, Unsolvable
from screensmith.environments._input import Frame

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST_SCROLLS = 12
LEAST_SCREENFULS = 0.05
Demonstrations = Iterator[Demonstration]


@dataclass(frozen=True, slots=True)
class Found:
    """One element of the page.

    `box` is the part that can be seen and reached by a click, None where there is none; `whole` is
    the element's rectangle in pixels of the screenshot, visible or not.
    """

    text: str
    tag: str
    id: str
    names: tuple[str, ...]
    value: str
    checked: bool
    data: Mapping[str, str]
    attributes: Mapping[str, str]
    drawn: bool
    whole: tuple[float, float, float, float]
    box: Box | None
    scroller: Box | None
    below: float

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the whole element, in pixels of the screenshot."""
        left, top, right, bottom = self.whole
        return (left + right) / 2, (top + bottom) / 2


class Scene:
    """The page of one episode, for reading; acting is left to whoever takes the demonstrations."""

    def __init__(self, page: Page, frame: Frame, task: str, goal: str, fields: Mapping[str, str]) -> None:
        self._page = page
        self._frame = frame
        self.task = task
        self.goal = goal
        self.fields = fields

    def words(self, pattern: str) -> tuple[str, ...]:
        """The groups of a regular expression found in the goal; raises Unsolvable where it is not."""
        match = re.search(pattern, self.goal)
        if match is None:
            raise Unsolvable(f"{self.task}: the goal {self.goal!r} does not match {pattern!r}")
        return match.groups()

    def word(self, pattern: str) -> str:
        """The first group of `words`."""
        return self.words(pattern)[0]

    def read(self, script: str, argument: Any = None) -> Any:
        """The value of a JavaScript function called in the page."""
        return self._page.evaluate(script, argument)

    @property
    def over(self) -> bool:
        """Whether the page has ended the episode."""
        return bool(self.read("() => WOB_DONE_GLOBAL"))

    def all(self, selector: str, text: str | None = None) -> list[Found]:
        """The elements that match a CSS selector, and whose text is exactly `text` where it is given."""
        records = self.read("query => __screensmith.find(query)", [selector, text, self._frame.edges])
        return [self._found(record) for record in records]

    def drawn(self, selector: str, text: str | None = None) -> list[Found]:
        """Those of `all` that take up room on the page, whether in view or not."""
        return [found for found in self.all(selector, text) if found.drawn]

    def one(self, selector: str, text: str | None = None, number: int = 0) -> Found:
        """The element with that number (from 0, -1 the last) among `drawn`; raises Unsolvable."""
        found = self.drawn(selector, text)
        if not -len(found) <= number < len(found):
            wanted = f"{selector} {text!r}" if text is not None else selector
            raise Unsolvable(f"{self.task}: no element {wanted} with number {number} on the page")
        return found[number]

    def _found(self, record: dict[str, Any]) -> Found:
        scroller = record["scroller"]
        return Found(
            text=record["text"],
            tag=record["tag"],
            id=record["id"],
            names=tuple(record["names"].split()),
            value=record["value"],
            checked=record["checked"],
            data=record["data"],
            attributes=record["attributes"],
            drawn=record["drawn"],
            whole=tuple(record["whole"]),
            box=self._frame.box(record["part"]) if record["part"] else None,
            scroller=self._frame.box(scroller["box"]) if scroller else None,
            below=scroller["below"] if scroller else 0.0,
        )

    def bring(self, selector: str, text: str | None = None, number: int = 0) -> Demonstrations:
        """Scroll until an element can be clicked; raises Unsolvable."""
        for _ in range(MOST_SCROLLS):
            found = self.one(selector, text, number)
            if found.box is not None:
                return
            if found.scroller is None:
                break
            # Half of the list's height at a time, so that nothing is jumped over.
            half = (found.scroller.bottom - found.scroller.top) / 2
            amount = max(min(half, abs(found.below) / self._frame.size.height), LEAST_SCREENFULS)
            scroll = Scroll("down" if found.below > 0 else "up", found.scroller.centre, round(amount, 3))
            yield Demonstration(scroll, found.scroller)
        raise Unsolvable(f"{self.task}: an element that the script needs is out of reach")

    def click(self, selector: str, text: str | None = None, number: int = 0) -> Demonstrations:
        """Click the middle of the visible part of an element, after scrolling it into view."""
        yield from self.bring(selector, text, number)
        yield self.click_box(self.box(self.one(selector, text, number)))

    def hover(self, selector: str, text: str | None = None, number: int = 0) -> Demonstrations:
        """Move the pointer to an element, after scrolling it into view."""
        yield from self.bring(selector, text, number)
        box = self.box(self.one(selector, text, number))
        yield Demonstration(Hover(box.centre), box)

    def click_all(self, selector: str, texts: list[str]) -> Demonstrations:
        """Click one element for each text."""
        for text in texts:
            yield from self.click(selector, text)

    def box(self, found: Found) -> Box:
        """The element's visible part; raises Unsolvable where it has none."""
        if found.box is None:
            raise Unsolvable(f"{self.task}: {found.tag} {found.text!r} cannot be seen")
        return found.box

    def click_box(self, box: Box) -> Demonstration:
        """A click on the middle of a box."""
        return Demonstration(Click(box.centre), box)

    def click_near(self, x: float, y: float, radius: float = 2.0) -> Demonstration:
        """A click on a place given in pixels, with a box that reaches `radius` pixels around it."""
        box = self._frame.box([x - radius, y - radius, x + radius, y + radius])
        return Demonstration(Click(self._frame.point(x, y)), box)

    def enter(self, selector: str, text: str, number: int = 0) -> Demonstrations:
        """Click a field, then type into it: two actions."""
        yield from self.click(selector, number=number)
        yield Demonstration(TypeText(text))

    def replace(self, selector: str, text: str, number: int = 0) -> Demonstrations:
        """Click a field, select what it holds and type over it: three actions."""
        yield from self.click(selector, number=number)
        yield Demonstration(PressKeys(("Control", "a")))
        yield Demonstration(TypeText(text))

    def drag(
        self, start: tuple[float, float], end: tuple[float, float], target: Box | None
    ) -> Demonstration:
        """A drag between two places in pixels of the screenshot."""
        return Demonstration(Drag(self.point(*start), self.point(*end)), target)

    def point(self, x: float, y: float) -> Point:
        """The place at (x, y) pixels of the screenshot."""
        return self._frame.point(x, y)

    def press(self, *keys: str) -> Demonstration:
        """Keys pressed together."""
        return Demonstration(PressKeys(keys))

    def submit(self, text: str | None = None) -> Demonstrations:
        """Click the first button of the task's area."""
        yield from self.click("#area button", text)


Solver = Callable[[Scene], Demonstrations]
