"""Operations of an application: the cases of all five metrics."""

import pytest

from screensmith.core.actions import Click, Operate
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.metrics import (
    operation_name,
    operation_place,
    operation_step,
    operation_target,
    operation_target_f1,
)

AT, BOX, OUTSIDE = Point(0.3, 0.3), Box(0.2, 0.2, 0.4, 0.4), Point(0.41, 0.3)
METRICS = (operation_name, operation_target, operation_target_f1, operation_place, operation_step)


def scores(given, *expected, target=BOX):
    """Name, target, target F1, place and step."""
    sample = Sample("s", "load it", Screenshot(b"", Size(100, 100)), (Question("", expected, target),))
    answer = given if isinstance(given, Prediction) else Prediction("", (given,))
    return tuple(metric.score(answer, sample) for metric in METRICS)


LOAD = Operate("CLICK", "Load data", AT)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (LOAD, (1, 1, 1, 1, 1)),
        (Operate("click", " load  DATA ", Point(0.4, 0.2)), (1, 1, 1, 1, 1)),
        (Operate("CLICK", "Load data", OUTSIDE), (1, 1, 1, 0, 0)),
        (Operate("CLICK", "Load data"), (1, 1, 1, 0, 0)),
        (Operate("CLICK", "data", AT), (1, 0, 2 / 3, 1, 0)),
        (Operate("CLICK", "", AT), (1, 0, 0, 1, 0)),
        (Operate("ZOOM", "Load data!", AT), (0, 0, 1, 1, 0)),
        (Operate("ZOOM", "Load data", AT), (0, 1, 1, 1, 0)),
        (Click(AT), (0, 0, 0, 0, 0)),
        (Prediction("", ()), (0, 0, 0, 0, 0)),
        (Prediction("", (LOAD,), "answer cut off"), (0, 0, 0, 0, 0)),
        (Prediction("", (LOAD, LOAD)), (0, 0, 0, 0, 0)),
    ],
)
def test_each_part_is_judged_by_itself_and_a_step_by_all_of_them(given, found):
    assert scores(given, LOAD) == pytest.approx(found)


def test_a_part_that_is_not_known_is_not_judged():
    assert scores(Operate("COMPLETE", "at last"), Operate("COMPLETE")) == (1, None, None, None, 1)
    assert scores(LOAD, LOAD, target=None) == (1, 1, 1, None, 1)
    assert scores(LOAD, Operate("CLICK", "Load data")) == (1, 1, 1, None, 1)


def test_nothing_never_equals_nothing():
    nothing = (None,) * 5
    assert scores(Operate("", ""), Operate("", "")) == nothing
    assert scores(Operate(" ", ""), Operate(" ", "")) == nothing
    assert (
        scores(
            Prediction(""),
        )
        == nothing
    )
    assert scores(Operate("", ""), Operate("CLICK", "Load data"), target=None) == (0, 0, 0, None, 0)


def test_only_one_operation_is_judged():
    assert scores(LOAD, Click(AT)) == (None,) * 5
    assert scores(LOAD, LOAD, LOAD) == (None,) * 5


def test_words_count_as_often_as_they_stand_there():
    assert scores(Operate("TEXT", "a a b"), Operate("TEXT", "a b b"))[2] == pytest.approx(2 / 3)
    assert scores(Operate("TEXT", "the slice"), Operate("TEXT", "slice"))[2] == pytest.approx(2 / 3)


def test_targets_without_words_must_be_equal():
    assert scores(Operate("KEY", "-"), Operate("KEY", "+"))[1:3] == (0, 0)
    assert scores(Operate("KEY", " +"), Operate("KEY", "+"))[1:3] == (1, 1)
