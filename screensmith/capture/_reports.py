"""What the page script reports, checked, with its pixels turned into fractions of the viewport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screensmith.core.geometry import Box, Point
from screensmith.core.refusals import Refused

REDACTED = "<password>"
"""Stands for text typed into a secret field; the text itself never leaves the page."""


@dataclass(frozen=True, slots=True)
class InputEvent:
    """One thing a person did, as reported: places in fractions of the viewport, times in epoch seconds.

    `pixels` is the place in viewport pixels (how far a press moved is judged in those); `delta` is a
    scroll distance in screenfuls, right and down positive; `field` names the element for as long as
    its document lives; `until` is when something that took time was over (0: at once); `picture` is
    whatever the recorder attached as the screen before the event.
    """

    kind: str
    time: float
    page: int = 0
    at: Point | None = None
    pixels: tuple[float, float] = (0.0, 0.0)
    button: str = "left"
    touch: bool = False
    text: str = ""
    keys: tuple[str, ...] = ()
    editable: bool = False
    delta: tuple[float, float] = (0.0, 0.0)
    field: str = ""
    target: Box | None = None
    target_kind: str = ""
    target_text: str = ""
    secret: bool = False
    until: float = 0.0
    picture: Any = None


def read_report(
    report: Mapping[str, Any],
    *,
    page: int,
    width: float,
    height: float,
    left: float = 0.0,
    top: float = 0.0,
) -> InputEvent:
    """One report of the page script as an event.

    `width` and `height` are the viewport in CSS pixels, used where the script could not see it;
    `left` and `top` are the place of the script's process-root frame in that viewport.

    Raises:
        Refused: the report is not what the script sends.
    """
    try:
        place = report["frame"]
        known = bool(place["known"])
        width, height = (float(place["width"]), float(place["height"])) if known else (width, height)
        shift_x = float(place["left"]) + (0.0 if known else left)
        shift_y = float(place["top"]) + (0.0 if known else top)
        scale = float(place["scale"])
        target = report.get("target") or {}
        at, pixels = None, (0.0, 0.0)
        if "x" in report:
            pixels = (shift_x + float(report["x"]) * scale, shift_y + float(report["y"]) * scale)
            at = Point(_clamp(pixels[0] / width), _clamp(pixels[1] / height))
        box = None
        if "box" in target:
            box = read_box(target["box"], shift_x, shift_y, scale, width, height)
        return InputEvent(
            kind=str(report["type"]),
            time=float(report["time"]),
            page=page,
            at=at,
            pixels=pixels,
            button=str(report.get("button", "left")),
            touch=bool(report.get("touch", False)),
            text=_text_of(report),
            keys=_keys_of(report),
            editable=bool(report.get("editable", False)),
            delta=(
                float(report.get("deltaX", 0)) * scale / width,
                float(report.get("deltaY", 0)) * scale / height,
            ),
            field=str(target.get("field", "")),
            target=box,
            target_kind=str(target.get("kind", "")),
            target_text=str(target.get("text", "")),
            secret=bool(target.get("secret", False)),
            until=float(report.get("until", 0)),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise Refused("unreadable input report", f"{type(error).__name__}: {error}") from error


def read_box(
    box: Any, shift_x: float, shift_y: float, scale: float, width: float, height: float
) -> Box | None:
    """A box in CSS pixels of its frame as fractions of the viewport, clipped; None when nothing is left."""
    left, top, right, bottom = (float(value) * scale for value in box)
    clipped = (
        _clamp((left + shift_x) / width),
        _clamp((top + shift_y) / height),
        _clamp((right + shift_x) / width),
        _clamp((bottom + shift_y) / height),
    )
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        return None
    return Box(*clipped)


def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _text_of(report: Mapping[str, Any]) -> str:
    for name in ("text", "option", "value", "what"):
        if name in report:
            return str(report[name])
    return ""


def _keys_of(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys held and pressed; Shift is left out where it only made another character."""
    if "key" not in report:
        return ()
    key, held = str(report["key"]), [str(name) for name in report.get("modifiers", ())]
    if len(key) == 1 and held == ["Shift"]:
        held = []
    return (*held, key)
