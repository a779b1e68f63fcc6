"""Where the frames lie whose scripts cannot know it, because a parent is of another origin."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

# The content of a frame begins inside its border and padding.
PLACE_OF_CONTENT = """holder => {
  const rectangle = holder.getBoundingClientRect(), style = getComputedStyle(holder);
  return [rectangle.left + holder.clientLeft + parseFloat(style.paddingLeft),
          rectangle.top + holder.clientTop + parseFloat(style.paddingTop)];
}"""


class FramePlaces:
    """The frames one DevTools session reaches; `holder` is its first frame, None for a page's session."""

    def __init__(self, session: Any, holder: Any) -> None:
        self._session, self._holder = session, holder
        self._frames: dict[int, str] = {}
        self._origins: dict[str, tuple[float, float]] = {}

    def note_context(self, event: dict[str, Any]) -> None:
        """A script context began: remember its frame."""
        context = event["context"]
        frame = context.get("auxData", {}).get("frameId")
        if frame:
            self._frames[int(context["id"])] = str(frame)

    def origin_of(self, context: int) -> tuple[float, float]:
        """The top left corner of a context's frame in the viewport, in pixels.

        As last known when the frame is gone already; (0, 0) when it never was known.
        """
        from playwright.sync_api import Error

        frame = self._frames.get(context, "")
        with suppress(Error):
            first, (left, top) = self._first_frame(), self._origin_of_first()
            if frame and frame != first:
                owner = self._session.send("DOM.getFrameOwner", {"frameId": frame})
                model = self._session.send("DOM.getBoxModel", {"backendNodeId": owner["backendNodeId"]})
                left, top = left + model["model"]["content"][0], top + model["model"]["content"][1]
            self._origins[frame] = (left, top)
        return self._origins.get(frame, (0.0, 0.0))

    def _first_frame(self) -> str:
        return str(self._session.send("Page.getFrameTree")["frameTree"]["frame"]["id"])

    def _origin_of_first(self) -> tuple[float, float]:
        left, top, inner = 0.0, 0.0, self._holder
        while inner is not None and inner.parent_frame is not None:
            across, down = inner.frame_element().evaluate(PLACE_OF_CONTENT)
            left, top, inner = left + across, top + down, inner.parent_frame
        return left, top
