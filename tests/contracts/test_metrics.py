"""Laws of every metric, found by listing files."""

import dataclasses
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith import plugins
from screensmith.core.actions import (
    ACTION_TYPES,
    Back,
    Click,
    Finish,
    Home,
    Hover,
    Operate,
    PressKeys,
    Scroll,
    Select,
    Swipe,
    TypeText,
    points_of,
)
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample

NAMES = plugins.names("metrics")
PARTS = ("click", "kind", "text", "whole")
SCREEN = Screenshot(b"", Size(160, 210))

shares = st.floats(0, 1)
points = st.builds(Point, shares, shares)


def values(hint):
    if type(None) in typing.get_args(hint):
        return st.none() | values(next(part for part in typing.get_args(hint) if part is not type(None)))
    if hint is Point:
        return points
    if hint is float:
        return st.floats(0, 1000)
    if typing.get_origin(hint) is tuple:
        return st.lists(st.text(max_size=8), min_size=1, max_size=3).map(tuple)
    if hint is int:
        return st.integers(1, 3)
    if hint is str:
        return st.text(max_size=12)
    return st.sampled_from(typing.get_args(hint))


def actions_of(action_type):
    hints = typing.get_type_hints(action_type)
    fields = {field.name: values(hints[field.name]) for field in dataclasses.fields(action_type)}
    return st.builds(action_type, **fields)


actions = st.one_of([actions_of(action_type) for action_type in ACTION_TYPES.values()])
answers = st.lists(actions, max_size=3).map(tuple)


@st.composite
def samples(draw, *, least=1):
    expected = draw(st.lists(actions, min_size=least, max_size=3).map(tuple))
    target = None
    places = points_of(expected[0]) if expected else ()
    if places and draw(st.booleans()):
        point = places[0]
        target = Box(
            draw(st.floats(0, point.x)),
            draw(st.floats(0, point.y)),
            draw(st.floats(point.x, 1)),
            draw(st.floats(point.y, 1)),
        )
    return Sample("sample", "do it", SCREEN, (Question("", expected, target),))


# --- Samples of the data sets whose metrics need more than actions and a target. ---


def a_sample(expected, target=None, **facts):
    return Sample("sample", "do it", SCREEN, (Question("", (expected,), target),), facts=facts)


@st.composite
def boxes(draw):
    left, right = sorted(draw(st.lists(shares, min_size=2, max_size=2)))
    top, bottom = sorted(draw(st.lists(shares, min_size=2, max_size=2)))
    return [left, top, right, bottom]


def around(point, margin):
    edges = (point.x - margin, point.y - margin, point.x + margin, point.y + margin)
    return [min(max(edge, 0.0), 1.0) for edge in edges]


@st.composite
def point_samples(draw):
    if draw(st.booleans()):
        return a_sample(Finish("failure"), draw(st.none() | st.just(Box(0, 0, 0, 0))), refusal=True)
    point = Point(draw(st.floats(0.1, 0.9)), draw(st.floats(0.1, 0.9)))
    left, top, right, bottom = around(point, draw(st.floats(0.01, 0.1)))
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return a_sample(Click(point), Box(left, top, right, bottom), polygon=corners, refusal=False)


@st.composite
def aitw_samples(draw):
    at = draw(points)
    kinds = {
        3: st.builds(TypeText, st.text(max_size=8)),
        4: st.just(Click(at)) | st.just(Swipe(at, draw(points))) | actions_of(Scroll),
        5: st.just(Back()),
        6: st.just(Home()),
        7: st.just(PressKeys(("Enter",))),
        10: st.just(Finish("success")),
        11: st.just(Finish("failure")),
    }
    number = draw(st.sampled_from(sorted(kinds)))
    action = draw(kinds[number])
    touch = lift = [-1, -1]
    if isinstance(action, Click | Swipe):
        end = action.end if isinstance(action, Swipe) else at
        touch, lift = [at.x, at.y], [end.x, end.y]
    rows = [
        [box[1], box[0], box[3] - box[1], box[2] - box[0]] for box in draw(st.lists(boxes(), max_size=3))
    ]
    return a_sample(action, action_type_id=number, touch=touch, lift=lift, boxes=rows)


@st.composite
def mind2web_samples(draw):
    """Boxes of whole thousandths: rounding may move others away from their own middle."""
    left, top, right, bottom = (edge / 1000 for edge in draw(st.tuples(*[st.integers(0, 500)] * 4)))
    target = Box(left, top, left + right, top + bottom)
    at = Point(round(target.left, 3), round(target.top, 3))
    text = draw(st.text(max_size=12))
    operation, action = draw(
        st.sampled_from(
            [
                ("CLICK", Click(at)),
                ("CLICK", Hover(at)),
                ("TYPE", TypeText(text, at)),
                ("SELECT", Select(text, at)),
            ]
        )
    )
    return a_sample(action, draw(st.just(target) | st.none()), operation=operation)


@st.composite
def guiact_samples(draw):
    sample = draw(samples())
    places = [points_of(action) for action in sample.questions[0].expected]
    known = [around(found[0], draw(st.floats(0, 0.2))) if found else None for found in places]
    elements = [[number, *box] for number, box in enumerate(draw(st.lists(boxes(), max_size=3)))]
    stage = draw(st.sampled_from(["web-single", "web-multi", "smartphone"]))
    return dataclasses.replace(sample, facts={"stage": stage, "action_boxes": known, "elements": elements})


@st.composite
def androidcontrol_samples(draw):
    rows = draw(st.lists(boxes(), max_size=8))
    return a_sample(draw(actions), level="high", boxes=rows)


@st.composite
def operation_samples(draw):
    """With and without a name, a target and a place; the box need not hold the place."""
    at = draw(st.none() | points)
    target = draw(st.none() | boxes().map(lambda edges: Box(*edges)))
    if at is not None and draw(st.booleans()):
        target = Box(*around(at, 0.05))
    words = st.sampled_from(["", " ", "+", "Load data", "load  DATA", "Größe"]) | st.text(max_size=8)
    return a_sample(Operate(draw(words), draw(words), at), target)


OWN_SAMPLES = {
    "point": point_samples() | samples(),
    "aitw": aitw_samples() | samples(),
    "mind2web": mind2web_samples(),
    "guiact": guiact_samples() | samples(),
    "androidcontrol": androidcontrol_samples() | samples(),
    "operation": operation_samples() | samples(),
}


def samples_of(name):
    return OWN_SAMPLES.get(name.split("_")[0], samples())


def predictions():
    readable = st.builds(Prediction, st.text(max_size=8), answers)
    return readable | st.builds(Prediction, st.text(max_size=8), problem=st.just("no action"))


def test_there_are_metrics():
    assert NAMES == [
        "aitw",
        "aitw_click",
        "aitw_text",
        "aitw_type",
        "androidcontrol",
        "androidcontrol_type",
        "click",
        "guiact_finish",
        "guiact_score",
        "guiact_type",
        "kind",
        "mind2web_element",
        "mind2web_operation",
        "mind2web_step",
        "operation_name",
        "operation_place",
        "operation_step",
        "operation_target",
        "operation_target_f1",
        "point",
        "text",
        "whole",
    ]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), prediction=predictions())
def test_a_score_is_none_or_from_0_to_1_and_the_same_twice(name, data, prediction):
    score = plugins.load("metrics", name).score
    sample = data.draw(samples_of(name) | samples(least=0))
    first = score(prediction, sample)
    assert first is None or (math.isfinite(first) and 0.0 <= first <= 1.0)
    assert score(prediction, sample) == first


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_the_expected_actions_score_best(name, data):
    sample = data.draw(samples_of(name))
    perfect = Prediction("", sample.questions[0].expected)
    assert plugins.load("metrics", name).score(perfect, sample) in (None, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_applies_somewhere(name):
    at = Point(0.3, 0.3)
    typed = name in ("aitw_text", "text")
    action = TypeText("word", at) if typed else Click(at)
    if name.startswith("operation"):
        action = Operate("ZOOM", "Brain MRI", at)
    facts = {
        "action_type_id": 3 if typed else 4,
        "touch": [0.3, 0.3],
        "lift": [0.3, 0.3],
        "operation": "CLICK",
    }
    sample = a_sample(action, Box(0.2, 0.2, 0.4, 0.4), **facts)
    score = plugins.load("metrics", name).score
    assert score(Prediction("", (action,)), sample) == 1.0
    assert score(Prediction("", problem="?"), sample) == 0.0


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), prediction=predictions())
def test_whether_it_applies_depends_on_the_sample_alone(name, data, prediction):
    score = plugins.load("metrics", name).score
    sample = data.draw(samples_of(name) | samples(least=0))
    perfect = Prediction("", sample.questions[0].expected)
    assert (score(prediction, sample) is None) == (score(perfect, sample) is None)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_an_unreadable_answer_scores_0_where_the_metric_applies(name, data):
    score = plugins.load("metrics", name).score
    unreadable = Prediction("gibberish", problem="no action")
    assert score(unreadable, data.draw(samples_of(name))) in (None, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_expected_is_nothing_to_score(name):
    sample = Sample("sample", "do it", SCREEN)
    assert plugins.load("metrics", name).score(Prediction("", ()), sample) is None


@given(prediction=predictions(), sample=samples())
def test_a_whole_action_is_right_in_every_part(prediction, sample):
    if plugins.load("metrics", "whole").score(prediction, sample) == 1.0:
        parts = {name: plugins.load("metrics", name).score(prediction, sample) for name in PARTS}
        assert all(score in (None, 1.0) for score in parts.values()), parts
