"""Failures on a benchmark as pictures: the screen, where the answer points, and where it should have."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from screensmith.benchmarks import Scored
from screensmith.core.actions import Action, move_points, points_of
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.evaluate._failures import choose, first_place, reason_of
from screensmith.evaluate._frames import WIDEST, Frame, Strip, shown_size, strips_html
from screensmith.evaluate._html import escape, tag
from screensmith.evaluate._pictures import Narrower, Part

# A target that is shown smaller than this, in CSS pixels, is shown a second time at the screen's own scale.
LEAST_SIDE = 20
PART_HEIGHT = 260
# The second picture holds the target and as much around it at least.
AROUND = 1.6


def gallery(
    failures: Sequence[Scored],
    count: int,
    other: str = "",
    also_wrong: Collection[str] | None = None,
) -> str:
    """At most `count` failures by kind.

    Args:
        failures: the answers that are wrong.
        count: how many are shown, spread over the kinds of failure.
        other: the name of another model.
        also_wrong: the ids of the samples that the other model has wrong; None without another one.
    """
    parts = [_legend()]
    for group in choose(failures, count):
        some = len(group.shown) < group.total
        said = f"{group.total:,}" + (f", {len(group.shown):,} shown" if some else "")
        heading = f"{escape(group.kind)} {tag('span', said, {'class': 'ending'})}"
        parts.append(tag("h3", heading, {"class": "kind"}))
        parts.append(strips_html(_strip(one, other, also_wrong) for one in group.shown))
    return "".join(parts)


def _legend() -> str:
    text = '<span class="key given">what the model did</span><span class="key target">what was right</span>'
    return tag("p", text, {"class": "legend"})


def _strip(one: Scored, other: str, also_wrong: Collection[str] | None) -> Strip:
    sample = one.sample
    ending = ""
    if also_wrong is not None:
        ending = f"{other}: {'also wrong' if sample.id in also_wrong else 'right'}"
    frames = [_whole(one)]
    if (part := _part_around(one)) is not None:
        frames.append(_detail(one, part))
    return Strip(sample.id, sample.questions[0].ask or sample.goal, ending, tuple(frames))


def _whole(one: Scored) -> Frame:
    sample, question = one.sample, one.sample.questions[0]
    size = sample.screenshot.size
    return Frame(
        name=f"the screen, {size.width} by {size.height} pixels",
        screenshot=Screenshot(Narrower(sample.screenshot), size),
        answer=one.prediction.text,
        actions=one.prediction.actions,
        reason=reason_of(one),
        expected=question.expected,
        target=question.target,
    )


def _part_around(one: Scored) -> Box | None:
    """The part of the screen that shows a target which is too small to be seen on the whole screen."""
    screenshot, question = one.sample.screenshot, one.sample.questions[0]
    size, shown = screenshot.size, shown_size(screenshot.size)
    place, box = first_place(question.expected), question.target
    if shown.width >= size.width or (box is None and place is None):
        return None
    across, down, middle = 0.0, 0.0, place
    if box is not None:
        across, down, middle = box.width, box.height, box.centre
    if middle is None or min(across * shown.width, down * shown.height) >= LEAST_SIDE:
        return None
    width = min(1.0, max(WIDEST / size.width, AROUND * across, AROUND * down * size.height / size.width))
    height = min(1.0, max(PART_HEIGHT / size.height, AROUND * down))
    left = min(max(middle.x - width / 2, 0.0), 1.0 - width)
    top = min(max(middle.y - height / 2, 0.0), 1.0 - height)
    return Box(left, top, min(1.0, left + width), min(1.0, top + height))


def _detail(one: Scored, part: Box) -> Frame:
    """The part with the marks that lie in it."""
    screenshot, question = one.sample.screenshot, one.sample.questions[0]
    size = Size(
        max(1, round(part.width * screenshot.size.width)),
        max(1, round(part.height * screenshot.size.height)),
    )
    shown = shown_size(size)
    given = _all_moved(one.prediction.actions, part)
    expected = _all_moved(question.expected, part)
    target = question.target
    if target is not None:
        first, last = Point(target.left, target.top), Point(target.right, target.bottom)
        (left, top), (right, bottom) = _inside(first, part), _inside(last, part)
        target = Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))
    return Frame(
        name="around the target" if target is not None else "around the expected place",
        screenshot=Screenshot(Part(screenshot, part, shown), shown),
        actions=given,
        expected=expected,
        target=target,
        caption=False,
    )


def _inside(point: Point, part: Box) -> tuple[float, float]:
    return (point.x - part.left) / part.width, (point.y - part.top) / part.height


def _all_moved(actions: Sequence[Action], part: Box) -> tuple[Action, ...]:
    return tuple(moved for action in actions if (moved := _moved(action, part)) is not None)


def _moved(action: Action, part: Box) -> Action | None:
    """The action with its places as fractions of the part; None where one lies outside, or it has none."""
    points = points_of(action)
    if not points or not all(part.contains(point) for point in points):
        return None

    def move(point: Point) -> Point:
        x, y = _inside(point, part)
        return Point(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    return move_points(action, move)
