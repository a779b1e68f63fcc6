"""Golden text of the prompt for captured episodes."""

from screensmith.core.actions import Click, TypeText
from screensmith.core.conversation import Image
from screensmith.core.episode import Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects.neko import dialect
from screensmith.prompts.neko import render

SCREEN = Screenshot(b"", Size(100, 100))
SEEN = Size(100, 100)
DIALECT = dialect(names=("CLICK",), decimals=2)
GOLDEN = """\
You operate a web page. Given a task and a screenshot, say the next action.
1. CLICK: click at the position; value is null, or the button: left, middle or right
Answer with one JSON object with exactly the keys "action", "value" and "position" and nothing else. \
Write null where a key does not apply. A position is [x, y], or [[x1, y1], [x2, y2]] for two places, \
in fractions of the screen from 0 to 1.
Task: log in
"""


def test_the_text_then_the_screen():
    (message,) = render(Sample("s", "log in", SCREEN), Question(), DIALECT, SEEN).messages
    assert message.text == GOLDEN
    assert message.role == "user"
    assert isinstance(message.parts[-1], Image)


def test_past_actions_are_one_json_list():
    past = (Step(SCREEN, (Click(Point(0.5, 0.25)),)), Step(SCREEN, (TypeText("ab"),)))
    sample = Sample("s", "log in", SCREEN, history=past)
    (message,) = render(sample, Question(), DIALECT, SEEN).messages
    assert message.text == GOLDEN + (
        'Action history: [{"action": "CLICK", "value": null, "position": [0.5, 0.25]}, '
        '{"action": "INPUT", "value": "ab", "position": null}]\n'
    )


def test_a_question_can_ask_something_of_its_own_and_the_screen_can_come_first():
    (message,) = render(
        Sample("s", "log in", SCREEN), Question("press OK"), DIALECT, SEEN, screen_first=True
    ).messages
    assert isinstance(message.parts[0], Image)
    assert message.text.endswith("Task: press OK\n")
