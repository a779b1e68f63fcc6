"""Any web page or HTML file in a real Chromium, with goals in free words and no scoring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.core.actions import Action, ends_episode
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Size
from screensmith.environments import Demonstration, Outcome, Start, Unsolvable
from screensmith.environments._chromium import chromium
from screensmith.environments._input import (
    ELEMENTS_SCRIPT,
    NAVIGATION_SECONDS,
    Frame,
    Stage,
    open_address,
    perform,
    settle,
    take_screenshot,
    visible_elements,
    wait_for_load,
)
from screensmith.environments._resources import HoldsResources

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

LONGEST_SETTLE_SECONDS = 1.0
BLANK = "about:blank"


def open(
    *, url: str = "", goal: str = "", width: int = 1280, height: int = 720, headless: bool = True
) -> WebPage:
    """A page of the web, or of this machine, to act on.

    Args:
        url: the start page: an address, an existing file's path, or a host name (opened by https).
        goal: what is to be done, for episodes whose task is empty.
        width: of the screen in pixels.
        height: of the screen in pixels.
        headless: whether the browser stays invisible.

    Raises:
        ChromiumMissing: Playwright or a Chromium is not installed.
    """
    return WebPage(address_of(url), goal, Size(width, height), headless)


def address_of(url: str) -> str:
    """The full address of a start page; an empty one is a blank page."""
    if not url.strip():
        return BLANK
    if "://" in url or url.startswith(("about:", "data:")):
        return url
    path = Path(url).expanduser()
    return path.resolve().as_uri() if path.is_file() else f"https://{url}"


class WebPage(HoldsResources):
    """One browser window; see screensmith.environments.Environment.

    Every episode begins with fresh cookies. A new tab is followed, and left again when it closes.
    """

    def __init__(self, start_address: str, goal: str, size: Size, headless: bool) -> None:
        self._start_address = start_address
        self._goal = goal
        self._frame = Frame(size)
        self._finished = False
        self._context: BrowserContext | None = None
        self._navigations: set[Any] = set()
        with ExitStack() as resources:
            self._browser = resources.enter_context(chromium(headless=headless))
            resources.callback(self._close_context)
            self._resources = resources.pop_all()

    @property
    def tasks(self) -> tuple[str, ...]:
        """None: the task given to `reset` is the goal itself."""
        return ()

    def reset(self, task: str = "", seed: int = 0) -> Start:
        """Open the start page with `task` as the goal, or the goal given to `open`; the seed has no effect.

        Raises:
            ValueError: there is neither a task nor a goal.
        """
        del seed
        goal = task.strip() or self._goal.strip()
        if not goal:
            raise ValueError("a web page needs a goal: give one to open(goal=...) or as the task")
        self._close_context()
        self._context = self._browser.new_context(
            viewport={"width": self._frame.size.width, "height": self._frame.size.height},
            device_scale_factor=1,
        )
        self._context.add_init_script(path=ELEMENTS_SCRIPT)
        self._context.on("page", self._watch)
        self._finished = False
        page = self._context.new_page()
        open_address(page, self._start_address)
        self._navigations.clear()
        settle(page, LONGEST_SETTLE_SECONDS)
        return Start(goal, take_screenshot(page, self._frame))

    def act(self, action: Action) -> Screenshot:
        """Do one action, and wait for the page that it leads to."""
        page = self._page()
        if not self._finished:
            self._finished = ends_episode((action,))
            perform(Stage(page, self._frame, self._start_address), action)
            settle(self._page(), LONGEST_SETTLE_SECONDS)
            self._wait_for_navigation()
        return take_screenshot(self._page(), self._frame)

    def elements(self) -> tuple[Element, ...]:
        """Links, buttons, fields and what else markup or cursor say can be operated."""
        return visible_elements(self._page(), self._frame)

    def outcome(self) -> Outcome:
        """Done once the actor said so; nobody scores a free goal, so the reward stays 0."""
        self._page()
        return Outcome(self._finished, 0.0)

    def solve(self) -> Iterator[Demonstration]:
        """Free goals have no script."""
        raise Unsolvable("a web page with a free goal has no script")

    def _page(self) -> Page:
        """The newest tab that is open."""
        if self._context is None:
            raise RuntimeError("no episode has begun: call reset(task, seed) first")
        if not self._context.pages:
            open_address(self._context.new_page(), self._start_address)
        return self._context.pages[-1]

    def _watch(self, page: Page) -> None:
        """Note which main pages are being loaded, from the request to the answer."""

        def starts(request: Any) -> None:
            if request.is_navigation_request() and request.frame == page.main_frame:
                self._navigations.add(request)

        def fails(request: Any) -> None:
            self._navigations.discard(request)

        def arrives(frame: Any) -> None:
            if frame == page.main_frame:
                self._navigations.clear()

        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("request", starts)
        page.on("requestfailed", fails)
        page.on("framenavigated", arrives)
        page.on("close", lambda _: self._navigations.clear())

    def _wait_for_navigation(self) -> None:
        page = self._page()
        end = time.monotonic() + NAVIGATION_SECONDS
        while self._navigations and time.monotonic() < end:
            page.wait_for_timeout(20)  # lets the browser's events arrive
            page = self._page()
        self._navigations.clear()
        wait_for_load(page, max(end - time.monotonic(), 0.1))
        settle(page, LONGEST_SETTLE_SECONDS)

    def _close_context(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None
