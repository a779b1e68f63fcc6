"""Actions as operations with a name and a target in words, and back."""

import pytest

from screensmith.core import actions as act
from screensmith.core.geometry import Point
from screensmith.core.operations import as_operation, plain_action

HERE, THERE = Point(0.25, 0.5), Point(0.25, 0.1)
SAID_WHOLE = [
    act.Click(HERE),
    act.Click(HERE, "right"),
    act.Click(HERE, count=2),
    act.LongPress(HERE),
    act.Hover(HERE),
    act.Scroll("left", HERE),
    act.TypeText("a + b", HERE),
    act.Select("Large", HERE),
    act.PressKeys(("Control", "a")),
    act.Copy("x"),
    act.Back(),
    act.Home(),
    act.OpenApp("Clock"),
    act.Visit("about:blank"),
    act.Wait(1.5),
    act.Answer("42"),
    act.Finish("success"),
    act.Finish("failure"),
]


@pytest.mark.parametrize("action", SAID_WHOLE, ids=act.kind_of)
def test_what_was_done_is_what_it_means(action):
    operation = as_operation(action, "the button")
    assert plain_action(operation) == action
    assert act.ends_episode((operation,)) == act.ends_episode((action,))


def test_a_place_is_named_in_words_and_text_is_its_own_words():
    assert as_operation(act.Click(HERE), "OK") == act.Operate("CLICK", "OK", HERE)
    assert as_operation(act.TypeText("hi"), "the field") == act.Operate("TEXT", "hi")


def test_a_finger_shows_what_lies_where_it_came_from():
    assert as_operation(act.Swipe(HERE, THERE)) == act.Operate("SCROLL", "down", HERE)
    assert as_operation(act.Swipe(THERE, HERE)) == act.Operate("SCROLL", "up", THERE)


@pytest.mark.parametrize("action", [act.Drag(HERE, THERE), act.Click(HERE, "middle", 3)])
def test_two_places_and_three_clicks_cannot_be_said(action):
    assert as_operation(action) is None


@pytest.mark.parametrize(
    "operation",
    [
        act.Operate("ZOOM", "the left lung", HERE),
        act.Operate("CLICK", "OK"),
        act.Operate("SCROLL", "through the slices"),
        act.Operate("WAIT", "long"),
        act.Operate("KEY", ""),
    ],
)
def test_an_operation_of_the_application_means_nothing_on_a_plain_screen(operation):
    assert plain_action(operation) is None
