"""The forge's two stages, in the words that a model reads and writes."""

from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects.forge import dialect
from screensmith.prompts import Unpacked
from screensmith.prompts.forge import GROUNDING, REASONING, render, unpack

SEEN = Size(100, 100)
SCREEN = Screenshot(b"", SEEN)
CLICK = (Click(Point(0.91, 0.05)),)
SAMPLE = Sample("s", "mute the phone", SCREEN)
WHY = Question("", CLICK, thought="Sound is in the settings.")


def said(sample, question, **options):
    conversation = render(sample, question, dialect(decimals=2), SEEN, **options)
    return [(message.role, message.text) for message in conversation.messages]


def test_grounding_answers_with_an_action():
    asked = Question("open settings", CLICK, thought="not shown")
    assert said(SAMPLE, asked) == [
        ("system", GROUNDING),
        ("user", "Instruction: open settings"),
        ("assistant", "Action: click(x=0.91, y=0.05)"),
    ]


def test_reasoning_thinks_first_and_knows_what_was_done():
    past = Step(SCREEN, (TypeText("a"),))
    sample = Sample("s", "mute the phone", SCREEN, history=(past, Step(SCREEN, CLICK)))
    system, user, answer = said(sample, WHY, thinking=True)
    assert system == ("system", f"{REASONING}\n{dialect(decimals=2).describe()}")
    assert user[1] == (
        "Instruction: mute the phone\n\nPrevious actions:\nStep 1: type('a')\nStep 2: click(x=0.91, y=0.05)"
    )
    assert answer[1] == "<think>Sound is in the settings.</think>\n<code>click(x=0.91, y=0.05)</code>"
    assert unpack(answer[1]) == Unpacked("Sound is in the settings.")
    assert dialect(decimals=2).parse(answer[1], SEEN) == CLICK


def test_records_say_themselves_what_was_done():
    sample = Sample("s", "go", SCREEN, facts={"previous_actions": ["Open settings"]})
    assert said(sample, WHY, thinking=True)[1][1].endswith("Previous actions:\nStep 1: Open settings")
    assert said(SAMPLE, WHY, thinking=True)[1][1].endswith("Previous actions:\nNone")
    assert said(sample, WHY, thinking=True, history=False)[1][1] == "Instruction: go"
    assert said(sample, WHY)[1][1] == "Instruction: go"


def test_a_step_without_reasons_is_its_action_alone():
    answer = said(SAMPLE, Question("", CLICK), thinking=True)[-1][1]
    assert answer == "<code>click(x=0.91, y=0.05)</code>"
