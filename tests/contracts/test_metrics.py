"""Laws of every metric, found by listing files."""

import dataclasses
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith import plugins
from screensmith.core.actions import ACTION_TYPES, points_of
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample

NAMES = plugins.names("metrics")
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


def predictions():
    readable = st.builds(Prediction, st.text(max_size=8), answers)
    return readable | st.builds(Prediction, st.text(max_size=8), problem=st.just("no action"))


def test_there_are_metrics():
    assert NAMES == ["click", "kind", "text", "whole"]


@pytest.mark.parametrize("name", NAMES)
@given(prediction=predictions(), sample=samples(least=0))
def test_a_score_is_none_or_from_0_to_1_and_the_same_twice(name, prediction, sample):
    score = plugins.load("metrics", name).score
    first = score(prediction, sample)
    assert first is None or (math.isfinite(first) and 0.0 <= first <= 1.0)
    assert score(prediction, sample) == first


@pytest.mark.parametrize("name", NAMES)
@given(sample=samples())
def test_the_expected_actions_score_best(name, sample):
    perfect = Prediction("", sample.questions[0].expected)
    assert plugins.load("metrics", name).score(perfect, sample) in (None, 1.0)


@pytest.mark.parametrize("name", NAMES)
@given(prediction=predictions(), sample=samples(least=0))
def test_whether_it_applies_depends_on_the_sample_alone(name, prediction, sample):
    score = plugins.load("metrics", name).score
    perfect = Prediction("", sample.questions[0].expected)
    assert (score(prediction, sample) is None) == (score(perfect, sample) is None)


@pytest.mark.parametrize("name", NAMES)
@given(sample=samples())
def test_an_unreadable_answer_scores_0_where_the_metric_applies(name, sample):
    score = plugins.load("metrics", name).score
    unreadable = Prediction("gibberish", problem="no action")
    assert score(unreadable, sample) in (None, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_expected_is_nothing_to_score(name):
    sample = Sample("sample", "do it", SCREEN)
    assert plugins.load("metrics", name).score(Prediction("", ()), sample) is None


@given(prediction=predictions(), sample=samples())
def test_a_whole_action_is_right_in_every_part(prediction, sample):
    if plugins.load("metrics", "whole").score(prediction, sample) == 1.0:
        parts = {name: plugins.load("metrics", name).score(prediction, sample) for name in NAMES}
        assert all(score in (None, 1.0) for score in parts.values()), parts
