"""Laws of every prompt, in each of its variants."""

import itertools
import typing

import pytest

from screensmith import plugins
from screensmith.core.actions import Click, Operate, TypeText
from screensmith.core.conversation import Text
from screensmith.core.episode import Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.sample import Question, Sample

SCREEN = Screenshot(b"", Size(100, 100))
SEEN = Size(100, 100)
PAST = (Step(SCREEN, (TypeText("a"),)), Step(SCREEN, (Click(Point(0.5, 0.25)),)))
SAMPLE = Sample("s#2", "log in", SCREEN, history=PAST)
EXPECTED = (Click(Point(0.12, 0.75)),)
TARGET = Box(0.0, 0.5, 0.24, 1.0)
# Which dialect a prompt is written for; the others speak the Neko agent's.
DIALECTS = {
    "showui_grounding": ("showui", {"space": "grounding"}),
    "showui_navigation": ("showui", {"space": "aitw"}),
    "seeclick": ("seeclick", {"space": "aitw"}),
    "memory": ("task_results", {"frame": "fraction"}),
    "forge": ("forge", {}),
    "aguvis": ("pyautogui", {}),
}
# Prompts whose dialects say other actions than a click.
OTHERS_EXPECTED = {"memory": (Operate("ZOOM", "the left lung", Point(0.12, 0.75)),)}


def options_of(name):
    """Every combination of the options that have few values: words from a list, yes or no."""
    function = plugins.load("prompts", name).render
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
    for name in plugins.names("prompts")
    for options in options_of(name)
]


def expected_for(name):
    return OTHERS_EXPECTED.get(name, EXPECTED)


def question_for(name):
    return Question("", expected_for(name), TARGET, thought="It is next.", memory={"short_term": {"a": 1}})


def dialect_for(name):
    plugin, options = DIALECTS.get(name, ("neko", {}))
    return plugins.load("dialects", plugin).dialect(**options)


def render(name, options, question):
    return plugins.load("prompts", name).render(SAMPLE, question, dialect_for(name), SEEN, **options)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_learned_messages_parse_back_to_the_expected_actions(name, options):
    conversation = render(name, options, question_for(name))
    assert conversation == render(name, options, question_for(name))
    learned = [message for message in conversation.messages if message.learn]
    # A prompt may have a model think in a message of its own first; what is to be done is in the whole.
    assert [message.ends_turn for message in learned] == [False] * (len(learned) - 1) + [True]
    answer = "\n".join(message.text for message in learned)
    assert dialect_for(name).parse(answer, SEEN) == expected_for(name)
    assert conversation.messages[-1].learn


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_what_is_learned_of_the_past_are_its_actions(name, options):
    conversation = render(name, options, question_for(name))
    past = [
        dialect_for(name).parse(part.text, SEEN)
        for message in conversation.messages
        for part in message.parts
        if not message.learn and isinstance(part, Text) and part.learn
    ]
    done = [step.actions for step in PAST]
    assert past == done[len(done) - len(past) :]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_request_is_the_beginning_of_the_training_text(name, options):
    request = render(name, options, Question("", (), TARGET))
    whole = render(name, options, question_for(name))
    assert whole.messages[: len(request.messages)] == request.messages
    assert not any(message.learn for message in request.messages)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_screen_is_shown(name, options):
    assert render(name, options, Question()).screenshots[-1] == SCREEN
