"""Which frame the actor saw when it acted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from screensmith.core.refusals import Refused
from screensmith.readers._mds_lines import Frame

PAIRINGS = ("before", "nearest")


def pair(
    frames: Sequence[Frame],
    action_seconds: float,
    previous_seconds: float | None,
    pairing: str,
    max_lag_seconds: float,
) -> Frame:
    """The frame an action belongs to; `frames` are in order of time.

    `before` takes the last frame that is not later than the action, `nearest` the nearest in time
    (the earlier of two equally near). A frame from before the previous action cannot show what that did.

    Raises:
        Refused: there is no such frame, it is too far away, or it is older than the previous action.
    """
    frame = (
        _last_before(frames, action_seconds) if pairing == "before" else _nearest(frames, action_seconds)
    )
    lag = abs(action_seconds - frame.time_seconds)
    if lag > max_lag_seconds:
        detail = f"{lag:.3f} s between {frame.member} and the action; the limit is {max_lag_seconds:g} s"
        raise Refused("frame too far from the action", detail)
    if previous_seconds is not None and frame.time_seconds < previous_seconds:
        early = previous_seconds - frame.time_seconds
        raise Refused("frame older than the previous action", f"{frame.member} is {early:.3f} s older")
    return frame


def _last_before(frames: Sequence[Frame], seconds: float) -> Frame:
    after = bisect_right(frames, seconds, key=lambda frame: frame.time_seconds)
    if after == 0:
        detail = (
            f"the first frame is {frames[0].time_seconds - seconds:.3f} s later" if frames else "no frames"
        )
        raise Refused("action before the first frame", detail)
    return frames[after - 1]


def _nearest(frames: Sequence[Frame], seconds: float) -> Frame:
    if not frames:
        raise Refused("action without a frame", "no frames")
    after = bisect_left(frames, seconds, key=lambda frame: frame.time_seconds)
    around = frames[max(0, after - 1) : after + 1]
    return min(around, key=lambda frame: abs(frame.time_seconds - seconds))
