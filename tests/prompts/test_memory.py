"""The prompt of task results, and that it never tells its own answer."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from screensmith.core.actions import Operate
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects.task_results import dialect
from screensmith.prompts import Leak, Unpacked
from screensmith.prompts.memory import render, unpack

SEEN = Size(1000, 500)
TRUTH = {"action": "CLICK", "target": "Load data"}
EXPECTED = (Operate("CLICK", "Load data", Point(0.412, 0.188)),)
CARRIED_ON = {"short_term": {"last_action": "CLICK"}, "long_term": {"done": ["CLICK Load data"]}}
QUESTION = Question("", EXPECTED, thought="The dialog is next.", memory=CARRIED_ON)
SAMPLE = Sample(
    "task-7#1",
    "Load the MRI scan",
    Screenshot(b"", SEEN),
    memory={"short_term": {"last_action": "SCROLL"}, "long_term": {"steps": 1}},
    facts={
        "task_id": 7,
        "step_number": 2,
        "grounding": {"panel": "File", "elements": ["Load data", "Save"]},
        "ground_truth": TRUTH,
    },
)


def request(sample=SAMPLE, **options):
    return render(sample, Question(), dialect(), SEEN, **options).messages[0].text


def test_the_request_in_full():
    assert request() == (
        "### Task Context\nTask ID: 7\nStep Number: 2\n\n"
        '### Grounding\n{"panel": "File", "elements": ["Load data", "Save"]}\n\n'
        '### Short Term Memory\n{"last_action": "SCROLL"}\n\n'
        '### Long Term Memory\n{"steps": 1}\n\n'
        "### Instruction\nLoad the MRI scan\n"
        "Possible actions: CLICK, SCROLL, ZOOM, SEGMENT, TEXT, COMPLETE.\n"
        'An action is a JSON object: "action" is its name, "target" says in words what it is done on or '
        'with, and "coords", where there is a place, is a list of two numbers: whole numbers from 0 to '
        "1000 across and down the image.\n"
        'Answer with one JSON object: "Reason", in one sentence, "Predicted" with the action as '
        '"predicted_action", and "Short Term" and "Long Term", what to remember for the next step and '
        "for the whole task.\n\n"
        "### Response"
    )


def test_the_answer_holds_reason_action_and_memories():
    answer = render(SAMPLE, QUESTION, dialect(), SEEN).messages[-1]
    assert answer.learn
    assert answer.text == (
        '{"Reason": "The dialog is next.", "Predicted": {"predicted_action": {"action": "CLICK", '
        '"target": "Load data", "coords": [412, 188]}}, "Short Term": {"last_action": "CLICK"}, '
        '"Long Term": {"done": ["CLICK Load data"]}}'
    )
    assert unpack(answer.text) == Unpacked("The dialog is next.", CARRIED_ON)


@pytest.mark.parametrize(
    ("option", "heading"),
    [
        ("task_context", "Task Context"),
        ("grounding", "Grounding"),
        ("short_term_memory", "Short Term Memory"),
        ("long_term_memory", "Long Term Memory"),
    ],
)
def test_each_block_can_be_left_out(option, heading):
    assert f"### {heading}" in request()
    assert f"### {heading}" not in request(**{option: False})
    assert request().count("###") == request(**{option: False}).count("###") + 1


def test_what_the_file_says_of_the_answer_is_shown_only_when_asked_for():
    assert "ground_truth" not in request()
    shown = render(SAMPLE, QUESTION, dialect(), SEEN, ground_truth=True).messages[0].text
    assert json.dumps({"ground_truth": TRUTH}) in shown


LEAKS = [
    {"ground_truth": {"action": "zoom"}},
    {"next": {"action": "CLICK", "target": "Load data", "coords": [1, 2]}},
    {"next": {"target": "load data", "action": "click"}},
    {"raw": json.dumps({"state": json.dumps(TRUTH)})},
    {"raw": "{'action': 'CLICK', 'target': 'Load data'}"},
]


@pytest.mark.parametrize("place", ["grounding", "short_term", "long_term"])
@pytest.mark.parametrize("told", LEAKS)
def test_a_request_that_tells_its_answer_is_refused(told, place):
    if place == "grounding":
        sample = Sample("s", "g", SAMPLE.screenshot, facts={"grounding": told})
    else:
        sample = Sample("s", "g", SAMPLE.screenshot, memory={place: told})
    with pytest.raises(Leak, match="its own answer"):
        render(sample, QUESTION, dialect(), SEEN)
    assert render(sample, QUESTION, dialect(), SEEN, ground_truth=True)


NAMES = st.sampled_from(["CLICK", "ZOOM", "COMPLETE"])
WORDS = st.text(alphabet="abc XYZ'\"\\", max_size=8)


@given(NAMES, WORDS, st.booleans())
def test_no_rendered_answer_passes_as_a_request(name, target, nested):
    expected = Operate(name, target, Point(0.5, 0.5))
    record = json.loads(dialect().render((expected,), SEEN))
    told = {"raw": json.dumps(record)} if nested else {"next": record}
    sample = Sample("s", "g", SAMPLE.screenshot, facts={"grounding": told})
    with pytest.raises(Leak):
        render(sample, Question("", (expected,)), dialect(), SEEN)


@given(NAMES, NAMES, WORDS)
def test_what_was_done_before_is_no_leak(name, before, target):
    assume(target.strip())
    memory = {"short_term": {"last_action": before, "last_target": target}}
    sample = Sample("s", "g", SAMPLE.screenshot, memory=memory)
    assert render(sample, Question("", (Operate(name, target),)), dialect(), SEEN)


@pytest.mark.parametrize(
    ("text", "unpacked"),
    [
        ("no JSON", Unpacked()),
        ('{"Predicted": {"action": "CLICK"}}', Unpacked()),
        ('{"action": "CLICK", "Reason": 3, "Short Term": "x"}', Unpacked()),
        (
            'So: {"action": "CLICK", "short_term_memory": {"a": 1}} done',
            Unpacked("", {"short_term": {"a": 1}}),
        ),
    ],
)
def test_only_memories_that_can_be_read_count(text, unpacked):
    assert unpack(text) == unpacked
