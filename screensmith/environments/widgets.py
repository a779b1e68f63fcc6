"""Pages drawn by this project, each asking for one thing: what a starting model learns to see from.

The screens have the size of MiniWoB++'s, but their layouts, words and colours are their own; see
`_widget_pages.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from screensmith.core.actions import Action, Click, TypeText, ends_episode
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Size
from screensmith.environments import Demonstration, Outcome, Start
from screensmith.environments._chromium import chromium
from screensmith.environments._input import (
    ELEMENTS_SCRIPT,
    Frame,
    Stage,
    perform,
    settle,
    take_screenshot,
    visible_elements,
)
from screensmith.environments._resources import HoldsResources
from screensmith.environments._widget_pages import (
    HEIGHT_PIXELS,
    MAKERS,
    WIDTH_PIXELS,
    WidgetPage,
    make_page,
)
from screensmith.plugins import suggest

if TYPE_CHECKING:
    from playwright.sync_api import Page

FRAME = Frame(Size(WIDTH_PIXELS, HEIGHT_PIXELS))
LONGEST_SETTLE_SECONDS = 1.0
# Which items were clicked, in order, seen before the page's own handlers.
_WATCH = """() => {
  window.clicked = [];
  addEventListener("click", event => {
    const item = event.target.closest(".item");
    if (item) window.clicked.push(item.id);
  }, true);
}"""
_EDGES = """id => {
  const box = document.getElementById(id).getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom];
}"""
_STANDS = "id => [window.clicked, id ? document.getElementById(id).value : '']"


def open(*, headless: bool = True) -> Widgets:
    """A screen of 160x210 pixels with widget pages.

    Raises:
        ChromiumMissing: Playwright or a Chromium is not installed.
    """
    return Widgets(headless)


class Widgets(HoldsResources):
    """One page; see screensmith.environments.Environment.

    An episode is over, with reward 1, when the goal's items were clicked in order (and its text
    typed), and with reward 0 at the first click on another item.
    """

    def __init__(self, headless: bool) -> None:
        self._current: WidgetPage | None = None
        self._finished = False
        with ExitStack() as resources:
            browser = resources.enter_context(chromium(headless=headless))
            context = browser.new_context(
                viewport={"width": 2 * WIDTH_PIXELS, "height": 2 * HEIGHT_PIXELS},
                device_scale_factor=1,
            )
            resources.callback(context.close)
            context.add_init_script(path=ELEMENTS_SCRIPT)
            self._page: Page = context.new_page()
            self._page.goto("about:blank")
            self._resources = resources.pop_all()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The kinds of pages, sorted."""
        return tuple(sorted(MAKERS))

    def reset(self, task: str, seed: int) -> Start:
        """Show the page of a task and seed."""
        if task not in MAKERS:
            raise suggest("widgets task", task, list(self.tasks))
        self._current = make_page(task, seed)
        self._finished = False
        self._page.mouse.move(2 * WIDTH_PIXELS - 1, 2 * HEIGHT_PIXELS - 1)
        self._page.set_content(self._current.html)
        self._page.evaluate(_WATCH)
        settle(self._page, LONGEST_SETTLE_SECONDS)
        return Start(self._current.goal, take_screenshot(self._page, FRAME))

    def act(self, action: Action) -> Screenshot:
        """Do one action; there is no address bar and no application here."""
        if not self.outcome().done:
            if ends_episode((action,)):
                self._finished = True
            else:
                perform(Stage(self._page, FRAME), action)
                settle(self._page, LONGEST_SETTLE_SECONDS)
        return take_screenshot(self._page, FRAME)

    def elements(self) -> tuple[Element, ...]:
        """The interactive elements of the page."""
        self._shown()
        return visible_elements(self._page, FRAME)

    def outcome(self) -> Outcome:
        """Whether the right items were clicked, and the text typed before the last of them."""
        page = self._shown()
        clicked, value = self._page.evaluate(_STANDS, page.clicks[0] if page.text else "")
        wanted = list(page.clicks)
        strayed = clicked != wanted[: len(clicked)]
        complete = clicked == wanted
        solved = complete and value == page.text
        return Outcome(complete or strayed or self._finished, float(solved))

    def solve(self) -> Iterator[Demonstration]:
        """Click the page's items in order; a text is typed after the first."""
        page = self._shown()
        for number, id in enumerate(page.clicks):
            box = FRAME.box(self._page.evaluate(_EDGES, id))
            yield Demonstration(Click(box.centre), box)
            if number == 0 and page.text:
                yield Demonstration(TypeText(page.text))

    def _shown(self) -> WidgetPage:
        if self._current is None:
            raise RuntimeError("no episode has begun: call reset(task, seed) first")
        return self._current
