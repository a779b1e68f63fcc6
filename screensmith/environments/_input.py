"""Doing core actions on a page with real input events, and taking its picture."""

from __future__ import annotations

import struct
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.core.actions import (
    Action,
    Answer,
    Back,
    Click,
    Copy,
    Direction,
    Drag,
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
    kind_of,
)
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.operations import plain_action
from screensmith.environments import CannotAct

if TYPE_CHECKING:
    from playwright.sync_api import Page

ELEMENTS_SCRIPT = Path(__file__).with_name("_elements.js")
"""To be added to a browser context before its first page; `elements` and `Select` need it."""

SCREENFULS_A_SCROLL = 0.5
"""How far `Scroll` goes when it does not say; half a screen skips nothing in a list half as high."""

LONGEST_WAIT_SECONDS = 5.0
LONG_PRESS_SECONDS = 0.6
LONGEST_HOVER_SECONDS = 0.2
DRAG_MOVES = 10
NAVIGATION_SECONDS = 15.0
_DIRECTIONS: Mapping[Direction, tuple[int, int]] = {
    "down": (0, 1),
    "up": (0, -1),
    "right": (1, 0),
    "left": (-1, 0),
}
_PNG_HEADER = struct.Struct(">8s4x4sII")


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of the viewport that screenshots show: its top left corner and its size in pixels."""

    size: Size
    left: int = 0
    top: int = 0

    @property
    def edges(self) -> list[int]:
        """Left, top, right, bottom in pixels of the viewport."""
        return [self.left, self.top, self.left + self.size.width, self.top + self.size.height]

    def pixels(self, point: Point) -> tuple[float, float]:
        """Where in the viewport a point of the screenshot lies; far edges belong to the last pixel."""
        return (
            self.left + min(point.x * self.size.width, self.size.width - 0.5),
            self.top + min(point.y * self.size.height, self.size.height - 0.5),
        )

    def point(self, x: float, y: float) -> Point:
        """The inverse of `pixels`; what lies outside the screenshot is moved to its edge."""
        return Point(
            min(max((x - self.left) / self.size.width, 0.0), 1.0),
            min(max((y - self.top) / self.size.height, 0.0), 1.0),
        )

    def box(self, edges: list[float]) -> Box:
        """The box of [left, top, right, bottom] in pixels of the viewport, cut at the screenshot."""
        start, end = self.point(edges[0], edges[1]), self.point(edges[2], edges[3])
        return Box(start.x, start.y, end.x, end.y)


@dataclass(frozen=True, slots=True)
class Stage:
    """A page to act on. Without a start address there is nowhere to navigate to."""

    page: Page
    frame: Frame
    start_address: str = ""


def take_screenshot(page: Page, frame: Frame) -> Screenshot:
    """The frame as PNG. The text cursor is left out, because it blinks."""
    clip = {"x": frame.left, "y": frame.top, "width": frame.size.width, "height": frame.size.height}
    png = page.screenshot(type="png", clip=clip, caret="hide")
    return Screenshot(png, png_size(png))


def png_size(png: bytes) -> Size:
    """The size that a PNG's header states; raises ValueError for other bytes."""
    signature, chunk, width, height = _PNG_HEADER.unpack_from(png)
    if signature != b"\x89PNG\r\n\x1a\n" or chunk != b"IHDR":
        raise ValueError("not a PNG image")
    return Size(width, height)


def visible_elements(page: Page, frame: Frame) -> tuple[Element, ...]:
    """The interactive elements that can be seen in the frame, in document order."""
    found = page.evaluate("frame => __screensmith.interactive(frame)", frame.edges)
    return tuple(Element(frame.box(each["box"]), each["text"], each["kind"]) for each in found)


_SETTLED = """longest => new Promise(resolve => {
  const settle = window.__screensmithSettle;
  const start = performance.now();
  const next = settle ? settle.frame : requestAnimationFrame.bind(window);
  const later = settle ? settle.later : setTimeout.bind(window);
  const look = () => {
    if (!settle || !settle.busy() || performance.now() - start > longest) resolve();
    else next(look);
  };
  next(() => next(look));
  later(resolve, longest + 200);  // pages that are not drawn have no animation frames
})"""


# The listeners that a hover may have started run in the frame, and pictures for it load before the next.
_NEXT_FRAME = """longest => new Promise(resolve => {
  const settle = window.__screensmithSettle;
  (settle ? settle.frame : requestAnimationFrame)(resolve);
  (settle ? settle.later : setTimeout)(resolve, longest);
})"""


def settle(page: Page, longest_seconds: float) -> None:
    """Wait until the page has drawn what the last input caused: two animation frames, about 30 ms.

    Where the page says that it is still moving (`window.__screensmithSettle`), wait for that too, and
    where it is being replaced, for the new page; none of it longer than `longest_seconds`.
    """
    _run_through_navigation(page, _SETTLED, longest_seconds)


def _run_through_navigation(page: Page, script: str, longest_seconds: float) -> None:
    """Run a script, which gets the longest time in milliseconds, again when its page was left meanwhile."""
    from playwright.sync_api import Error

    for _ in range(2):
        try:
            page.evaluate(script, longest_seconds * 1000)
        except Error as error:
            if page.is_closed():
                return  # a tab that closed itself
            if not _is_navigation(error):
                raise
            wait_for_load(page, longest_seconds)
        else:
            return


def _is_navigation(error: Exception) -> bool:
    return any(part in str(error) for part in ("context was destroyed", "Cannot find context"))


def wait_for_load(page: Page, longest_seconds: float) -> None:
    """Wait for the page and what it contains, but not longer than that."""
    from playwright.sync_api import TimeoutError as TooSlow

    try:
        page.wait_for_load_state("load", timeout=longest_seconds * 1000)
    except TooSlow:
        return  # a page that is still loading is what the actor sees


def perform(stage: Stage, action: Action) -> None:
    """Do the action with mouse, keyboard and wheel events that the page cannot tell from a person's.

    `Swipe` moves the content with the wheel, as a finger would; `Scroll` without a place turns the
    wheel over the middle of the screen; `LongPress` holds the left button; `Wait` is cut at
    LONGEST_WAIT_SECONDS; `Answer` and `Finish` send nothing.

    Raises:
        CannotAct: the page offers no way to do it.
    """
    from playwright.sync_api import Error

    try:
        _DOERS[type(action)](stage, action)
    except Error as error:
        if not stage.page.is_closed() and not _is_navigation(error):
            first = str(error).splitlines()[0]
            raise CannotAct(f"the browser could not do {kind_of(action)}: {first}") from error


def _point_at(stage: Stage, point: Point) -> tuple[float, float]:
    """Move the pointer there and let the page react, as it does before a person presses."""
    x, y = stage.frame.pixels(point)
    stage.page.mouse.move(x, y)
    _run_through_navigation(stage.page, _NEXT_FRAME, LONGEST_HOVER_SECONDS)
    return x, y


def _click(stage: Stage, action: Click) -> None:
    stage.page.mouse.click(*_point_at(stage, action.at), button=action.button, click_count=action.count)


def _long_press(stage: Stage, action: LongPress) -> None:
    stage.page.mouse.click(*_point_at(stage, action.at), delay=LONG_PRESS_SECONDS * 1000)


def _hover(stage: Stage, action: Hover) -> None:
    stage.page.mouse.move(*stage.frame.pixels(action.at), steps=2)


def _drag(stage: Stage, action: Drag) -> None:
    mouse = stage.page.mouse
    _point_at(stage, action.start)
    mouse.down()
    try:
        mouse.move(*stage.frame.pixels(action.end), steps=DRAG_MOVES)
    finally:
        mouse.up()


def _swipe(stage: Stage, action: Swipe) -> None:
    (x, y), (end_x, end_y) = stage.frame.pixels(action.start), stage.frame.pixels(action.end)
    stage.page.mouse.move(x, y)
    stage.page.mouse.wheel(x - end_x, y - end_y)


def _scroll(stage: Stage, action: Scroll) -> None:
    size = stage.frame.size
    across, down = _DIRECTIONS[action.direction]
    amount = SCREENFULS_A_SCROLL if action.amount is None else action.amount
    stage.page.mouse.move(*stage.frame.pixels(action.at or Point(0.5, 0.5)))
    stage.page.mouse.wheel(across * amount * size.width, down * amount * size.height)


def _type_text(stage: Stage, action: TypeText) -> None:
    if action.at is not None:
        stage.page.mouse.click(*_point_at(stage, action.at))
    stage.page.keyboard.type(action.text)


def _select(stage: Stage, action: Select) -> None:
    """Open the list and go to the option with the arrow keys, as its popup is not part of the page."""
    if action.at is None:
        raise CannotAct("Select needs the place of the list")
    page, (x, y) = stage.page, stage.frame.pixels(action.at)
    way = page.evaluate("place => __screensmith.optionSteps(place)", [x, y, action.option])
    if "problem" in way:
        raise CannotAct(f"Select: {way['problem']}")
    page.mouse.click(x, y)
    for key in ("Home", *["ArrowDown"] * int(way["steps"]), "Enter"):
        page.keyboard.press(key)
    chosen = page.evaluate("place => __screensmith.chosenOption(place)", [x, y])
    if chosen != " ".join(action.option.split()):
        raise CannotAct(f"Select: asked for {action.option!r}, but the list now shows {chosen!r}")


def _press_keys(stage: Stage, action: PressKeys) -> None:
    pressed: list[str] = []
    try:
        for key in action.keys:
            stage.page.keyboard.down(key)
            pressed.append(key)
    finally:
        for key in reversed(pressed):
            stage.page.keyboard.up(key)


def _copy(stage: Stage, action: Copy) -> None:
    del action  # what it should hold is for the reader of the episode
    stage.page.keyboard.press("ControlOrMeta+c")


def _back(stage: Stage, action: Back) -> None:
    if not stage.start_address or stage.page.evaluate("() => history.length") <= 1:
        raise CannotAct(f"{kind_of(action)}: there is no page to go back to")
    stage.page.go_back(wait_until="load", timeout=NAVIGATION_SECONDS * 1000)


def _home(stage: Stage, action: Home) -> None:
    if not stage.start_address:
        raise CannotAct(f"{kind_of(action)}: this screen has no start page")
    open_address(stage.page, stage.start_address)


def _visit(stage: Stage, action: Visit) -> None:
    if not stage.start_address:
        raise CannotAct(f"{kind_of(action)}: this screen has no address bar")
    address = action.address.strip()
    scheme = urllib.parse.urlsplit(address).scheme
    if not scheme or "://" not in address:
        address, scheme = f"https://{address}", "https"
    allowed = {"http", "https", urllib.parse.urlsplit(stage.start_address).scheme} - {"javascript"}
    if scheme not in allowed:
        raise CannotAct(
            f"Visit: addresses with {scheme}: are not opened, only {', '.join(sorted(allowed))}"
        )
    open_address(stage.page, address)


def open_address(page: Page, address: str) -> None:
    """Open an address. Where it cannot be reached, the browser's own error page is what there is to see."""
    from playwright.sync_api import Error

    try:
        page.goto(address, wait_until="load", timeout=NAVIGATION_SECONDS * 1000)
    except Error as error:
        if page.is_closed() or not any(
            part in str(error) for part in ("net::ERR", "Timeout", "interrupted")
        ):
            raise


def _wait(stage: Stage, action: Wait) -> None:
    stage.page.wait_for_timeout(min(max(action.seconds, 0.0), LONGEST_WAIT_SECONDS) * 1000)


def _open_app(stage: Stage, action: OpenApp) -> None:
    del stage
    raise CannotAct(f"OpenApp({action.name!r}): a browser page has no applications")


def _nothing(stage: Stage, action: Answer | Finish) -> None:
    del stage, action


def _operate(stage: Stage, action: Operate) -> None:
    meant = plain_action(action)
    if meant is None:
        raise CannotAct(f"a plain screen has no operation {action.name} on {action.target!r}")
    _DOERS[type(meant)](stage, meant)


_DOERS: Mapping[type[Action], Callable[[Stage, Any], None]] = {
    Click: _click,
    LongPress: _long_press,
    Hover: _hover,
    Drag: _drag,
    Swipe: _swipe,
    Scroll: _scroll,
    TypeText: _type_text,
    Select: _select,
    PressKeys: _press_keys,
    Copy: _copy,
    Back: _back,
    Home: _home,
    OpenApp: _open_app,
    Visit: _visit,
    Wait: _wait,
    Answer: _nothing,
    Finish: _nothing,
    Operate: _operate,
}
