"""What is generic over the fields of an action."""

import pytest

from screensmith.core import actions as act
from screensmith.core.geometry import Point

A, B = Point(0.25, 0.5), Point(0.75, 1.0)
ONE_OF_EACH = [
    act.Click(A, "right", 2),
    act.LongPress(A),
    act.Hover(A),
    act.Drag(A, B),
    act.Swipe(B, A),
    act.Scroll("left", A, 0.5),
    act.TypeText("hi", None),
    act.Select("Large", B),
    act.PressKeys(("Control", "a")),
    act.Copy("x"),
    act.Back(),
    act.Home(),
    act.OpenApp("Clock"),
    act.Visit("about:blank"),
    act.Wait(1.5),
    act.Answer("42"),
    act.Finish("failure"),
    act.Operate("ZOOM", "the left lung", A),
]


def test_there_is_an_example_of_every_kind():
    assert {act.kind_of(action) for action in ONE_OF_EACH} == set(act.ACTION_TYPES)


@pytest.mark.parametrize("action", ONE_OF_EACH, ids=act.kind_of)
def test_records_round_trip(action):
    assert act.from_record(act.to_record(action)) == action


@pytest.mark.parametrize("action", ONE_OF_EACH, ids=act.kind_of)
def test_moving_points_moves_all_and_nothing_else(action):
    moved = act.move_points(action, lambda point: Point(point.y, point.x))
    assert [Point(p.y, p.x) for p in act.points_of(action)] == list(act.points_of(moved))
    assert act.move_points(moved, lambda point: Point(point.y, point.x)) == action


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"kind": "Dance"}, "unknown action kind"),
        ({}, "unknown action kind"),
        ({"kind": "Back", "speed": 1}, "no field speed"),
        ({"kind": "Click"}, "Click"),
    ],
)
def test_other_records_are_refused(record, message):
    with pytest.raises(ValueError, match=message):
        act.from_record(record)


def test_only_answering_and_finishing_end_an_episode():
    ending = {act.kind_of(action) for action in ONE_OF_EACH if act.ends_episode([action])}
    assert ending == {"Answer", "Finish"}
