"""One step at a time: pixels of the image, memories in and out, and a walk through a task."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from screensmith.agent.predictor import Predictor, pixel_at
from screensmith.core.actions import Click, Drag, Operate
from screensmith.core.geometry import Point, Size
from screensmith.core.prediction import Prediction

EMPTY = {"short_term": {}, "long_term": {}}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "screen.png"
    Image.new("RGB", (200, 100), "teal").save(path)
    return path


class Says:
    """Gives one prediction, and keeps what it was asked."""

    def __init__(self, *predictions):
        self.predictions, self.asked = list(predictions), []

    def __call__(self, samples):
        self.asked += samples
        return [self.predictions.pop(0) for _ in samples]


LOAD = Prediction(
    "{...}",
    (Operate("CLICK", "Load data", Point(0.5, 0.25)),),
    thought="the scan is not loaded",
    memory={"short_term": {"last_action": "CLICK"}, "long_term": {"patient": 4}},
)


def test_a_step_comes_back_in_pixels_with_its_memories(picture):
    policy = Says(LOAD)
    step = Predictor(policy).predict_step(picture, "Load the scan", {}, {})
    assert (step.action, step.target, step.coordinates) == ("CLICK", "Load data", (100, 25))
    assert (step.reason, step.text) == ("the scan is not loaded", "{...}")
    assert (step.short_term_memory, step.long_term_memory) == ({"last_action": "CLICK"}, {"patient": 4})
    assert (step.problem, step.notes, step.done) == ("", (), False)
    (asked,) = policy.asked
    assert (asked.goal, asked.memory, asked.screenshot.size) == ("Load the scan", EMPTY, Size(200, 100))
    assert asked.facts == {"step_number": None}  # nobody said which step it is


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"a": 1}, {"b": [2]}),
        ('{"a": 1}', '{"b": [2]}'),
        ("{'a': 1,}", '```json\n{"b": [2]}\n```'),
    ],
)
def test_memories_are_given_as_dictionaries_or_text(picture, short, long):
    policy = Says(LOAD)
    facts = {"task_id": 7, "step_number": 3, "grounding": {"screen": "viewer"}}
    Predictor(policy).predict_step(str(picture), "Load the scan", short, long, **facts)
    assert policy.asked[0].memory == {"short_term": {"a": 1}, "long_term": {"b": [2]}}
    assert policy.asked[0].facts == {**facts, "task_id": "7"}


@pytest.mark.parametrize(
    "answer",
    [
        Prediction("?", problem="no JSON with an action"),
        Prediction("?", (Operate("CLICK", "x", Point(0, 0)),), "answer cut off"),
    ],
)
def test_an_unreadable_answer_keeps_the_memory_and_says_so(picture, answer):
    step = Predictor(Says(answer)).predict_step(picture, "Load", '{"a": 1}', None)
    assert (step.action, step.target, step.coordinates) == ("", "", None)
    assert (step.short_term_memory, step.long_term_memory) == ({"a": 1}, {})
    assert step.problem == answer.problem
    assert step.notes == ("answer unreadable: memory kept",)


def test_other_actions_are_told_as_operations(picture):
    def told(action):
        step = Predictor(Says(Prediction("", (action,)))).predict_step(picture, "go")
        return step.action, step.coordinates

    assert told(Click(Point(1, 1), count=2)) == ("DOUBLE_CLICK", (199, 99))
    assert told(Drag(Point(0.1, 0.1), Point(0.9, 0.9))) == ("DRAG", (20, 10))


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 5000), st.integers(1, 5000))
def test_every_place_is_a_pixel_of_the_image(x, y, width, height):
    across, down = pixel_at(Point(x, y), Size(width, height))
    assert 0 <= across < width
    assert 0 <= down < height


def test_a_walk_carries_memory_and_begins_anew(picture):
    def counts(samples):
        before = samples[0].memory["long_term"].get("steps", 0)
        done = before == 2
        memory = {"short_term": {}, "long_term": {"steps": before + 1}}
        return [Prediction("", (Operate("COMPLETE" if done else "ZOOM", "in"),), memory=memory)]

    predictor = Predictor(counts)
    walk = predictor.session("count", task_id="7")
    steps = [walk.predict_step(picture) for _ in range(3)]
    assert [step.long_term_memory for step in steps] == [{"steps": 1}, {"steps": 2}, {"steps": 3}]
    assert [step.done for step in steps] == [False, False, True]
    assert walk.step_number == 4
    assert predictor.session("count").predict_step(picture).long_term_memory == {"steps": 1}


def test_a_walk_says_which_task_and_step_it_is(picture):
    policy = Says(LOAD, LOAD)
    walk = Predictor(policy).session("Load", task_id=7)
    walk.predict_step(picture)
    walk.predict_step(picture, grounding={"screen": "viewer"})
    assert policy.asked[0].facts == {"task_id": "7", "step_number": 1}
    assert policy.asked[1].facts == {"task_id": "7", "step_number": 2, "grounding": {"screen": "viewer"}}
    assert policy.asked[1].memory == LOAD.memory


def test_a_given_memory_that_is_too_long_is_shortened_and_that_is_said(picture):
    policy = Says(LOAD)
    predictor = Predictor(policy, longest_memory_characters=60)
    step = predictor.predict_step(picture, "Load", {"a": "x" * 500})
    assert len(json.dumps(policy.asked[0].memory["short_term"], ensure_ascii=False)) <= 60
    assert step.notes == ("short-term memory shortened",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.png", "Load"), "there is no image nowhere.png"),
        ((__file__, "Load"), "test_predictor.py: image corrupt"),
        ((None, " "), "user_goal is blank"),
        ((None, "Load", "[1]"), "short_term_memory must be an object, got list"),
        ((None, "Load", None, "{broken"), "long_term_memory is not a JSON object"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(picture, arguments, words):
    image, *others = arguments
    with pytest.raises(ValueError, match=words):
        Predictor(Says(LOAD)).predict_step(image or picture, *others)


def test_what_tells_the_answer_stays_out_of_the_grounding(picture):
    policy = Says(LOAD, LOAD)
    known = {"screen": "viewer", "state": {"ground_truth": {"action": "CLICK"}, "open": True}}
    predictor = Predictor(policy)
    steps = [
        predictor.predict_step(picture, "Load the scan", grounding=known),
        predictor.session("Load the scan").predict_step(picture, grounding=known),
    ]
    for asked, step in zip(policy.asked, steps, strict=True):
        assert asked.facts["grounding"] == {"screen": "viewer", "state": {"open": True}}
        assert step.notes == ("grounding.state.ground_truth would tell the answer: left out",)
