"""Laws of every dialect in each of its variants, over every action."""

import itertools
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screensmith import plugins
from screensmith.core import actions as act
from screensmith.core.geometry import Box, Point, Size
from screensmith.dialects import Unreadable, Unsupported, WritesPlaces
from screensmith.dialects._coordinates import FrameName

SIZE = Size(1280, 800)
FRACTIONS = st.floats(0, 1)
POINTS = st.builds(Point, FRACTIONS, FRACTIONS)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
HERE, THERE = Point(0.25, 0.5), Point(0.75, 0.5)
# One action of each kind, as plain as it can be.
PLAIN = (
    act.Click(HERE),
    act.LongPress(HERE),
    act.Hover(HERE),
    act.Drag(HERE, THERE),
    act.Swipe(HERE, THERE),
    act.Scroll("down", None, 1.0),
    act.TypeText("text"),
    act.Select("option"),
    act.PressKeys(("Enter",)),
    act.Copy("text"),
    act.Back(),
    act.Home(),
    act.OpenApp("clock"),
    act.Visit("about:blank"),
    act.Wait(1.0),
    act.Answer("yes"),
    act.Finish("success"),
    act.Operate("ZOOM", "the middle", HERE),
)


def options_of(name):
    """Every combination of the options that have few values: words from a list, yes or no."""
    function = plugins.load("dialects", name).dialect
    hints = typing.get_type_hints(function)
    choices = {}
    for option in plugins.options_of(function):
        if typing.get_origin(hints[option]) is typing.Literal:
            choices[option] = typing.get_args(hints[option])
        elif hints[option] is bool:
            choices[option] = (False, True)
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


VARIANTS = [
    pytest.param(name, options, id="-".join([name, *map(str, options.values())]))
    for name in plugins.names("dialects")
    for options in options_of(name)
]


def made(name, options):
    return plugins.load("dialects", name).dialect(**options)


def fields_of(kind):
    """Strategies for the fields of an action type, from their annotations."""
    known = {
        "button": st.sampled_from(typing.get_args(act.Button)),
        "count": st.integers(1, 3),
        "direction": st.sampled_from(typing.get_args(act.Direction)),
        "name": TEXTS.filter(bool) | st.sampled_from(["CLICK", "ZOOM IN"]),
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


ANY_OF_KIND = {kind: st.builds(kind, **fields_of(kind)) for kind in act.ACTION_TYPES.values()}


def said(dialect, *actions):
    """The text of the actions, or None where the dialect cannot say them."""
    try:
        return dialect.render(actions, SIZE)
    except Unsupported:
        return None


def near(first, second, dialect):
    """Whether two actions are equal but for what the dialect's coordinates cannot tell apart.

    How far a scroll goes may be left out; nothing else may.
    """
    across, down = (unit + 1e-9 for unit in dialect.quantum(SIZE))
    if act.kind_of(first) != act.kind_of(second):
        return False
    pairs = zip(act.points_of(first), act.points_of(second), strict=True)
    if not all(abs(a.x - b.x) <= across and abs(a.y - b.y) <= down for a, b in pairs):
        return False
    lengths = [getattr(action, "amount", None) for action in (first, second)]
    if None not in lengths and abs(lengths[0] - lengths[1]) > max(across, down):
        return False
    first, second = (act.move_points(without_amount(action), lambda _: HERE) for action in (first, second))
    return first == second


def without_amount(action):
    return act.Scroll(action.direction, action.at) if isinstance(action, act.Scroll) else action


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@settings(max_examples=50)
@given(data=st.data())
def test_what_is_written_is_read_back(name, options, data):
    dialect = made(name, options)
    kinds = [type(action) for action in PLAIN if said(dialect, action) is not None]
    assert {act.Click, act.Operate} & set(kinds)
    of_these = st.one_of([ANY_OF_KIND[kind] for kind in kinds])
    actions = data.draw(st.lists(of_these, min_size=1, max_size=3))
    actions = [action for action in actions if said(dialect, action) is not None]
    if not actions:
        return
    if said(dialect, *actions) is None:
        actions = actions[:1]
    text = dialect.render(tuple(actions), SIZE)
    parsed = dialect.parse(text, SIZE)
    assert len(parsed) == len(actions)
    assert all(near(a, b, dialect) for a, b in zip(actions, parsed, strict=True))
    assert dialect.render(parsed, SIZE) == text


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@pytest.mark.parametrize("action", PLAIN, ids=act.kind_of)
def test_a_plain_action_is_said_or_unsupported(name, options, action):
    dialect = made(name, options)
    text = said(dialect, action)
    if text is not None:
        (read,) = dialect.parse(text, SIZE)
        assert near(action, read, dialect)


@st.composite
def broken_answers(draw, dialect):
    """Answers of the dialect with a piece cut out or put in."""
    texts = [text for action in PLAIN if (text := said(dialect, action)) is not None]
    text = draw(st.sampled_from(texts))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 4)))
    return text[:start] + draw(st.text(alphabet="[]{}(),:'\"\\0123.eE-<|>Nul ", max_size=3)) + text[end:]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@settings(max_examples=50)
@given(data=st.data())
def test_other_text_is_unreadable_or_an_action_that_can_be_said_never_a_crash(name, options, data):
    dialect = made(name, options)
    marks = st.text(alphabet="[]{}(),:'\"0123.eE-ACLIKnul ", max_size=60)
    text = data.draw(st.text(max_size=60) | marks | broken_answers(dialect))
    reason, actions = "", ()
    try:
        actions = dialect.parse(text, SIZE)
    except Unreadable as problem:
        reason = str(problem)
    assert bool(actions) != bool(reason)
    # So that an agent's own past can be shown to it.
    assert all(said(dialect, action) is not None for action in actions)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_description_names_every_action_offered(name, options):
    dialect = made(name, options)
    assert dialect.action_names
    assert all(action in dialect.describe() for action in dialect.action_names)
    assert dialect.coordinate_frame in typing.get_args(FrameName)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_where_answers_are_places_a_box_is_read_as_its_middle(name, options):
    dialect = made(name, options)
    if not isinstance(dialect, WritesPlaces):
        return
    box = Box(0.1, 0.2, 0.5, 0.8)
    assert dialect.write_point(box.centre, SIZE) != dialect.write_box(box, SIZE)
    if said(dialect, act.Click(HERE)) == dialect.write_point(HERE, SIZE):
        (click,) = dialect.parse(dialect.write_box(box, SIZE), SIZE)
        assert near(act.Click(box.centre), click, dialect)
