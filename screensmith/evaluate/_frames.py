"""A screen with what was done on it: the picture untouched, the marks as SVG above it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from screensmith.core.actions import Action, Drag, Swipe, kind_of, points_of, to_record
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.evaluate._html import escape, number, shorten, tag

SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
# Screens up to this width, in pixels, are shown at twice their size; wide ones are made to fit.
SMALL_WIDTH = 240
WIDEST = 420
# As in report.css: between frames, and left and right of all of them, in CSS pixels.
GAP = 20
EPISODE_PADDING = 44


@dataclass(frozen=True, slots=True)
class Frame:
    """One screen of the report, what the model answered there, and what was wrong with it.

    `answer` is None where nothing was asked, as on the last screen; `expected` holds the actions that
    were right and `target` the box to hit, where they are known. Without `caption` only the name is
    said below the picture, for a second one of the same answer. `thought` is what was said before it.
    """

    name: str
    screenshot: Screenshot
    answer: str | None = None
    actions: tuple[Action, ...] = ()
    reason: str = ""
    expected: tuple[Action, ...] = ()
    target: Box | None = None
    caption: bool = True
    thought: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """The frames of one episode side by side, under its name, goal and ending."""

    name: str
    goal: str
    ending: str
    frames: tuple[Frame, ...]


def strips_html(strips: Iterable[Strip]) -> str:
    """Episodes of the report; short ones stand side by side."""
    return tag("div", "".join(_strip(strip) for strip in strips), {"class": "episodes"})


def _strip(strip: Strip) -> str:
    widths = [shown_size(frame.screenshot.size).width for frame in strip.frames]
    wide = sum(widths) + GAP * (len(widths) - 1) + EPISODE_PADDING
    heading = tag("h3", f"{escape(strip.name)} {tag('span', escape(strip.ending), {'class': 'ending'})}")
    goal = tag("p", escape(shorten(strip.goal)), {"class": "goal"})
    frames = tag("div", "".join(_frame(frame) for frame in strip.frames), {"class": "frames"})
    return tag("article", heading + goal + frames, {"class": "episode", "style": f"width:{wide}px"})


def shown_size(size: Size) -> Size:
    """The size in CSS pixels at which a screen of `size` pixels is shown."""
    scale = 2.0 if size.width <= SMALL_WIDTH else min(1.0, WIDEST / size.width)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def describe(action: Action) -> str:
    """An action in words that need no dialect: its kind and the fields that say something."""
    fields = to_record(action)
    kind = fields.pop("kind")
    said = [
        f"{name} {_plain(value)}" for name, value in fields.items() if value not in (None, "", "left", 1)
    ]
    return f"{kind} {', '.join(said)}" if said else kind


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(_plain(part) for part in value) + ")"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _frame(frame: Frame) -> str:
    size = shown_size(frame.screenshot.size)
    picture = _picture(frame.screenshot, frame.name, size)
    screen = tag(
        "div", picture + _marks(frame, size), {"class": "screen", "style": f"width:{size.width}px"}
    )
    lines = tag("b", escape(frame.name)) + (_caption(frame) if frame.caption else "")
    return tag("figure", screen + tag("figcaption", lines), {"style": f"max-width:{size.width}px"})


def _caption(frame: Frame) -> str:
    lines = []
    if frame.thought:
        lines.append(tag("p", escape(shorten(frame.thought)), {"class": "thought"}))
    if frame.answer:
        lines.append(tag("code", escape(shorten(frame.answer))))
    elif frame.answer is not None:
        lines.append(tag("p", "the answer is empty", {"class": "reason"}))
    if frame.actions:
        done = "; ".join(describe(action) for action in frame.actions)
        lines.append(tag("p", escape(shorten(done)), {"class": "done"}))
    if frame.expected:
        right = "; ".join(describe(action) for action in frame.expected)
        lines.append(tag("p", f"expected {escape(shorten(right))}", {"class": "expected"}))
    if frame.reason:
        lines.append(tag("p", escape(shorten(frame.reason)), {"class": "reason"}))
    return "".join(lines)


def _picture(screenshot: Screenshot, name: str, size: Size) -> str:
    try:
        data = screenshot.read_bytes()
    except (OSError, ValueError) as error:
        return _no_picture(f"the picture cannot be read: {error}", size)
    kind = next((kind for start, kind in SIGNATURES.items() if data.startswith(start)), "")
    if not kind:
        return _no_picture("the picture is neither PNG nor JPEG", size)
    attributes = {
        "src": f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}",
        "alt": f"the screen at {name}",
        "width": size.width,
        "height": size.height,
        "class": "small" if screenshot.size.width <= SMALL_WIDTH else "large",
    }
    return tag("img", attributes=attributes).removesuffix("</img>")


def _no_picture(reason: str, size: Size) -> str:
    shape = {"class": "missing", "style": f"aspect-ratio:{size.width}/{size.height}"}
    return tag("div", escape(shorten(reason)), shape)


def _marks(frame: Frame, size: Size) -> str:
    parts = [_target(frame.target, size)] if frame.target is not None else []
    if frame.target is None:
        parts += [
            _ring(point, size, "wanted", 7) for action in frame.expected for point in points_of(action)
        ]
    for action in frame.actions:
        parts += _shaft(action, size)
        parts += [_ring(point, size, "given", 11) + _cross(point, size) for point in points_of(action)[-1:]]
    if not parts:
        return ""
    said = "; ".join(kind_of(action) for action in frame.actions) or "target"
    attributes = {
        "class": "marks",
        "viewBox": f"0 0 {size.width} {size.height}",
        "role": "img",
        "aria-label": f"marks: {said}",
    }
    return tag("svg", "".join(parts), attributes)


def _place(point: Point, size: Size) -> tuple[str, str]:
    return number(point.x * size.width), number(point.y * size.height)


def _twice(path: str, kind: str) -> str:
    """A shape over a wider one in the opposite brightness, so that it shows on every screen."""
    return path.format(kind=f"halo {kind}") + path.format(kind=kind)


def _target(box: Box, size: Size) -> str:
    left, top = _place(Point(box.left, box.top), size)
    width = number((box.right - box.left) * size.width)
    height = number((box.bottom - box.top) * size.height)
    shape = f'<rect class="{{kind}}" x="{left}" y="{top}" width="{width}" height="{height}" rx="2"/>'
    return _twice(shape, "target")


def _ring(point: Point, size: Size, kind: str, radius: int) -> str:
    x, y = _place(point, size)
    return _twice(f'<circle class="{{kind}}" cx="{x}" cy="{y}" r="{radius}"/>', kind)


def _cross(point: Point, size: Size) -> str:
    x, y = point.x * size.width, point.y * size.height
    path = f"M{number(x - 5)} {number(y)}h10M{number(x)} {number(y - 5)}v10"
    return _twice(f'<path class="{{kind}}" d="{path}"/>', "given")


def _shaft(action: Action, size: Size) -> list[str]:
    """Where a movement comes from: a small ring, and a line to where it ends."""
    if not isinstance(action, Drag | Swipe):
        return []
    (left, top), (right, bottom) = _place(action.start, size), _place(action.end, size)
    line = _twice(f'<path class="{{kind}}" d="M{left} {top}L{right} {bottom}"/>', "given")
    return [line, _ring(action.start, size, "given", 5)]
