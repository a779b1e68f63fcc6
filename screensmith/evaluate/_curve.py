"""The loss curve as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from screensmith.evaluate._html import escape, number, tag

WIDTH, HEIGHT = 720.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 68.0, 20.0, 14.0, 48.0
MOST_POINTS = 360
# A linear axis cannot show where a curve ends that falls by more than this factor.
LOGARITHMIC_FROM = 20.0
SMOOTHING_SHARE = 0.05
# Losses below this are drawn as 0.
SMALLEST = 1e-9
MOST_DECADES = 6

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Scale:
    place: Callable[[float], float]
    ticks: tuple[float, ...]


def loss_points(records: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[float, float]], int]:
    """(step, loss) of every record with a finite loss in order of steps, and how many had none.

    Records without the key "loss" or "step" (evaluations, for example) are not about the loss.
    """
    points: list[tuple[float, float]] = []
    not_finite = 0
    for record in records:
        if "loss" not in record or "step" not in record:
            continue
        step, loss = float(record["step"]), float("nan" if record["loss"] is None else record["loss"])
        if math.isfinite(step) and math.isfinite(loss):
            points.append((step, loss))
        else:
            not_finite += 1
    return sorted(points), not_finite


def loss_curve(points: Curve) -> str:
    """An SVG with axes, the loss of every step (thin) and its running mean (thick).

    `points` are (step, loss) pairs in order of steps, at least one.
    """
    thin = _thin_out(points)
    smooth = _thin_out(_running_mean(points))
    values = [value for _, value in thin]
    logarithmic = min(values) > SMALLEST and max(values) / min(values) >= LOGARITHMIC_FROM
    across = _across(points[0][0], points[-1][0])
    up = _up_logarithmic(values) if logarithmic else _up(values)
    last_step, last = smooth[-1]
    parts = [
        *(_row(up.place(tick), _label(tick)) for tick in up.ticks),
        *(_column(across.place(tick), _label(tick)) for tick in across.ticks),
        _line(thin, across, up, "raw"),
        _line(smooth, across, up, "smooth"),
        f'<circle class="end" cx="{number(across.place(last_step))}" cy="{number(up.place(last))}" r="4"/>',
        _text("optimizer step", LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 4, "middle", "name"),
        f'<text class="name" text-anchor="middle" transform="translate(13 '
        f'{number(TOP + (HEIGHT - TOP - BOTTOM) / 2)}) rotate(-90)">'
        f"loss{' (log scale)' if logarithmic else ''}</text>",
    ]
    said = f"loss from {points[0][1]:.3g} at step {points[0][0]:g} to {last:.3g} at step {last_step:g}"
    frame = {"class": "curve", "viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}", "role": "img", "aria-label": said}
    return tag("svg", "".join(parts), frame)


def _running_mean(points: Curve) -> list[tuple[float, float]]:
    """The mean of the losses around each step.

    At the start, where a loss falls steeply, the window is shorter and stays centred; at the end it
    loses its later half only, so that the last value is a mean too.
    """
    half = int(len(points) * SMOOTHING_SHARE / 2)
    sums = [0.0]
    for _, value in points:
        sums.append(sums[-1] + value)
    smooth = []
    for place, (step, _) in enumerate(points):
        back = min(half, place)
        end = min(place + back, len(points) - 1) + 1
        smooth.append((step, (sums[end] - sums[place - back]) / (end - place + back)))
    return smooth


def _thin_out(points: Curve) -> list[tuple[float, float]]:
    """At most about `MOST_POINTS` points: the lowest and highest of each stretch, and the last."""
    if len(points) <= MOST_POINTS:
        return list(points)
    length = math.ceil(2 * len(points) / MOST_POINTS)
    kept: dict[tuple[float, float], None] = {}
    for start in range(0, len(points), length):
        stretch = points[start : start + length]
        extremes = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept.update(dict.fromkeys(sorted(extremes)))
    kept[points[-1]] = None
    return list(kept)


def _across(first: float, last: float) -> _Scale:
    if first == last:
        return _Scale(lambda _: (LEFT + WIDTH - RIGHT) / 2, (first,))
    ticks = tuple(tick for tick in _round_ticks(first, last, 6) if first <= tick <= last)
    return _Scale(lambda step: LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT), ticks)


def _height(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _up(values: Sequence[float]) -> _Scale:
    low, high = min(0.0, *values), max(0.0, *values)
    ticks = _round_ticks(low, high if high - low > SMALLEST else low + 1.0, 4)
    bottom, top = ticks[0], ticks[-1]
    return _Scale(lambda value: _height((value - bottom) / (top - bottom)), ticks)


def _up_logarithmic(values: Sequence[float]) -> _Scale:
    bottom, top = math.log10(min(values)), math.log10(max(values))
    decades = range(math.floor(bottom), math.ceil(top) + 1, math.ceil((top - bottom) / MOST_DECADES))
    factors = (1, 2, 5) if top - bottom <= 1.5 else (1, 3) if top - bottom <= 3 else (1,)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    inside = tuple(tick for tick in ticks if bottom <= math.log10(tick) <= top)
    return _Scale(lambda value: _height((math.log10(value) - bottom) / (top - bottom)), inside)


def _round_ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten that enclose low to high, `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(place * step for place in range(first, last + 1))


def _label(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _text(text: str, x: float, y: float, anchor: str, kind: str) -> str:
    place = {"class": kind, "x": number(x), "y": number(y), "text-anchor": anchor}
    return tag("text", escape(text), place)


def _row(y: float, label: str) -> str:
    line = f'<path class="grid" d="M{number(LEFT)} {number(y)}H{number(WIDTH - RIGHT)}"/>'
    return line + _text(label, LEFT - 8, y + 4, "end", "tick")


def _column(x: float, label: str) -> str:
    line = f'<path class="grid" d="M{number(x)} {number(HEIGHT - BOTTOM)}v5"/>'
    return line + _text(label, x, HEIGHT - BOTTOM + 20, "middle", "tick")


def _line(points: Curve, across: _Scale, up: _Scale, kind: str) -> str:
    path = "L".join(f"{number(across.place(x))} {number(up.place(y))}" for x, y in points)
    return f'<path class="{kind}" d="M{path}"/>'
