"""Laws of every prompt."""

import pytest

from screensmith import plugins
from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects.neko import dialect

PROMPTS = plugins.names("prompts")
SCREEN = Screenshot(b"", Size(100, 100))
PAST = (Step(SCREEN, (TypeText("a"),)), Step(SCREEN, (Click(Point(0.5, 0.25)),)))
SAMPLE = Sample("s#2", "log in", SCREEN, history=PAST)
EXPECTED = (Click(Point(0.125, 0.75)),)


def render(name, question):
    return plugins.load("prompts", name).render(SAMPLE, question, dialect(), Size(100, 100))


@pytest.mark.parametrize("name", PROMPTS)
def test_learned_messages_parse_back_to_the_expected_actions(name):
    conversation = render(name, Question("", EXPECTED))
    assert conversation == render(name, Question("", EXPECTED))
    learned = [message for message in conversation.messages if message.learn]
    assert [dialect().parse(message.text, Size(100, 100)) for message in learned] == [EXPECTED]


@pytest.mark.parametrize("name", PROMPTS)
def test_the_request_is_the_beginning_of_the_training_text(name):
    request, whole = render(name, Question()), render(name, Question("", EXPECTED))
    assert whole.messages[: len(request.messages)] == request.messages
    assert not any(message.learn for message in request.messages)


@pytest.mark.parametrize("name", PROMPTS)
def test_the_screen_is_shown(name):
    assert render(name, Question()).screenshots[-1] == SCREEN
