"""Task results written from episodes: documented shapes, memories without the future, and the way back."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.cli.main import main
from screensmith.core import actions as act
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.operations import as_operation
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.data.samples import samples_of
from screensmith.dialects.task_results import dialect
from screensmith.prompts import memory as prompt
from screensmith.readers._task_results_cells import tells
from screensmith.writers import Occupied, task_results

CENTRE = Point(0.5, 0.5)


def table(out: Path) -> list[dict[str, Any]]:
    """The rows, with their JSON read strictly."""
    with (out / "task_results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    plain = ("Task_id", "Slide_number", "Image_id", "Instruction")
    return [
        {key: value if key in plain else json.loads(value) for key, value in row.items()} for row in rows
    ]


@pytest.fixture
def rollout(tools: Any) -> Episode:
    """A click, a text and the end; the screen changes once."""
    button = Element(Box(0.4, 0.4, 0.6, 0.6), "Load  data", "button")
    page = Element(Box(0, 0, 1, 1), "Patients", "page")
    blank = Element(Box(0.45, 0.45, 0.55, 0.55), " ", "icon")
    first, second = tools.screenshot(), tools.screenshot("navy")
    steps = (
        Step(
            first,
            (act.Click(CENTRE),),
            thought="it loads",
            target=button.box,
            elements=(page, button, blank),
        ),
        Step(second, (act.TypeText("MRI", Point(0.1, 0.9)),), elements=(page,)),
        Step(second, (act.Finish("success"),)),
    )
    return Episode("viewer/1", "Load the MRI scan", steps, {"dataset": "any"})


def test_rows_have_the_documented_shapes(rollout: Episode, tools: Any, tmp_path: Path) -> None:
    found, left_out = tools.written("task_results", tmp_path, [rollout])
    assert left_out == []
    rows = table(tmp_path)
    assert [(row["Task_id"], row["Slide_number"]) for row in rows] == [("1", "1"), ("1", "2"), ("1", "3")]
    first, second, third = rows
    image = "images/viewer_1_step1.png"
    name = {"action": "CLICK", "target": "Load data"}
    original = {"step": 1, **name, "screenshot": image, "note": "", "bbox": [16, 12, 24, 18]}
    truth = {**name, "original_step_data": original}
    assert first["Image_id"] == image
    assert (tmp_path / image).read_bytes() == rollout.steps[0].screenshot.read_bytes()
    assert first["Instruction"] == "Load the MRI scan"
    assert first["Grounding"] == {
        "ground_truth": truth,
        "current_screen_state": {"visible": ["Patients", "Load data"]},
    }
    assert first["Short_Term_Memory"] == first["Long_term_Memory"] == {}
    assert first["Output"] == {
        "Grounding": {"ground_truth": truth},
        "Short Term": second["Short_Term_Memory"],
        "Long Term": second["Long_term_Memory"],
        "Reason": "it loads",
        "Predicted": {"predicted_action": {**name, "coords": [20, 15]}},
        "image_info": {"step_num": 1, "has_image": True, "image_path": image, "episode_id": "viewer/1"},
    }
    assert second["Short_Term_Memory"] == {
        "last_action": "CLICK",
        "last_target": "Load data",
        "last_observation": "On the screen: Patients, Load data",
    }
    assert second["Long_term_Memory"] == {"steps_done": 1, "done": ["1. CLICK Load data"]}
    changed = [
        row["Grounding"].get("current_screen_state", {}).get("changed_since_last_step") for row in rows
    ]
    assert changed == [None, True, False]
    assert third["Output"]["Predicted"]["predicted_action"] == {
        "action": "COMPLETE",
        "target": "success",
        "coords": None,
    }
    assert [step.actions[0] for step in found[0].steps] == [
        act.Operate("CLICK", "Load data", CENTRE),
        act.Operate("TEXT", "MRI", Point(0.1, 0.9)),
        act.Operate("COMPLETE", "success"),
    ]
    assert [step.target for step in found[0].steps] == [rollout.steps[0].target, None, None]


def test_no_prompt_made_of_it_holds_its_answer(rollout: Episode, tools: Any, tmp_path: Path) -> None:
    found, _ = tools.written("task_results", tmp_path, [rollout])
    for sample in samples_of(found, history_steps=0):
        size = sample.screenshot.size
        conversation = prompt.render(sample, sample.questions[0], dialect(), size)  # raises Leak otherwise
        request = "".join(part.text for part in conversation.messages[0].parts if hasattr(part, "text"))
        assert "ground_truth" not in request


def test_the_command_line_takes_the_name_as_it_is_written(
    rollout: Episode, tools: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tools.written("task_results", tmp_path / "a", [rollout])
    words = ["convert", "task-results", str(tmp_path / "a"), "--to", "task-results", str(tmp_path / "b")]
    assert main(words) == 0
    assert "task_results.csv: 1 episodes, 3 steps" in capsys.readouterr().out
    assert main([*words, "--option", "task_end=0"]) == 1
    assert len(table(tmp_path / "b")) == 3


def test_long_term_memory_is_bounded(tools: Any, tmp_path: Path) -> None:
    steps = tuple(Step(tools.screenshot(), (act.TypeText("long " * 100),)) for _ in range(60))
    tools.written("task_results", tmp_path, [Episode("e", "type", steps)])
    rows = table(tmp_path)
    assert rows[59]["Long_term_Memory"]["steps_done"] == 59
    assert len(rows[59]["Long_term_Memory"]["done"]) == 20
    assert rows[59]["Long_term_Memory"]["done"][0].startswith("40. TEXT long")
    assert len(json.dumps(rows[59]["Long_term_Memory"])) < 2500


def test_recorded_memories_are_kept(tools: Any, tmp_path: Path) -> None:
    first = {"short_term": {"note": "a"}, "long_term": {"plan": [1, 2]}}
    second = {"short_term": {}, "long_term": {"plan": [2]}}
    steps = (
        Step(tools.screenshot(), (act.Back(),), memory=first),
        Step(tools.screenshot(), (act.Home(),), memory=second, memory_after=first),
        Step(tools.screenshot(), (act.Home(),)),
    )
    (episode,), _ = tools.written("task_results", tmp_path, [Episode("e", "go", steps)])
    assert [step.memory for step in episode.steps] == [first, second, first]
    assert [step.memory_after for step in episode.steps] == [second, first, None]


def test_task_results_of_task_results_are_the_same(rollout: Episode, tools: Any, tmp_path: Path) -> None:
    steps = list(rollout.steps)
    steps[1] = dataclasses.replace(steps[1], instruction="Type it")
    goals = [dataclasses.replace(rollout, id="b", goal=" nan ", steps=tuple(steps)), rollout]
    once, _ = tools.written("task_results", tmp_path / "once", goals)
    twice, _ = tools.written("task_results", tmp_path / "twice", once)
    assert [episode.goal for episode in once] == [" nan ", "Load the MRI scan"]
    assert [step.instruction for step in once[0].steps] == ["", "Type it", ""]

    def without_images(episodes: list[Episode]) -> list[Any]:
        plain = [tools.without_source(episode.steps) for episode in episodes]
        return [
            [dataclasses.replace(step, facts={**step.facts, "image_id": ""}) for step in steps]
            for steps in plain
        ]

    assert without_images(once) == without_images(twice)
    assert [episode.goal for episode in once] == [episode.goal for episode in twice]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"actions": (act.Drag(CENTRE, Point(0, 0)),)}, "no operation for Drag"),
        ({"actions": (act.Click(CENTRE, "left", 3),)}, "no operation for Click"),
        ({"actions": (act.Back(), act.Home())}, "more than one action in a step"),
        ({"actions": (act.Operate("zoom"),)}, "operation without a plain name"),
        ({"actions": (act.Operate("NAN"),)}, "operation without a plain name"),
        ({"memory": {"note": "x"}}, "memory with parts of its own"),
        ({"memory": {"short_term": "x"}}, "memory is no mapping"),
        ({"memory_after": {"short_term": {"ground_truth": 1}}}, "memory mentions the ground truth"),
        ({"memory": {"short_term": {"x": float("inf")}}}, "output cannot be written as JSON"),
        ({"facts": {"grounding": {"predicted_action": 1}}}, "grounding mentions the ground truth"),
        ({"instruction": "NaN"}, "instruction reads as an empty cell"),
        ({"instruction": "a\0b"}, "goal with a NUL character"),
        ({"target": Box(0.5, 0.4, 0.5, 0.6)}, "box without area"),
        ({"screenshot": Screenshot(b"GIF89a", Size(1, 1))}, "image of an unknown kind"),
    ],
)
def test_what_cannot_be_said_is_refused(
    change: dict[str, Any], reason: str, rollout: Episode, tools: Any, tmp_path: Path
) -> None:
    bad = dataclasses.replace(
        rollout, id="bad", steps=(*rollout.steps[:1], dataclasses.replace(rollout.steps[0], **change))
    )
    with task_results.open_writer(tmp_path, source=tools.SOURCE, like=rollout) as writer:
        with pytest.raises(Refused) as refused:
            writer.write(bad)
        assert refused.value.reason == reason
        writer.write(rollout)
    assert len(table(tmp_path)) == writer.written.steps == 3
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == [f"viewer_1_step{number}.png" for number in (1, 2, 3)]


def test_a_recorded_size_that_is_wrong_would_move_every_place(
    rollout: Episode, tools: Any, tmp_path: Path
) -> None:
    shot = dataclasses.replace(rollout.steps[0].screenshot, size=Size(41, 30))
    bad = dataclasses.replace(rollout, steps=(dataclasses.replace(rollout.steps[0], screenshot=shot),))
    writer = task_results.open_writer(tmp_path, source=tools.SOURCE, like=bad)
    with writer, pytest.raises(Refused, match="image size differs"):
        writer.write(bad)


def test_a_completed_file_is_continued_and_a_changed_one_is_left_alone(
    rollout: Episode, tools: Any, tmp_path: Path
) -> None:
    def write(*episodes: Episode) -> None:
        with task_results.open_writer(tmp_path, source=tools.SOURCE, like=rollout) as writer:
            for episode in episodes:
                if episode.id not in writer.finished:
                    writer.write(episode)

    later = dataclasses.replace(rollout, id="later", goal='=1+1, "quoted"\r\nand on')
    write(rollout)
    write(rollout, later)
    assert [row["Task_id"] for row in table(tmp_path)] == ["1"] * 3 + ["2"] * 3
    assert table(tmp_path)[3]["Instruction"] == later.goal
    path = tmp_path / "task_results.csv"
    path.write_text(path.read_text("utf-8").replace("Load", "Save"), "utf-8")
    changed = path.read_bytes() + b"9,1,x,y,z,,,\n"
    path.write_bytes(changed)
    with pytest.raises(Occupied, match="was changed since"):
        write(dataclasses.replace(rollout, id="third"))
    assert path.read_bytes() == changed


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=15)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
notes = st.dictionaries(texts, values, max_size=2).filter(lambda note: not tells(note))
memories = st.fixed_dictionaries({"short_term": notes, "long_term": notes})
pixels = st.tuples(st.integers(0, 40), st.integers(0, 30)).map(lambda at: Point(at[0] / 40, at[1] / 30))
named = st.builds(act.Operate, st.sampled_from(["CLICK", "ZOOM", "ÄRGER 2"]), texts, st.none() | pixels)


@settings(max_examples=60)
@given(data=st.data())
def test_operations_memories_goals_and_targets_come_back(
    data: st.DataObject, way_back: Callable[..., Any]
) -> None:
    steps = []
    for _ in range(data.draw(st.integers(1, 3))):
        operation = data.draw(named)
        target = None
        if operation.at is not None and data.draw(st.booleans()):
            x, y = round(operation.at.x * 40), round(operation.at.y * 30)
            target = Box(max(0, x - 5) / 40, max(0, y - 5) / 30, min(40, x + 5) / 40, min(30, y + 5) / 30)
        memory, after = data.draw(memories), data.draw(memories)
        thought = data.draw(texts)
        steps.append({"actions": (operation,), "thought": thought, "target": target, "memory": memory})
        steps[-1]["memory_after"] = after
    goal = data.draw(texts.filter(lambda text: text.strip() and "\0" not in text))
    found = way_back(goal, steps)
    assert found.goal == goal
    assert [{name: getattr(step, name) for name in steps[0]} for step in found.steps] == steps


@pytest.fixture(scope="module")
def way_back() -> Callable[..., Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "PNG")
    shot = Screenshot(buffer.getvalue(), Size(40, 30))

    def there_and_back(goal: str, steps: list[dict[str, Any]]) -> Episode:
        episode = Episode("e", goal, tuple(Step(shot, **step) for step in steps))
        with tempfile.TemporaryDirectory() as out:
            with task_results.open_writer(Path(out), source={"reader": "x"}, like=episode) as writer:
                writer.write(episode)
            log = RefusalLog()
            return next(writer.read_back(log), None) or pytest.fail(str(list(log)))

    return there_and_back


def test_words_are_those_of_the_smallest_element_that_has_some(rollout: Episode) -> None:
    from screensmith.writers._task_results_rows import words_for

    step = rollout.steps[0]
    assert words_for(step, step.actions[0]) == "Load data"
    assert words_for(step, act.Click(Point(0.1, 0.1))) == "Patients"
    assert words_for(dataclasses.replace(step, elements=()), step.actions[0]) == ""
    field = Element(Box(0.05, 0.05, 0.15, 0.15), "", "textbox")
    form = dataclasses.replace(step, elements=(*step.elements, field))
    assert words_for(form, act.Click(Point(0.1, 0.1))) == ""
    assert as_operation(act.Back(), "x") == act.Operate("BACK")
