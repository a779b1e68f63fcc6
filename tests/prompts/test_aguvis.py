"""AGUVIS' prompt: who a message is meant for, and how each mode begins the answer."""

import pytest

from screensmith.core.actions import Scroll
from screensmith.core.conversation import Opening
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects.pyautogui import dialect
from screensmith.prompts import Unpacked
from screensmith.prompts.aguvis import AGENT, GROUNDING, render, unpack

SEEN = Size(100, 100)
DOWN = (Scroll("down", None, 0.1),)
SAMPLE = Sample(
    "ep9#1",
    "mute the phone",
    Screenshot(b"", SEEN),
    facts={
        "previous_actions": ["Open settings"],
        "action_text": "Scroll down",
        "observation": "A list.",
    },
)
QUESTION = Question("", DOWN, thought="sound is below")


def messages(question, **options):
    return render(SAMPLE, question, dialect(), SEEN, **options).messages


def answer(**options):
    return [(one.recipient, one.text, one.ends_turn) for one in messages(QUESTION, **options) if one.learn]


CODE = ("os", dialect().render(DOWN, SEEN), True)


def test_a_plan_is_for_everybody_and_code_for_the_system():
    plan = "Observation: A list.\nThought: sound is below\nAction: Scroll down\n"
    assert answer() == [("all", plan, False), CODE]
    assert answer(mode="force-plan") == [
        ("all", "Thought: sound is below\nAction: Scroll down\n", False),
        CODE,
    ]
    assert answer(mode="low-level") == [("all", "Action: Scroll down\n", False), CODE]
    assert answer(mode="grounding") == [CODE]
    assert unpack(f"{plan}<|im_end|>\n<|im_start|>assistant<|recipient|>os\n{CODE[1]}") == Unpacked(
        "sound is below"
    )


def test_the_request():
    system, user = messages(Question())
    assert system.text == AGENT + dialect().describe()
    assert user.text == (
        "What is the next move?\n\nInstruction: mute the phone\n\nPrevious actions:\nStep 1: Open settings"
    )
    system, user = messages(Question("the sound"), mode="grounding")
    assert (system.text, user.text) == (GROUNDING, "the sound")


@pytest.mark.parametrize(
    ("mode", "opening"),
    [
        ("self-plan", Opening("")),
        ("force-plan", Opening("all", "Thought:")),
        ("grounding", Opening("os")),
        ("low-level", Opening("all", "Action: Scroll down\n")),
    ],
)
def test_each_mode_begins_the_answer_its_way(mode, opening):
    assert render(SAMPLE, Question(), dialect(), SEEN, mode=mode).opening == opening
