"""Tasks judged with the file's memories and with the model's own: numbers, leaks between tasks, files."""

import csv
import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.core.actions import Click, Operate
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.prediction import Prediction
from screensmith.core.refusals import Refused
from screensmith.dialects.task_results import dialect
from screensmith.evaluate._task_results_files import safe_cell, write_files
from screensmith.evaluate._task_results_page import write_page
from screensmith.evaluate.benchmark import CUT_OFF, Origin
from screensmith.evaluate.task_results import (
    PROPAGATED,
    TEACHER_FORCED,
    check_leaks,
    evaluate_task_results,
)
from screensmith.prompts import Leak

BOX = Box(0.2, 0.2, 0.4, 0.4)


def screen():
    file = io.BytesIO()
    Image.new("RGB", (100, 80), "teal").save(file, "PNG")
    return Screenshot(file.getvalue(), Size(100, 80))


SCREEN = screen()


def memory(task, number):
    return {"short_term": {"task": task, "done": number}, "long_term": {"tasks": [task]} if number else {}}


def right(task, number, count):
    if number == count - 1:
        return Operate("COMPLETE")
    return (
        Operate("CLICK", f"button {number}", BOX.centre)
        if number % 2
        else Operate("ZOOM", f"part {number}")
    )


def task(name, count=4):
    steps = tuple(
        Step(
            SCREEN,
            (right(name, number, count),),
            target=BOX if right(name, number, count).at else None,
            memory=memory(name, number),
            memory_after=memory(name, number + 1),
            facts={
                "task_id": name,
                "step_number": number + 1,
                "image_id": f"{name}_{number}.png",
                "row": 7,
            },
        )
        for number in range(count)
    )
    return Episode(f"task-{name}", f"Do {name}", steps, {"dataset": "task_results", "task_id": name})


def written(operation, noted):
    predicted = {"action": operation.name, "target": operation.target}
    if operation.at:
        predicted["coords"] = [1000 * operation.at.x, 1000 * operation.at.y]
    return json.dumps({"Predicted": {"predicted_action": predicted}, "Short Term": noted["short_term"]})


class Notes:
    """Knows every answer; right only while its memory is of its own task and step. Keeps what it saw."""

    def __init__(self, counts, forgets=()):
        self.counts, self.forgets = counts, forgets
        self.seen, self.batches = [], []

    def __call__(self, samples):
        self.batches.append(len(samples))
        return [self.answer(sample) for sample in samples]

    def answer(self, sample):
        assert sample.questions[0].expected == ()
        name, number = sample.facts["task_id"], sample.facts["step_number"] - 1
        noted = sample.memory["short_term"]
        self.seen.append((name, number, noted))
        if (name, number) in self.forgets:
            return Prediction("I am not sure", problem="no JSON with an action")
        knows = noted.get("done", 0) == number and noted.get("task", name) == name
        operation = right(name, number, self.counts[name]) if knows else Operate("WAIT", "lost")
        after = memory(name, number + 1)
        return Prediction(written(operation, after), (operation,), memory=after)


COUNTS = {"a": 4, "b": 2, "c": 5}
TASKS = [task(name, count) for name, count in COUNTS.items()]


def value(result, mode, name):
    return result.modes[mode].value(name)


def test_a_perfect_policy_is_perfect_with_both_memories():
    result = evaluate_task_results(Notes(COUNTS), TASKS, batch=16)
    assert list(result.modes) == [TEACHER_FORCED, PROPAGATED]
    for mode in result.modes.values():
        assert {one.figure.name: one.figure.value for one in mode.figures} == {
            "action accuracy": 1.0,
            "target accuracy": 1.0,
            "target F1": 1.0,
            "place accuracy": 1.0,
            "step success": 1.0,
            "task success": 1.0,
            "action accuracy, macro over tasks": 1.0,
            "step success, macro over tasks": 1.0,
            "readable answers": 1.0,
            "valid JSON": 1.0,
        }
        assert (mode.cut, mode.unreadable) == (0, {})
    counts = {one.figure.name: one.figure.count for one in result.modes[PROPAGATED].figures}
    assert (counts["step success"], counts["place accuracy"], counts["task success"]) == (11, 3, 3)
    assert all(one.value == 0.0 and one.p == 1.0 for one in result.differences)


def test_a_forgotten_memory_costs_later_steps_only_where_memory_is_its_own():
    result = evaluate_task_results(Notes(COUNTS, forgets=[("c", 1)]), TASKS, batch=16)
    forced, own = result.modes[TEACHER_FORCED], result.modes[PROPAGATED]
    assert forced.value("step success") == pytest.approx(10 / 11)
    assert own.value("step success") == pytest.approx(9 / 11)  # lost at step 3, found again from step 4 on
    assert forced.value("task success") == own.value("task success") == pytest.approx(2 / 3)
    assert own.value("step success, macro over tasks") == pytest.approx((1 + 1 + 3 / 5) / 3)
    assert own.unreadable == {"no JSON with an action": 1}
    assert own.memory_notes == {"answer unreadable: memory kept": 1}
    assert own.value("valid JSON") == own.value("readable answers") == pytest.approx(10 / 11)
    (lost,) = (one for one in result.differences if one.figure == "step success")
    assert lost.value == pytest.approx(-1 / 11)
    assert [step.wrong for step in own.by_task()["task-c"]] == [False, True, True, False, False]
    actions = {name: len(steps) for name, steps in own.by_action().items()}
    assert list(actions.items()) == [("ZOOM", 5), ("CLICK", 3), ("COMPLETE", 3)]


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_nothing_leaks_between_tasks_and_batches_change_no_answer(batch):
    policy = Notes(COUNTS)
    result = evaluate_task_results(policy, TASKS, batch=batch, modes=[PROPAGATED])
    for name, number, noted in policy.seen:
        assert noted == ({"task": name, "done": number} if number else {}), (name, number)
    alone = [
        step
        for one in TASKS
        for step in evaluate_task_results(Notes(COUNTS), [one], batch=1).modes[PROPAGATED].steps
    ]
    assert list(result.modes[PROPAGATED].steps) == alone
    if batch == 16:
        assert policy.batches == [3, 3, 2, 2, 1]


def test_a_policy_that_changes_what_it_is_shown_changes_no_other_step():
    def spoil(samples):
        for sample in samples:
            sample.memory["short_term"]["spoiled"] = True
        return [Prediction("", problem="?") for _ in samples]

    result = evaluate_task_results(spoil, TASKS, batch=1, modes=[PROPAGATED])
    assert all(
        step.carried == {"short_term": {}, "long_term": {}} for step in result.modes[PROPAGATED].steps
    )


def test_a_long_memory_is_shortened_and_that_is_counted():
    def hoard(samples):
        return [
            Prediction(
                "{}", (Operate("ZOOM", "x"),), memory={"short_term": {"n": "x" * 99}, "long_term": {}}
            )
            for _ in samples
        ]

    result = evaluate_task_results(hoard, TASKS, batch=8, modes=[PROPAGATED], longest_memory_characters=50)
    assert result.modes[PROPAGATED].memory_notes == {"short-term memory shortened": 11}
    assert result.asked["longest_memory_characters"] == 50


def test_what_cannot_be_asked_or_is_cut_is_wrong_and_counted():
    def fussy(samples):
        if any(sample.facts["task_id"] == "b" for sample in samples):
            raise Refused("broken image", "b.png")
        return [Prediction("{", problem=CUT_OFF) for _ in samples]

    done = []
    result = evaluate_task_results(
        fussy, TASKS, batch=8, on_batch=lambda *count: done.append(count), modes=[TEACHER_FORCED]
    )
    mode = result.modes[TEACHER_FORCED]
    assert mode.unreadable == {CUT_OFF: 9, "cannot be asked: broken image": 2}
    assert (mode.cut, mode.value("step success"), mode.value("valid JSON")) == (9, 0.0, 0.0)
    assert done == [(8, 11), (11, 11)]
    assert result.differences == ()


def test_the_hash_is_of_everything_that_is_asked():
    def hash_of(tasks):
        return evaluate_task_results(Notes(COUNTS), tasks, batch=8).data_hash

    assert hash_of(TASKS) == hash_of(TASKS)
    first = TASKS[0].steps[0]
    for other in (
        replace(first, memory=memory("x", 3)),
        replace(first, facts={**first.facts, "grounding": {"a": 1}}),
        replace(first, actions=(Operate("ZOOM", "elsewhere"),)),
    ):
        changed = replace(TASKS[0], steps=(other, *TASKS[0].steps[1:]))
        assert hash_of([changed, *TASKS[1:]]) != hash_of(TASKS)


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ValueError, match="no steps"):
        evaluate_task_results(Notes(COUNTS), [], batch=1)
    with pytest.raises(ValueError, match="two tasks are called task-a"):
        evaluate_task_results(Notes(COUNTS), [TASKS[0], TASKS[0]], batch=1)
    clicks = Episode("t", "goal", (Step(SCREEN, (Click(Point(0, 0)),)),))
    with pytest.raises(ValueError, match="no step expects an operation"):
        evaluate_task_results(Notes(COUNTS), [clicks], batch=1)
    with pytest.raises(plugins.UnknownName, match="propagated"):
        evaluate_task_results(Notes(COUNTS), TASKS, batch=1, modes=["propagate"])
    with pytest.raises(ValueError, match="1 answers to 8 samples"):
        evaluate_task_results(lambda samples: [Prediction("")], TASKS, batch=8)


# --- Requests that hold their own answer. ---


def conversation(**options):
    render = plugins.load("prompts", "memory").render
    return lambda sample, question: render(sample, question, dialect(), Size(100, 80), **options)


def with_grounding(grounding):
    step = replace(TASKS[1].steps[0], facts={**TASKS[1].steps[0].facts, "grounding": grounding})
    return [TASKS[0], replace(TASKS[1], steps=(step, *TASKS[1].steps[1:]))]


def test_a_run_whose_requests_hold_their_answer_is_refused():
    leaking = with_grounding({"next": {"action": "ZOOM", "target": "part 0"}})
    check_leaks(TASKS, conversation())
    with pytest.raises(Leak, match=r"1 of 6 requests .* task-b#0"):
        check_leaks(leaking, conversation())
    check_leaks(leaking, conversation(grounding=False))
    remembered = {"short_term": {"plan": {"action": "ZOOM", "target": "part 0"}}}
    planned = replace(TASKS[1], steps=(replace(TASKS[1].steps[0], memory=remembered), TASKS[1].steps[1]))
    with pytest.raises(Leak):
        check_leaks([planned], conversation())
    check_leaks([planned], conversation(), modes=[PROPAGATED])


# --- What is written. ---


@pytest.fixture
def result():
    strange = replace(TASKS[0], goal="<script>alert(1)</script>")
    policy = Notes(COUNTS, forgets=[("c", 1)])
    origin = Origin("tiny", "memory", "task_results", "thousand", refused={"no image": 2})
    return evaluate_task_results(
        policy, [strange, *TASKS[1:]], batch=8, origin=origin, warnings=["Not the trained prompt."]
    )


def test_predictions_are_one_row_for_each_step_and_mode(result, tmp_path):
    write_files(tmp_path / "out", result)
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 22
    assert {row["mode"] for row in rows} == {TEACHER_FORCED, PROPAGATED}
    clicked = rows[1]
    assert json.loads(clicked.pop("Predicted_Output_JSON"))["Short Term"] == {"task": "a", "done": 2}
    assert clicked == {
        "Task_id": "a",
        "Slide_number": "2",
        "mode": TEACHER_FORCED,
        "Predicted_Action": "CLICK",
        "Predicted_Target": "button 1",
        "Predicted_Coords": "[30, 24]",
        "Short_Term_Memory": '{"task": "a", "done": 1}',
        "Long_term_Memory": '{"tasks": ["a"]}',
        "Next_Short_Term_Memory": '{"task": "a", "done": 2}',
        "Next_Long_term_Memory": '{"tasks": ["a"]}',
        "Ground_Truth_Action": "CLICK",
        "Ground_Truth_Target": "button 1",
        "Action_Match": "1",
        "Target_Match": "1",
        "Target_F1": "1",
        "Place_Match": "1",
        "Step_Match": "1",
        "Valid_JSON": "1",
        "Problem": "",
        "Memory_Notes": "",
        "Image_id": "a_1.png",
    }
    lost = next(row for row in rows if row["Memory_Notes"])
    assert (lost["Task_id"], lost["Problem"]) == ("c", "no JSON with an action")
    assert (lost["Predicted_Action"], lost["Step_Match"], lost["Place_Match"]) == ("", "0", "0")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
def test_no_cell_is_a_formula(text, tmp_path):
    assert safe_cell(text) == f"'{text}"
    assert safe_cell(f"x{text}") == f"x{text}"
    step = replace(TASKS[1].steps[0], actions=(Operate("ZOOM", text),))
    dangerous = replace(TASKS[1], steps=(step,))
    answer = Prediction(text, (Operate("ZOOM", text),))
    write_files(
        tmp_path, evaluate_task_results(lambda samples: [answer] * len(samples), [dangerous], batch=1)
    )
    with (tmp_path / "predictions.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    cells = (row["Predicted_Target"], row["Ground_Truth_Target"], row["Predicted_Output_JSON"])
    assert cells == (f"'{text}",) * 3


def test_numbers_and_details_are_json(result, tmp_path):
    write_files(tmp_path, result)
    record = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    own = record["modes"][PROPAGATED]
    assert own["figures"]["step success"]["value"] == pytest.approx(9 / 11)
    low, high = own["figures"]["step success"]["interval_95"]
    assert 0 < low < 9 / 11 < high <= 1
    assert own["actions"]["ZOOM"]["answered"] == {"ZOOM": 4, "WAIT": 1}
    assert own["per_task"]["task-c"]["success"] is False
    assert (record["refused"], record["warnings"]) == ({"no image": 2}, ["Not the trained prompt."])
    assert record["propagated_minus_teacher_forced"][0]["figure"] == "action accuracy"
    details = json.loads((tmp_path / "details.json").read_text("utf-8"))
    assert len(details) == 22
    assert details[1]["given"] == {"action": "CLICK", "target": "button 1", "coords_pixels": [30, 24]}


def test_the_report_needs_nothing_else_and_runs_nothing(result, tmp_path):
    page = write_page(tmp_path, result, "tiny: tasks <x>").read_text("utf-8")
    assert "default-src &#x27;none&#x27;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    for words in (
        "Not the trained prompt.",
        "Tasks that failed with the model&#x27;s own memory (1 of 3)",
        "81.8 %",
        "refused: no image",
        "memory: answer unreadable: memory kept",
        "wrong: action, target",
    ):
        assert words in page, words
    perfect = evaluate_task_results(Notes(COUNTS), TASKS, batch=8, modes=[TEACHER_FORCED])
    assert "All 3 tasks are right." in write_page(tmp_path, perfect, "perfect").read_text("utf-8")
