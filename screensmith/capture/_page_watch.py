"""One page under observation: what is done in it, and what it looks like at every moment.

Input comes from `_recorder.js` in an isolated world of every frame. Pictures come from the DevTools
screencast, which sends one whenever the screen has changed, each with the time it was shown, and
nothing while the screen stands still. So the newest picture not later than an event *is* what the
person saw. Measured with Chromium 156, headless and in a window: a click's effect is in a picture
stamped 10 to 23 ms after the event, and the picture before it is never lost. The browser has at most
three unacknowledged pictures under way; what changes meanwhile is never sent, in a window not even
later. So every pause in the input is followed by an ordinary screenshot, and so is a slowed-down
animation.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from screensmith.capture._frame_places import FramePlaces
from screensmith.capture._frames import JPEG_QUALITY, Frame, FrameLog, Reveals
from screensmith.capture._navigation import History, classify, read_history
from screensmith.capture._reports import InputEvent, read_box, read_report
from screensmith.core.refusals import RefusalLog, Refused

WORLD = "screensmith"
BINDING = "screensmithReport"
LARGEST_PIXELS = 16384
SETTLE_MILLISECONDS = 350.0
BURST_PICTURES = 30.0
INPUT_KINDS = frozenset({"down", "up", "key", "text", "paste", "scroll", "select", "picked"})


def recorder_script() -> str:
    """The page script."""
    return files("screensmith.capture").joinpath("_recorder.js").read_text(encoding="utf-8")


class _Pace:
    """How fast pictures are acknowledged: at once for a while after each input, then so many a second."""

    def __init__(self, frames_per_second: float) -> None:
        self._rate = frames_per_second
        self._credit, self._counted_seconds = BURST_PICTURES, time.monotonic()

    def refill(self) -> None:
        self._credit = BURST_PICTURES

    def wait_seconds(self) -> float:
        now = time.monotonic()
        earned = (now - self._counted_seconds) * self._rate
        self._credit = min(BURST_PICTURES, self._credit + earned) - 1
        self._counted_seconds = now
        return max(0.0, -self._credit / self._rate)


class PageWatch:
    """Watches one page until it is closed; events are handed to `on_input` as they come in."""

    def __init__(
        self,
        page: Any,
        index: int,
        *,
        on_input: Callable[[InputEvent], None],
        refusals: RefusalLog,
        frames_per_second: float,
        headless: bool,
    ) -> None:
        self.page, self.index, self._headless = page, index, headless
        self.frames, self.reveals = FrameLog(), Reveals()
        self.navigation_counts_from_seconds = 0.0
        self._on_input, self._refusals = on_input, refusals
        self._pace = _Pace(frames_per_second)
        viewport = page.viewport_size or {"width": 1, "height": 1}
        self._width, self._height = float(viewport["width"]), float(viewport["height"])
        self._last_input_seconds = 0.0
        self._settling = False
        self._dialog_open = False
        self._seen: dict[str, set[int]] = {}
        self._latest: dict[str, float] = {}
        self._started: tuple[float, str] | None = None
        self._history: History | None = None

    def attach(self) -> None:
        """Begin: raises playwright's Error when the page is closed already."""
        page = self.page
        # A page whose dialogs nobody listens for has them dismissed at once by Playwright.
        page.on("dialog", self._on_dialog)
        page.on("load", self._on_load)
        page.on("frameattached", self._attach_frame)
        page.on("framenavigated", self._attach_frame)
        session = page.context.new_cdp_session(page)
        self._session = session
        self._listen(session, None)
        session.on("Page.screencastFrame", self._on_screencast)
        session.on("Page.javascriptDialogClosed", self._on_dialog_closed)
        session.on("Page.frameStartedNavigating", self._on_navigation_started)
        session.on("Page.frameNavigated", lambda event: self._on_navigated(event["frame"]["id"]))
        session.on("Page.navigatedWithinDocument", lambda event: self._on_navigated(event["frameId"]))
        self._main_frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self._history = read_history(session.send("Page.getNavigationHistory"))
        screencast = {"format": "jpeg", "quality": JPEG_QUALITY, "everyNthFrame": 1}
        session.send(
            "Page.startScreencast", {**screencast, "maxWidth": LARGEST_PIXELS, "maxHeight": LARGEST_PIXELS}
        )
        for frame in page.frames[1:]:
            self._attach_frame(frame)

    def _listen(self, session: Any, holder: Any) -> None:
        """Start the script in the frames a session reaches; `holder` is the first, None for the page."""
        places = FramePlaces(session, holder)
        session.on("Runtime.executionContextCreated", places.note_context)
        session.on("Runtime.bindingCalled", lambda event: self._on_report(event, places))
        session.send("Page.enable")
        session.send("Runtime.enable")
        session.send("Runtime.addBinding", {"name": BINDING, "executionContextName": WORLD})
        script = {"source": recorder_script(), "worldName": WORLD, "runImmediately": True}
        session.send("Page.addScriptToEvaluateOnNewDocument", script)

    def _attach_frame(self, frame: Any) -> None:
        """Frames of other sites live in processes of their own, where the page's session does not reach."""
        from playwright.sync_api import Error

        if frame.parent_frame is None:
            return
        with suppress(Error):  # in the page's own process, where the script already is; or gone again
            self._listen(self.page.context.new_cdp_session(frame), frame)

    # --- pictures -----------------------------------------------------------------------------------

    def _on_screencast(self, event: dict[str, Any]) -> None:
        from playwright.sync_api import Error

        seconds = float(event["metadata"].get("timestamp") or time.time())
        wait_seconds = self._pace.wait_seconds()
        picture = Frame(seconds, base64.b64decode(event["data"]), complete=wait_seconds == 0)
        self.frames.add(picture)
        try:
            if wait_seconds:
                self.page.wait_for_timeout(wait_seconds * 1000)
            self._session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
            if wait_seconds:
                self.settle()
        except Error:
            return  # the page was closed

    def settle(self) -> None:
        """After a pause in the input take a screenshot, in case the screencast left out the last change."""
        if self._settling:
            return
        self._settling = True
        try:
            before = -1.0
            while before != self._last_input_seconds:
                before = self._last_input_seconds
                self.page.wait_for_timeout(SETTLE_MILLISECONDS)
            if not self._dialog_open:  # which would hold the screenshot back
                parameters = {"format": "jpeg", "quality": JPEG_QUALITY}
                data = self._session.send("Page.captureScreenshot", parameters)["data"]
                # Stamped when it is there: it shows nothing later than that.
                self.frames.add(Frame(time.time(), base64.b64decode(data)))
        finally:
            self._settling = False

    def _on_load(self, page: Any) -> None:
        from playwright.sync_api import Error

        del page
        with suppress(Error):  # the page was closed
            self.settle()

    # --- input --------------------------------------------------------------------------------------

    def _on_report(self, event: dict[str, Any], places: FramePlaces) -> None:
        from playwright.sync_api import Error

        if event["name"] != BINDING:
            return
        try:
            report = json.loads(event["payload"])
            # A frame that moved between processes is listened to twice.
            document = str(report["document"])
            seen = self._seen.setdefault(document, set())
            if report["number"] in seen:
                return
            seen.add(report["number"])
            # Some events are stamped by the system, others by the page while an earlier one is handled.
            report["time"] = max(float(report["time"]), self._latest.get(document, 0.0))
            self._latest[document] = report["time"]
            self._take(report, event["executionContextId"], places)
        except (Refused, ValueError, KeyError, TypeError) as error:
            self._refusals.add(f"page {self.index}", "unreadable input report", str(error))
        except Error:
            return  # the page was closed

    def _take(self, report: dict[str, Any], context: int, places: FramePlaces) -> None:
        place = report["frame"]
        if place["known"]:
            self._width, self._height = float(place["width"]), float(place["height"])
        left, top = (0.0, 0.0) if place["known"] else places.origin_of(context)
        kind = report["type"]
        if kind == "hello":
            if report["isTop"]:
                self.reveals.new_document(report["time"])
            return
        if kind == "reveal":
            self._note_reveal(report, left, top)
            return
        if kind == "secret_field":
            report = {**report, "target": {"field": report["field"], "box": report["box"]}}
        event = read_report(
            report, page=self.index, width=self._width, height=self._height, left=left, top=top
        )
        self._on_input(event)
        if kind in INPUT_KINDS:
            self._last_input_seconds = event.time
            self._pace.refill()
            self.settle()

    def _note_reveal(self, report: dict[str, Any], left: float, top: float) -> None:
        place = report["frame"]
        shift = (float(place["left"]) + left, float(place["top"]) + top, float(place["scale"]))
        boxes = [read_box(box, *shift, self._width, self._height) for box in report["boxes"]]
        self.reveals.note(report["document"], report["time"], [box for box in boxes if box is not None])

    def _on_dialog(self, dialog: Any) -> None:
        """In a window the person answers; without one nobody can, and the page would stand still."""
        from playwright.sync_api import Error

        self._dialog_open = True
        if self._headless:
            try:
                dialog.dismiss()
            except Error:
                return

    def _on_dialog_closed(self, event: dict[str, Any]) -> None:
        del event
        self._dialog_open = False

    # --- navigation ---------------------------------------------------------------------------------

    def _on_navigation_started(self, event: dict[str, Any]) -> None:
        if event["frameId"] == self._main_frame:
            self._started = (time.time(), str(event["navigationType"]))

    def _on_navigated(self, frame_id: str) -> None:
        from playwright.sync_api import Error

        if frame_id != self._main_frame:
            return
        started, self._started = self._started, None
        try:
            after = read_history(self._session.send("Page.getNavigationHistory"))
        except Error:
            return  # the page was closed
        before, self._history = self._history, after
        if started is None or before is None or started[0] < self.navigation_counts_from_seconds:
            return
        since = started[0] - self._last_input_seconds
        asked = classify(started[1], before, after, since_input_seconds=since)
        if asked is not None:
            self._on_input(InputEvent(kind=asked[0], time=started[0], page=self.index, text=asked[1]))
