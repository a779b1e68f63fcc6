"""MiniWoB++ (package `miniwob`) in a real Chromium: small tasks with a reward, on a screen of 160x210.

Source: Farama Foundation, MiniWoB++ 1.x; its pages are opened from the installed package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith.core.actions import Action, ends_episode
from screensmith.core.episode import Element, Screenshot
from screensmith.core.geometry import Size
from screensmith.environments import Demonstration, Outcome, Start, Unsolvable, _miniwob_solvers
from screensmith.environments._chromium import ChromiumMissing, chromium
from screensmith.environments._input import (
    ELEMENTS_SCRIPT,
    Frame,
    Stage,
    perform,
    settle,
    take_screenshot,
    visible_elements,
)
from screensmith.environments._miniwob_scene import Scene
from screensmith.environments._resources import HoldsResources
from screensmith.plugins import suggest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

FRAME = Frame(Size(160, 210))
"""The task area; the page draws its score display to the right of it."""

PAGE_SCRIPT = Path(__file__).with_name("_miniwob.js")
EPISODE_MILLISECONDS = 1_000_000_000
"""Eleven days: an actor may be slow. The largest that a browser's timer takes is 2**31 - 1."""

LONGEST_SETTLE_SECONDS = 2.5
READY_SECONDS = 10.0

GRADED_TASKS = frozenset({"bisect-angle", "circle-center", "find-midpoint", "right-angle"})
GRADED_SUCCESS = 0.8
"""Tasks that grade a click by its distance, so that no click on whole pixels earns 1: more than this
is a success, as in the published protocol of SeeClick, Synapse and ShowUI."""

NOT_EXPRESSIBLE = frozenset({"chase-circle", "draw-circle", "moving-items", "simon-says", "stock-market"})
"""Tasks that clicks, typing, keys, drags and scrolls with a screenshot after each cannot express: they ask
for a pointer that follows, a curve, or an answer to what was only shown in between."""

_START = """([seed, limit]) => {
  core.startEpisode = () => core.createDisplay();  // the last screen stays, instead of a START cover
  core.endEpisode(0);
  Math.seedrandom(seed);
  core.EPISODE_MAX_TIME = limit;
  core.startEpisodeReal();
  window.__screensmithStarted = true;
  const said = core.getUtterance();
  return typeof said === "object" ? [said.utterance, said.fields] : [said, {}];
}"""
_STANDS = "() => window.__screensmithStarted ? [WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL] : [true, 0]"


def open(*, headless: bool = True, viewport_width: int = 500, viewport_height: int = 320) -> MiniWoB:
    """A MiniWoB++ screen.

    Args:
        headless: whether the browser stays invisible.
        viewport_width: of the browser window's inside in pixels, more than the 160 of the task area,
            or the page gets scroll bars that are not part of the task.
        viewport_height: likewise, more than 210.

    Raises:
        ChromiumMissing: Playwright, the package miniwob or a Chromium is not installed.
        ValueError: the viewport is not larger than the task area.
    """
    if viewport_width <= FRAME.size.width or viewport_height <= FRAME.size.height:
        raise ValueError(
            f"viewport of {viewport_width}x{viewport_height} pixels: it must be larger than "
            f"{FRAME.size.width}x{FRAME.size.height}, the size of the task area"
        )
    return MiniWoB(_pages_folder(), headless, Size(viewport_width, viewport_height))


def _pages_folder() -> Path:
    # Importing miniwob would import Selenium and register 128 Gymnasium environments.
    found = importlib.util.find_spec("miniwob")
    if found is None or not found.submodule_search_locations:
        raise ChromiumMissing("the package miniwob is not installed: pip install 'screensmith[browser]'")
    return Path(next(iter(found.submodule_search_locations))) / "html" / "miniwob"


class MiniWoB(HoldsResources):
    """One MiniWoB++ page; see screensmith.environments.Environment.

    The reward is the page's raw one, from 0 to 1, without the decay over time; penalties count as 0,
    and GRADED_TASKS are solved above GRADED_SUCCESS.
    """

    def __init__(self, pages: Path, headless: bool, viewport: Size) -> None:
        self._pages = pages
        self._viewport = viewport
        self._scene: Scene | None = None
        self._finished = False
        with ExitStack() as resources:
            browser = resources.enter_context(chromium(headless=headless))
            self._context: BrowserContext = browser.new_context(
                viewport={"width": viewport.width, "height": viewport.height},
                device_scale_factor=1,
                permissions=["clipboard-read", "clipboard-write"],
            )
            resources.callback(self._context.close)
            self._context.add_init_script(path=PAGE_SCRIPT)
            self._context.add_init_script(path=ELEMENTS_SCRIPT)
            self._page: Page = self._context.new_page()
            self._page.on("dialog", lambda dialog: dialog.dismiss())
            self._resources = resources.pop_all()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a script, sorted."""
        return tuple(sorted(_miniwob_solvers.SOLVERS))

    @property
    def unscripted(self) -> tuple[str, ...]:
        """The other tasks that can be played, sorted, without those in `NOT_EXPRESSIBLE`."""
        pages = {page.stem for page in self._pages.glob("*.html")}
        return tuple(sorted(pages - NOT_EXPRESSIBLE - _miniwob_solvers.SOLVERS.keys()))

    def reset(self, task: str, seed: int) -> Start:
        """Begin an episode on a freshly loaded page."""
        if task not in _miniwob_solvers.SOLVERS and task not in self.unscripted:
            raise suggest("MiniWoB++ task", task, [*self.tasks, *self.unscripted])
        page = self._page
        page.mouse.move(self._viewport.width - 1, self._viewport.height - 1)  # so that nothing is hovered
        page.goto((self._pages / f"{task}.html").as_uri(), wait_until="load")
        goal, fields = page.evaluate(_START, [seed, EPISODE_MILLISECONDS])
        page.wait_for_function("() => WOB_TASK_READY", timeout=READY_SECONDS * 1000)
        settle(page, LONGEST_SETTLE_SECONDS)
        self._finished = False
        self._scene = Scene(page, FRAME, task, goal, fields)
        return Start(goal, take_screenshot(page, FRAME))

    def act(self, action: Action) -> Screenshot:
        """Do one action; there is no address bar and no application here."""
        self._started()
        if not self.outcome().done:
            if ends_episode((action,)):
                self._finished = True
            else:
                perform(Stage(self._page, FRAME), action)
                settle(self._page, LONGEST_SETTLE_SECONDS)
        return take_screenshot(self._page, FRAME)

    def elements(self) -> tuple[Element, ...]:
        """The interactive elements in the task area, known by markup, cursor and listeners."""
        self._started()
        return visible_elements(self._page, FRAME)

    def outcome(self) -> Outcome:
        """The page's own verdict; giving up before it, or leaving the page, earns nothing."""
        task = self._started().task
        done, raw = self._page.evaluate(_STANDS)
        if not done:
            return Outcome(self._finished, 0.0)
        if task in GRADED_TASKS and raw > GRADED_SUCCESS:
            return Outcome(True, 1.0)
        return Outcome(True, min(max(float(raw), 0.0), 1.0))

    def solve(self) -> Iterator[Demonstration]:
        """The task's script, which reads the page's DOM."""
        scene = self._started()
        if scene.task not in _miniwob_solvers.SOLVERS:
            raise Unsolvable(f"there is no script for {scene.task}")
        yield from _miniwob_solvers.SOLVERS[scene.task](scene)

    def _started(self) -> Scene:
        if self._scene is None:
            raise RuntimeError("no episode has begun: call reset(task, seed) first")
        return self._scene
