"""Laws of every dialect, over every action."""

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith import plugins
from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported

DIALECTS = plugins.names("dialects")
SIZE = Size(1280, 800)
FRACTIONS = st.floats(0, 1)
POINTS = st.builds(Point, FRACTIONS, FRACTIONS)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def fields_of(kind):
    """Strategies for the fields of an action type, from their annotations."""
    known = {
        "button": st.sampled_from(typing.get_args(act.Button)),
        "count": st.integers(1, 3),
        "direction": st.sampled_from(typing.get_args(act.Direction)),
        "status": st.sampled_from(typing.get_args(act.Status)),
        "amount": st.none() | st.floats(0.01, 20),
        "seconds": st.floats(0, 60),
        "keys": st.lists(st.sampled_from(["Control", "a", "+", "Enter"]), min_size=1, max_size=3).map(
            tuple
        ),
    }
    hints = typing.get_type_hints(kind)
    for name, hint in hints.items():
        optional = type(None) in typing.get_args(hint)
        if hint is Point:
            known[name] = POINTS
        elif Point in typing.get_args(hint):
            known[name] = st.none() | POINTS if optional else POINTS
        known.setdefault(name, TEXTS)
    return {name: known[name] for name in hints}


ACTIONS = st.one_of([st.builds(kind, **fields_of(kind)) for kind in act.ACTION_TYPES.values()])


def near(first, second, tolerance):
    """Whether two actions are equal but for the quantisation of their points."""
    if act.kind_of(first) != act.kind_of(second):
        return False
    pairs = zip(act.points_of(first), act.points_of(second), strict=True)
    still = Point(0, 0)
    return all(a.distance(b) <= tolerance for a, b in pairs) and act.move_points(
        first, lambda _: still
    ) == act.move_points(second, lambda _: still)


@pytest.mark.parametrize("name", DIALECTS)
@given(actions=st.lists(ACTIONS, min_size=1, max_size=3).map(tuple))
def test_what_is_written_is_read_back(name, actions):
    dialect = plugins.load("dialects", name).dialect()
    try:
        text = dialect.render(actions, SIZE)
    except Unsupported:
        return
    parsed = dialect.parse(text, SIZE)
    assert len(parsed) == len(actions)
    assert all(near(a, b, 0.001) for a, b in zip(actions, parsed, strict=True))
    assert dialect.render(parsed, SIZE) == text


@pytest.mark.parametrize("name", DIALECTS)
@given(text=st.text(max_size=60) | st.text(alphabet="[]{}(),:'\"0123.eE-ACLIKnul ", max_size=60))
def test_other_text_is_unreadable_or_an_action_never_a_crash(name, text):
    dialect = plugins.load("dialects", name).dialect()
    try:
        read = len(dialect.parse(text, SIZE))
    except Unreadable as problem:
        read = len(str(problem))  # a reason, never an empty one
    assert read


@pytest.mark.parametrize("name", DIALECTS)
def test_the_description_names_every_action_offered(name):
    dialect = plugins.load("dialects", name).dialect()
    assert dialect.action_names
    assert all(action in dialect.describe() for action in dialect.action_names)
