"""One task, walked step by step: memory is carried, bounded, and survives what cannot be read."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.agent.session import BAD_MEMORY, NO_MEMORY, UNREADABLE, Session
from screensmith.core.actions import Operate
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question, Sample

SCREEN = Screenshot(b"", Size(64, 48))
EMPTY = {"short_term": {}, "long_term": {}}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=25,
)
parts = st.dictionaries(st.text(max_size=9), values, max_size=6)


def answer(memory=None, problem=""):
    actions = () if problem else (Operate("CLICK", "Load data"),)
    return Prediction("{}", actions, problem, memory=memory)


def characters(part):
    return len(json.dumps(part, ensure_ascii=False))


def test_a_task_begins_with_nothing_and_carries_what_was_noted():
    session = Session()
    first = session.sample(SCREEN, "Load the scan", {"task_id": "7"})
    assert (first.memory, first.goal, first.id) == (EMPTY, "Load the scan", "task-7#0")
    assert first.facts == {"task_id": "7", "step_number": 1}
    assert first.questions == (Question(),)
    noted = {"short_term": {"last_action": "CLICK"}, "long_term": {"patient": [1, 2]}}
    taken = session.take(answer(noted))
    assert (taken.memory, taken.notes) == (noted, ())
    second = session.sample(SCREEN, "Load the scan")
    assert (second.memory, second.facts["step_number"]) == (noted, 2)
    assert Session().memory == EMPTY


@pytest.mark.parametrize(
    ("prediction", "note"),
    [
        (answer({"short_term": {"a": 1}}, "no JSON with an action"), UNREADABLE),
        (Prediction("", (), memory={"short_term": {"a": 1}}), UNREADABLE),
        (answer(None), NO_MEMORY),
        (answer({"short_term": {"a": 1}, "long_term": "text"}), BAD_MEMORY),
        (answer({"short_term": {"a": 1}, "else": {}}), BAD_MEMORY),
        (answer({"short_term": {"a": {1, 2}}}), BAD_MEMORY),
    ],
)
def test_memory_survives_an_answer_that_holds_none(prediction, note):
    session = Session()
    noted = {"short_term": {"x": 1}, "long_term": {"y": [2]}}
    session.take(answer(noted))
    taken = session.take(prediction)
    assert (taken.memory, taken.notes, session.step_number) == (noted, (note,), 3)


def test_a_part_that_is_left_out_is_kept_and_an_empty_one_is_not():
    session = Session()
    session.take(answer({"short_term": {"x": 1}, "long_term": {"y": 2}}))
    taken = session.take(answer({"short_term": {}}))
    assert taken.memory == {"short_term": {}, "long_term": {"y": 2}}
    assert taken.notes == ("answer held no long-term memory: kept",)


def test_a_long_memory_loses_long_strings_first_then_the_oldest_entries():
    session = Session(longest_memory_characters=80)
    cut = session.take(answer({"short_term": {"a": "x" * 500, "b": 1}, "long_term": {}}))
    assert cut.memory["short_term"] == {"a": "x" * 9 + "…", "b": 1}
    assert cut.notes == ("short-term memory shortened",)
    notes = {f"step {number}": number for number in range(30)}
    dropped = session.take(answer({"short_term": {}, "long_term": {"steps": list(range(90)), **notes}}))
    kept = dropped.memory["long_term"]
    assert list(kept) == [f"step {number}" for number in range(25, 30)]
    listed = session.take(answer({"short_term": {}, "long_term": {"steps": list(range(90))}}))
    assert listed.memory["long_term"]["steps"][-1] == 89
    assert 60 < characters(listed.memory["long_term"]) <= 80


@given(parts, st.integers(2, 200))
def test_a_carried_memory_is_plain_json_within_the_limit(part, longest):
    def carried():
        session = Session(longest_memory_characters=longest)
        return session.take(answer({"short_term": part, "long_term": {}}))

    taken = carried()
    kept = taken.memory["short_term"]
    text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    assert len(text) <= longest
    assert json.loads(text) == kept
    assert carried() == taken
    assert bool(taken.notes) == (kept != without_odd_numbers(part))


def without_odd_numbers(value):
    """JSON has no word for NaN and the infinities."""
    if isinstance(value, dict):
        return {key: without_odd_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_odd_numbers(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_what_an_answer_holds_can_change_without_changing_the_memory():
    held = {"seen": ["axial"]}
    session = Session()
    session.take(answer({"short_term": held, "long_term": {}}))
    held["seen"].append("coronal")
    session.memory["short_term"]["seen"].append("sagittal")
    assert session.memory["short_term"] == {"seen": ["axial"]}


def test_a_sample_from_a_file_comes_with_the_memory_of_the_session():
    session = Session(memory={"short_term": {"own": 1}})
    sample = Sample("t#4", "goal", SCREEN, memory={"short_term": {"file": 1}}, facts={"step_number": 5})
    assert session.carrying(sample) == Sample(
        "t#4",
        "goal",
        SCREEN,
        memory={"short_term": {"own": 1}, "long_term": {}},
        facts={"step_number": 5},
    )


def test_a_policy_walks_the_task():
    def policy(samples):
        (one,) = samples
        seen = one.memory["long_term"].get("steps", [])
        noted = {"short_term": {}, "long_term": {"steps": [*seen, one.facts["step_number"]]}}
        return [answer(noted)]

    session = Session(policy)
    for _ in range(3):
        prediction, taken = session.step(SCREEN, "count")
    assert prediction.actions
    assert taken.memory["long_term"] == {"steps": [1, 2, 3]}
    with pytest.raises(ValueError, match="no policy"):
        Session().step(SCREEN, "count")


@pytest.mark.parametrize("memory", [{"medium_term": {}}, {"short_term": [1]}, {"long_term": {"a": b""}}])
def test_a_memory_of_another_kind_is_refused(memory):
    with pytest.raises(ValueError, match="memory"):
        Session(memory=memory)


def test_a_memory_that_is_too_long_to_begin_with_is_shortened_and_that_is_said():
    session = Session(memory={"long_term": {"a": "x" * 99}}, longest_memory_characters=40)
    assert session.notes == ("long-term memory shortened",)
    with pytest.raises(ValueError, match="at least 2"):
        Session(longest_memory_characters=1)
