import pytest

from screensmith.core.actions import (
    Answer,
    Click,
    Copy,
    Drag,
    Hover,
    PressKeys,
    Scroll,
    Select,
    TypeText,
    Wait,
)
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample
from screensmith.metrics import click, kind, text, whole

HERE, NEAR_HERE, FAR = Point(0.5, 0.5), Point(0.6, 0.5), Point(0.9, 0.9)
BUTTON = Box(0.45, 0.45, 0.55, 0.55)


def sample(*expected, target=None):
    question = Question("", expected, target)
    return Sample("sample", "do it", Screenshot(b"", Size(100, 100)), (question,))


def answer(*actions):
    return Prediction("", actions)


def test_kinds_count_in_their_order():
    expected = sample(Click(HERE), TypeText("a"))
    assert kind.score(answer(Click(FAR), TypeText("b")), expected) == 1.0
    assert kind.score(answer(TypeText("a"), Click(HERE)), expected) == 0.0
    assert kind.score(answer(Click(HERE)), expected) == 0.0


@pytest.mark.parametrize(
    ("point", "target", "score"),
    [
        (NEAR_HERE, None, 1.0),
        (FAR, None, 0.0),
        (NEAR_HERE, BUTTON, 0.0),
        (Point(0.45, 0.55), BUTTON, 1.0),
    ],
)
def test_a_click_must_hit_the_target_or_come_near(point, target, score):
    assert click.score(answer(Click(point)), sample(Click(HERE), target=target)) == score


def test_the_limit_of_a_click_is_an_option_and_included():
    assert click.score(answer(Click(NEAR_HERE)), sample(Click(HERE)), limit=0.05) == 0.0
    exactly = sample(Click(Point(0.25, 0.5)))
    assert click.score(answer(Click(Point(0.5, 0.5))), exactly, limit=0.25) == 1.0


def test_click_judges_the_place_whatever_is_done_there():
    assert click.score(answer(Hover(HERE)), sample(Click(HERE))) == 1.0
    assert click.score(answer(Wait(1.0)), sample(Click(HERE))) == 0.0
    assert click.score(answer(Click(HERE)), sample(Wait(1.0))) is None


def test_both_ends_of_a_drag_count_and_the_target_is_the_first():
    expected = sample(Drag(HERE, FAR), target=BUTTON)
    assert click.score(answer(Drag(HERE, Point(0.85, 0.9))), expected) == 1.0
    assert click.score(answer(Drag(NEAR_HERE, FAR)), expected) == 0.0
    assert click.score(answer(Drag(HERE, HERE)), expected) == 0.0


def test_a_target_belongs_to_the_first_action_only():
    expected = sample(Click(HERE), Click(FAR), target=BUTTON)
    assert click.score(answer(Click(HERE), Click(FAR)), expected) == 1.0
    assert whole.score(answer(Click(HERE), Click(FAR)), expected) == 1.0
    no_place_first = sample(TypeText("a"), Click(FAR), target=BUTTON)
    assert click.score(answer(TypeText("a"), Click(FAR)), no_place_first) == 1.0


def test_more_places_than_expected_are_wrong():
    assert click.score(answer(Click(HERE), Click(HERE)), sample(Click(HERE))) == 0.0


def test_text_ignores_case_and_white_space_but_not_letters():
    expected = sample(TypeText("New  York"))
    assert text.score(answer(TypeText(" new york\n")), expected) == 1.0
    assert text.score(answer(TypeText("newyork")), expected) == 0.0
    assert text.score(answer(TypeText("")), expected) == 0.0
    assert text.score(answer(Click(HERE)), expected) == 0.0
    assert text.score(answer(Select("NEW YORK")), expected) == 1.0
    assert text.score(answer(Answer("x")), sample(Click(HERE))) is None


def test_a_decomposed_letter_is_the_same_letter():
    assert text.score(answer(TypeText("u\N{COMBINING DIAERESIS}")), sample(TypeText("ü"))) == 1.0


@pytest.mark.parametrize(
    ("given", "expected", "score"),
    [
        (Click(NEAR_HERE), Click(HERE), 1.0),
        (Click(HERE, "right"), Click(HERE), 0.0),
        (Click(HERE, count=2), Click(HERE), 0.0),
        (TypeText("ABC", NEAR_HERE), TypeText("abc", HERE), 1.0),
        (TypeText("abc"), TypeText("abc", HERE), 0.0),
        (TypeText("abc", HERE), TypeText("abc"), 0.0),
        (Scroll("down", HERE, 0.5), Scroll("down", HERE), 1.0),
        (Scroll("up", HERE), Scroll("down", HERE), 0.0),
        (Scroll("down", HERE), Scroll("down", HERE, 0.5), 0.0),
        (Scroll("down", HERE, 0.504), Scroll("down", HERE, 0.5), 1.0),
        (PressKeys(("Control", "a")), PressKeys(("Control", "a")), 1.0),
        (PressKeys(("a", "Control")), PressKeys(("Control", "a")), 0.0),
        (Copy("anything"), Copy(), 1.0),
        (Copy("anything"), Copy("else"), 0.0),
    ],
)
def test_the_whole_action_compares_every_field(given, expected, score):
    assert whole.score(answer(given), sample(expected)) == score


def test_extra_actions_are_wrong_as_a_whole():
    assert whole.score(answer(Click(HERE), Click(HERE)), sample(Click(HERE))) == 0.0


def test_actions_beside_a_problem_do_not_count():
    doubtful = Prediction("?", (Click(HERE),), problem="cut off")
    for metric in (kind, click, whole):
        assert metric.score(doubtful, sample(Click(HERE))) == 0.0
