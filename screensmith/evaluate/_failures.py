"""Which answers on a benchmark are wrong, in what way, and which few of them are worth a look."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from screensmith.agent.rollout import unreadable_reason
from screensmith.benchmarks import Benchmark, Scored
from screensmith.core.actions import Action, kind_of, points_of, to_record
from screensmith.core.geometry import Box, Point, Size

UNREADABLE = "unreadable"
KIND = "wrong kind of action"
PLACE = "wrong place"
DETAIL = "wrong text, direction or another detail"
KINDS = (UNREADABLE, KIND, PLACE, DETAIL)

# Kinds of one group differ in how something is done, not in what: metrics may take one for another.
POINTING, MOVING = "pointing", "moving"
GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("Click", "LongPress", "Hover"), POINTING),
    **dict.fromkeys(("Drag", "Swipe", "Scroll"), MOVING),
}

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Group:
    """The failures of one kind: how many there are, and the few that are shown."""

    kind: str
    total: int
    shown: tuple[Scored, ...]


def failures_of(benchmark: Benchmark, scored: Sequence[Scored]) -> list[Scored]:
    """The samples below 1 in a metric that the headline is made of, in the data's order."""
    names = deciding_metrics(benchmark, scored)
    return [one for one in scored if any(_below_one(one.scores[name]) for name in names)]


def _below_one(score: float | None) -> bool:
    return score is not None and score < 1.0


def deciding_metrics(benchmark: Benchmark, scored: Sequence[Scored]) -> tuple[str, ...]:
    """The metrics without which the benchmark's headline has no value.

    Found by asking: a metric decides when the headline of one sample that it applies to is gone as soon
    as its score is. Where none is found so, every metric decides.
    """
    applicable = {
        name: one
        for name in benchmark.metrics
        if (one := next((one for one in scored if one.scores[name] is not None), None)) is not None
    }
    deciding = tuple(
        name
        for name, one in applicable.items()
        if _headline(benchmark, one) is not None
        and _headline(benchmark, replace(one, scores={**one.scores, name: None})) is None
    )
    return deciding or tuple(applicable)


def _headline(benchmark: Benchmark, one: Scored) -> float | None:
    figures = benchmark.figures([one])
    return next((figure.value for figure in figures if figure.name == benchmark.headline), None)


def kind_of_failure(one: Scored) -> str:
    """In what way a wrong answer is wrong, one of `KINDS`, seen from what was expected."""
    if unreadable_reason(one.prediction):
        return UNREADABLE
    question = one.sample.questions[0]
    given, expected = one.prediction.actions, question.expected
    if [_group(action) for action in given[: len(expected)]] != [_group(action) for action in expected]:
        return KIND
    place = first_place(given)
    if question.target is not None and place is not None and not question.target.contains(place):
        return PLACE
    if [_without_places(action) for action in given] == [_without_places(action) for action in expected]:
        # All but the places is equal. Of a movement they say where it goes, too.
        pointing = any(points_of(action) and _group(action) != MOVING for action in given)
        return PLACE if pointing else DETAIL
    same_kinds = [kind_of(action) for action in given] == [kind_of(action) for action in expected]
    return DETAIL if same_kinds or len(given) != len(expected) else KIND


def _group(action: Action) -> str:
    return GROUPS.get(kind_of(action), kind_of(action))


def _without_places(action: Action) -> dict[str, Any]:
    places = {"at", "start", "end"}
    return {name: value for name, value in to_record(action).items() if name not in places}


def first_place(actions: Sequence[Action]) -> Point | None:
    """The first place that the first action names, None where there is none."""
    return next(iter(points_of(actions[0])), None) if actions else None


def reason_of(one: Scored) -> str:
    """What is wrong with an answer, in words for its caption."""
    kind = kind_of_failure(one)
    question = one.sample.questions[0]
    given = one.prediction.actions
    if kind == UNREADABLE:
        return unreadable_reason(one.prediction)
    if kind == KIND:
        return f"{_kinds(given)} instead of {_kinds(question.expected)}"
    place, size = first_place(given), one.sample.screenshot.size
    if kind == PLACE and place is not None:
        if question.target is not None:
            return _off_target(place, question.target, size)
        wanted = first_place(question.expected)
        if wanted is not None:
            return f"{_pixels(place, wanted, size)} pixels from the expected place"
    return kind


def _kinds(actions: Sequence[Action]) -> str:
    return ", ".join(map(kind_of, actions)) or "nothing"


def _off_target(place: Point, box: Box, size: Size) -> str:
    nearest = Point(min(max(place.x, box.left), box.right), min(max(place.y, box.top), box.bottom))
    if nearest == place:
        return "in the target's box, but wrong by the benchmark's rules"
    return f"{_pixels(place, nearest, size)} pixels off the target"


def _pixels(one: Point, other: Point, size: Size) -> int:
    across, down = (one.x - other.x) * size.width, (one.y - other.y) * size.height
    return max(1, round(math.hypot(across, down)))


def choose(failures: Sequence[Scored], count: int) -> list[Group]:
    """At most `count` failures, as evenly over their kinds as there are some.

    Those of a kind come in an order that depends on their ids alone, unreadable ones one for each reason
    in turn, so that the same answers always show the same pictures and a larger `count` only adds some.
    """
    by_kind: dict[str, list[Scored]] = {kind: [] for kind in KINDS}
    for one in sorted(failures, key=lambda one: _place(one.sample.id)):
        by_kind[kind_of_failure(one)].append(one)
    by_reason: dict[str, list[Scored]] = {}
    for one in by_kind[UNREADABLE]:
        by_reason.setdefault(unreadable_reason(one.prediction), []).append(one)
    by_kind[UNREADABLE] = in_turn(list(by_reason.values()))
    turns = in_turn([[(kind, one) for one in found] for kind, found in by_kind.items()])[:count]
    return [
        Group(kind, len(found), tuple(one for own, one in turns if own == kind))
        for kind, found in by_kind.items()
        if found
    ]


def _place(id: str) -> bytes:
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def in_turn(groups: Sequence[Sequence[Item]]) -> list[Item]:
    """One of each group, then the second of each that has one, and so on."""
    longest = max(map(len, groups), default=0)
    return [group[number] for number in range(longest) for group in groups if number < len(group)]
