"""A person demonstrates in a real browser window; what they do becomes an episode.

Typed text into password fields is never seen here: the page script does not report it (see
`_recorder.js`). Where a password can be read on the screen, it is painted over.
"""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from screensmith.capture._events import Recorded, Translator
from screensmith.capture._frames import Frame, paint_over, size_of
from screensmith.capture._navigation import ADDRESSES, without_secrets
from screensmith.capture._page_watch import PageWatch
from screensmith.capture._reports import REDACTED, InputEvent
from screensmith.capture.journal import Journal
from screensmith.capture.sink import EpisodeSink
from screensmith.core.actions import Action, PressKeys, Scroll, TypeText, kind_of, points_of
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.environments._chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Drive = Callable[["Page"], Iterator[float]]
"""Stands in for the person: acts on the page with real input, and yields how many seconds to pause."""

TICK_MILLISECONDS = 50.0
LATE_SECONDS = 0.3
"""Events wait this long, because reports of other frames that were earlier may come later."""
LATEST_SECONDS = 2.0
"""Events wait at most this long for a picture from after them."""
KEPT_SECONDS = 10.0
CLOSING_MILLISECONDS = 500.0
OPENING_MILLISECONDS = 30_000.0
JUST_BEFORE_SECONDS = 0.001


def record_person(
    url: str,
    goal: str,
    store: EpisodeSink,
    *,
    headless: bool = False,
    width: int = 1280,
    height: int = 720,
    frames_per_second: float = 4.0,
    stop: Callable[[], bool] | None = None,
    max_seconds: float = 0.0,
    on_event: Callable[[str], None] | None = None,
    drive: Drive | None = None,
) -> Episode | None:
    """Open a browser window at `url`, record what is done in it, and append the episode to the store.

    It ends when the window is closed, on Ctrl-C, when `stop` returns True, after `max_seconds` (0: no
    limit), or when `drive` (tests, demonstrations) is exhausted. Every action is also written to a
    journal beside the store as it happens; `screensmith.capture.journal.recover` reads it after a crash.

    Args:
        url: where to begin; http, https, file or data.
        goal: what is to be achieved, kept as the episode's goal.
        store: takes the finished episode.
        headless: without a window.
        width: of the viewport, in pixels (device scale factor 1), and so of every screenshot.
        height: of the viewport, in pixels.
        frames_per_second: how many pictures a second are taken of a screen that keeps changing.
        stop: asked about 20 times a second.
        max_seconds: the longest session.
        on_event: told a line about each action, each thing ignored, and the outcome.
        drive: acts instead of a person.

    Returns:
        The episode, or None when nothing was done; then nothing is written.

    Raises:
        ValueError: the goal is empty, or an option has no meaning.
        Refused: the page did not open.
        ChromiumMissing: there is no browser.
    """
    _check(url, goal, width, height, frames_per_second)
    session = _Session(url, goal, store, headless, frames_per_second, on_event or _say_nothing)
    ending = _Ending(stop or (lambda: False), max_seconds)
    with closing(session):
        with chromium(headless=headless) as browser, _interruptible(ending):
            context = browser.new_context(
                viewport={"width": width, "height": height}, device_scale_factor=1
            )
            try:
                session.run(context, ending, drive)
            finally:
                _close(context)
        return session.keep()


def _say_nothing(line: str) -> None:
    del line


def _check(url: str, goal: str, width: int, height: int, frames_per_second: float) -> None:
    if not goal.strip():
        raise ValueError("the goal is empty: say what is to be demonstrated")
    if not url.startswith(ADDRESSES):
        raise ValueError(f"the address must begin with {', '.join(ADDRESSES)}, got {url!r}")
    if width < 1 or height < 1:
        raise ValueError(f"the window must be at least 1x1 pixels, got {width}x{height}")
    if frames_per_second <= 0:
        raise ValueError(f"frames_per_second must be more than 0, got {frames_per_second}")


class _Ending:
    """When to stop."""

    def __init__(self, stop: Callable[[], bool], max_seconds: float) -> None:
        self._stop, self._max_seconds = stop, max_seconds
        self._began = time.monotonic()
        self.interrupted = False

    def reached(self) -> bool:
        too_long = 0 < self._max_seconds <= time.monotonic() - self._began
        return self.interrupted or too_long or self._stop()


@contextmanager
def _interruptible(ending: _Ending) -> Iterator[None]:
    """The first Ctrl-C ends the session in order; a second one is the usual interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        ending.interrupted = True
        signal.signal(signal.SIGINT, earlier)

    earlier = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def _close(context: BrowserContext) -> None:
    from playwright.sync_api import Error

    with suppress(Error):  # the person closed it
        context.close()


def _described(action: Action) -> str:
    """The action for the terminal. Typed text is left out: it may yet turn out to be a secret."""
    if isinstance(action, TypeText) and action.text != REDACTED:
        return f"TypeText({len(action.text)} characters)"
    return str(action)


def _target(recorded: Recorded) -> Box | None:
    """The box that the action must hit: of what was clicked, or of the field that was typed into.

    None when the place lies outside, as with a child that overflows the element it belongs to.
    """
    box = recorded.first.target
    if box is None or isinstance(recorded.action, PressKeys | Scroll):
        return None
    return box if all(box.contains(point) for point in points_of(recorded.action)[:1]) else None


class _Session:
    """One demonstration: its pages, what was done so far, and its journal."""

    def __init__(
        self,
        url: str,
        goal: str,
        store: EpisodeSink,
        headless: bool,
        frames_per_second: float,
        say: Callable[[str], None],
    ) -> None:
        self._url, self._goal, self._store, self._say = url, goal, store, say
        self._headless, self._frames_per_second = headless, frames_per_second
        self._id = uuid.uuid4().hex[:8]
        self._began = datetime.now(UTC)
        self._facts: dict[str, Any] = {
            "source": "person",
            "url": without_secrets(url),
            "started_at": self._began.isoformat(timespec="seconds"),
        }
        self._journal = Journal(store.out, self._id, goal, self._facts)
        self._watches: list[PageWatch] = []
        self._waiting: list[tuple[float, InputEvent]] = []
        self._translator = Translator()
        self._refusals = RefusalLog()
        self._steps: list[Step] = []
        self._done: list[Recorded] = []

    def run(self, context: BrowserContext, ending: _Ending, drive: Drive | None) -> None:
        """Record until the session ends for one of the reasons there are."""
        from playwright.sync_api import Error

        page = context.new_page()
        self._watch(page)
        context.on("page", self._watch)
        self._open(page)
        self._say("recording; close the window or press Ctrl-C to finish")
        script = drive(page) if drive else None
        resume_seconds = 0.0
        while not ending.reached():
            if not self._pause(context, TICK_MILLISECONDS):
                break
            self._advance(time.time())
            if script is not None and time.monotonic() >= resume_seconds:
                pause_seconds = next(script, None)
                if pause_seconds is None:
                    break
                resume_seconds = time.monotonic() + pause_seconds
        with suppress(Error):
            self._pause(context, CLOSING_MILLISECONDS)
        self._advance(float("inf"))
        self._add(self._translator.finish())

    def _pause(self, context: BrowserContext, milliseconds: float) -> bool:
        """Let the browser's messages in; False when no page is left."""
        from playwright.sync_api import Error

        for page in context.pages:
            try:
                page.wait_for_timeout(milliseconds)
            except Error:
                continue  # closed meanwhile; another may be open
            return True
        return False

    def _open(self, page: Page) -> None:
        from playwright.sync_api import Error

        try:
            page.goto(self._url, wait_until="commit", timeout=OPENING_MILLISECONDS)
        except Error as error:
            raise Refused(
                "the page did not open", f"{self._url}: {error.message.splitlines()[0]}"
            ) from error
        with suppress(Error):  # a person can begin before everything has loaded
            page.wait_for_load_state("load", timeout=OPENING_MILLISECONDS)
        self._watches[0].navigation_counts_from_seconds = time.time()

    def _watch(self, page: Page) -> None:
        from playwright.sync_api import Error

        watch = PageWatch(
            page,
            len(self._watches),
            on_input=lambda event: self._waiting.append((time.time(), event)),
            refusals=self._refusals,
            frames_per_second=self._frames_per_second,
            headless=self._headless,
        )
        if not self._watches:
            watch.navigation_counts_from_seconds = float("inf")  # the first page's first load is ours
        self._watches.append(watch)
        with suppress(Error):  # a page that is closed again at once
            watch.attach()
            if watch.index > 0:  # a tab that was opened may stand still from the beginning
                watch.settle()

    def _advance(self, now_seconds: float) -> None:
        """Translate, in order, the events whose picture is known."""
        self._waiting.sort(key=lambda waiting: waiting[1].time)
        while self._waiting and self._is_ready(*self._waiting[0], now_seconds):
            event = self._waiting.pop(0)[1]
            if event.kind == "secret_field":
                self._take_back(event)
            self._refusals.consider()
            picture = self._watches[event.page].frames.before(event.time)
            self._add(self._translator.feed(replace(event, picture=picture)))
        if not self._waiting:
            self._add(self._translator.tick(now_seconds - LATE_SECONDS))
        oldest = self._waiting[0][1].time if self._waiting else time.time()
        for watch in self._watches:
            watch.frames.forget_before(oldest - KEPT_SECONDS)

    def _is_ready(self, came_seconds: float, event: InputEvent, now_seconds: float) -> bool:
        """Pictures come in order, so a later one shows that none from before the event is still to come."""
        waited_seconds = now_seconds - came_seconds
        newest = self._watches[event.page].frames.newest
        followed = newest is not None and newest.seconds > event.time
        return waited_seconds >= (LATE_SECONDS if followed else LATEST_SECONDS)

    def _add(self, finished: list[Recorded]) -> None:
        for recorded in finished:
            try:
                step = self._step(recorded)
            except Refused as refused:
                self._refusals.add(f"{self._id}/{len(self._steps)}", refused.reason, refused.detail)
                self._say(f"not recorded: {refused}")
                continue
            self._journal.add(step)
            self._steps.append(step)
            self._done.append(recorded)
            self._say(f"{len(self._steps)}. {_described(recorded.action)}")

    def _step(self, recorded: Recorded) -> Step:
        first = recorded.first
        picture: Frame | None = first.picture
        if picture is None:
            raise Refused("no picture before the action", kind_of(recorded.action))
        jpeg = paint_over(picture.jpeg, self._watches[first.page].reveals.around(picture.seconds))
        # A complete picture was still on the screen when the action began, however old it is.
        shown_seconds = first.time - JUST_BEFORE_SECONDS if picture.complete else picture.seconds
        acted_on = (
            () if first.target is None else (Element(first.target, first.target_text, first.target_kind),)
        )
        return Step(
            screenshot=Screenshot(jpeg, size_of(jpeg)),
            actions=(recorded.action,),
            target=_target(recorded),
            elements=acted_on,
            facts={
                "frame_time_seconds": max(shown_seconds, picture.seconds),
                "frame_taken_seconds": picture.seconds,
                "action_time_seconds": first.time,
                "action_ended_seconds": recorded.ended_seconds,
                "page": first.page,
            },
        )

    def _take_back(self, event: InputEvent) -> None:
        """A field turned out to be secret: redact what was recorded from it so far, pictures and all."""
        typed = [number for number, recorded in enumerate(self._done) if event.field in recorded.fields]
        if not typed:
            return
        since = self._done[typed[0]].first.time
        boxes = [box for box in (event.target, self._done[typed[0]].first.target) if box is not None]
        for box in boxes:
            self._watches[event.page].reveals.note_from(since, box)
        for number in range(typed[0], len(self._steps)):
            if self._done[number].first.page == event.page:
                step = self._redacted(self._steps[number], number in typed, since, boxes)
                self._journal.replace(number, step)
                self._steps[number] = step

    def _redacted(self, step: Step, typed: bool, since: float, boxes: list[Box]) -> Step:
        shot = step.screenshot
        if step.facts["frame_taken_seconds"] >= since:
            shot = replace(shot, source=paint_over(shot.read_bytes(), boxes))
        return replace(step, screenshot=shot, actions=(TypeText(REDACTED),) if typed else step.actions)

    def keep(self) -> Episode | None:
        """Append the episode to the store; None when nothing was done."""
        for what, count in self._translator.ignored.items():
            self._say(f"ignored {count} x {what}")
        if not self._steps:
            self._say("nothing was done in the window, so nothing was written")
            return None
        episode = Episode(self._id, self._goal, tuple(self._steps), self._outcome())
        self._store.append(episode)
        self._journal.stored()
        self._say(f"recorded episode {self._id} with {len(self._steps)} actions")
        return episode

    def close(self) -> None:
        """Give the journal free."""
        self._journal.close()

    def _outcome(self) -> Mapping[str, Any]:
        ended = datetime.now(UTC)
        facts = {**self._facts, "ended_at": ended.isoformat(timespec="seconds")}
        zoneless = "%Y-%m-%dT%H:%M:%S"  # as the store's columns have it
        recording = {"started_at": self._began.strftime(zoneless), "ended_at": ended.strftime(zoneless)}
        counts = {"ignored": dict(self._translator.ignored), "refused": dict(self._refusals.by_reason())}
        return {**facts, "recording": recording, **{name: count for name, count in counts.items() if count}}
