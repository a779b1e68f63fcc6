"""Task results from CSV: what is read, what is refused with its line, and that nothing tells the answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.actions import Operate
from screensmith.core.episode import Episode
from screensmith.core.geometry import Box, Point
from screensmith.core.refusals import RefusalLog
from screensmith.readers import _task_results_cells, _task_results_file
from screensmith.readers.task_results import GOAL, fingerprint, read, stream

COLUMNS = (
    "Task_id,Slide_number,Image_id,Instruction,Grounding,Short_Term_Memory,Long_term_Memory,Output".split(
        ","
    )
)
EXAMPLE = (  # formats.md 1.2, on one line
    b"Task_id,Slide_number,Image_id,Grounding,Short_Term_Memory,Long_term_Memory,Output\n"
    b'7,2,task_results/images/demo007_step2.png,"{""ground_truth"":{""action"":""CLICK"",""target"":""Load '
    b'data""}}","{""last_action"":""CLICK""}","{}","{""Reason"":""The load dialog is next"",""Predicted"":'
    b'{""predicted_action"":{""action"":""CLICK"",""target"":""Load data"",""coords"":[412,188]}},'
    b'""Short Term"":{},""Long Term"":{}}"\n'
)

Row = Mapping[str, Any]


def output(action: str = "CLICK", target: str = "Load", **more: Any) -> str:
    return json.dumps({"Predicted": {"predicted_action": {"action": action, "target": target, **more}}})


def row(task: Any = 1, slide: Any = 1, **cells: Any) -> Row:
    return {
        "Task_id": task,
        "Slide_number": slide,
        "Image_id": "a.png",
        "Instruction": "Load the scan",
        "Output": output(),
        **cells,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (800, 600), "teal").save(tmp_path / "images" / "a.png")
    return tmp_path


def as_csv(rows: Iterable[Row], columns: Iterable[str] = COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def found(
    folder: Path, data: bytes | Iterable[Row], **options: Any
) -> tuple[list[Episode], dict[str, str]]:
    """The episodes of a file, and why which line was refused."""
    (folder / "task_results.csv").write_bytes(data if isinstance(data, bytes) else as_csv(data))
    log = RefusalLog()
    episodes = list(read(str(folder), refusals=log, **options))
    steps = sum(len(episode.steps) for episode in episodes)
    assert log.considered == steps + len(log)
    assert len({refusal.id for refusal in log}) == len(log)
    return episodes, {refusal.id: refusal.reason for refusal in log}


def test_the_documented_row(folder: Path) -> None:
    (folder / "images" / "a.png").rename(folder / "images" / "demo007_step2.png")
    (episode,), refused = found(folder, EXAMPLE)
    (step,) = episode.steps
    assert refused == {}
    assert (episode.id, episode.goal) == ("task-7", GOAL)
    assert episode.facts == {"dataset": "task_results", "task_id": "7"}
    assert step.actions == (Operate("CLICK", "Load data", Point(412 / 800, 188 / 600)),)
    assert step.thought == "The load dialog is next"
    assert step.memory == {"short_term": {"last_action": "CLICK"}, "long_term": {}}
    assert step.memory_after == {"short_term": {}, "long_term": {}}
    assert step.facts == {
        "task_id": "7",
        "step_number": 2,
        "row": 2,
        "image_id": "task_results/images/demo007_step2.png",
        "grounding": {},
        "ground_truth": {"action": "CLICK", "target": "Load data"},
    }


def test_rows_of_a_task_are_gathered_and_ordered_and_a_refused_one_leaves_the_others(folder: Path) -> None:
    rows = [
        row(2, 3),
        row(1, 1),
        row(2, 1, Instruction="Save it"),
        row(2, 2, Image_id="gone.png"),
        row(2, 3, Output=output("ZOOM")),
        row(2, "x"),
        row("", 1),
        row(2, ""),
        row("2" * 201),
    ]
    episodes, refused = found(folder, rows)
    assert [(episode.id, episode.goal) for episode in episodes] == [
        ("task-2", "Save it"),
        ("task-1", "Load the scan"),
    ]
    steps = episodes[0].steps
    assert [(step.facts["step_number"], step.facts["row"]) for step in steps] == [(1, 4), (3, 2)]
    assert [step.instruction for step in steps] == ["", "Load the scan"]
    assert refused == {
        "line 5": "image missing",
        "line 6": "step twice in its task",
        "line 7": "slide number unreadable",
        "line 8": "task id missing",
        "line 9": "slide number missing",
        "line 10": "task id too long",
    }


def test_without_slide_numbers_the_file_has_the_order(folder: Path) -> None:
    rows = [row(1, "", Output=output(target=str(number))) for number in range(3)]
    (episode,), _ = found(
        folder,
        as_csv(rows, ["Output", "Image_id", "Slide_number", "Instruction", "Task_id"]),
    )
    assert [step.actions[0].target for step in episode.steps] == ["0", "1", "2"]  # type: ignore[union-attr]
    assert [step.facts["step_number"] for step in episode.steps] == [1, 2, 3]


def test_a_range_of_tasks_holds_both_its_ends(folder: Path) -> None:
    rows = [row(task) for task in ("1", "2", "3.0", "4", "demo")]
    episodes, refused = found(folder, rows, task_start=2, task_end=3)
    assert [episode.id for episode in episodes] == ["task-2", "task-3.0"]
    assert refused == {"line 6": "task id is no whole number"}
    assert len(found(folder, rows)[0]) == 5


@pytest.mark.parametrize(
    "text",
    [
        "{'Predicted': {'predicted_action': {'action': 'click ', 'target': 'Load', 'coords': None,},},}",
        '```json\n{"predicted_action": {"Action": "Click", "Target": "Load", "coords": []}}\n```',
        '{"Grounding": {"ground_truth": {"action": "CLICK", "target": "Load"}}, "Predicted": NaN}',
        '{"Predicted": {"predicted_action": {"action": null}}, "Grounding": {"groundTruth": '
        '{"action": "CLICK", "target": "Load"}}}',
        json.dumps(output()),
    ],
)
def test_loose_json_is_read(text: str, folder: Path) -> None:
    (episode,), _ = found(folder, [row(Output=text)])
    assert episode.steps[0].actions == (Operate("CLICK", "Load"),)


def test_the_prediction_is_the_label_and_ground_truth_a_fact(folder: Path) -> None:
    truth = {"action": "ZOOM", "target": "in", "original_step_data": {"bbox": [100, 60, 300, 300]}}
    said = json.loads(output(coords=[200, 120]))
    grounding = {"ground_truth": truth, "screen": {"names": ["a"], "Ground-Truth": {"action": "x"}}}
    memory = {"last_action": "CLICK", "original_step_data": {"step": 1}, "note": "ground truth: ZOOM"}
    rows = [
        row(
            Output=json.dumps({**said, "Grounding": {"ground_truth": truth}, "Short Term": memory}),
            Grounding=json.dumps(grounding),
            Short_Term_Memory=json.dumps(memory),
        ),
        row(1, 2, Output="NaN", Grounding=json.dumps(grounding)),
        row(1, 3, Output="{}", Grounding="nan"),
    ]
    (episode,), refused = found(folder, rows)
    first, second = episode.steps
    assert first.actions == (Operate("CLICK", "Load", Point(0.25, 0.2)),)
    assert first.target == Box(0.125, 0.1, 0.375, 0.5)
    assert first.facts["ground_truth_differs"] is True
    assert first.facts["ground_truth"]["action"] == "ZOOM"
    assert first.facts["ground_truth"]["elsewhere"]["Grounding.screen.Ground-Truth"] == {"action": "x"}
    assert first.facts["grounding"] == {"screen": {"names": ["a"]}}
    assert first.memory == {"short_term": {"last_action": "CLICK"}, "long_term": {}}
    assert first.memory_after == {"short_term": {"last_action": "CLICK"}}
    assert second.actions == (Operate("ZOOM", "in"),)
    assert (second.target, second.memory_after) == (None, None)
    assert "ground_truth_differs" not in second.facts
    assert refused == {"line 4": "no action in the row"}


@pytest.mark.parametrize(
    ("coords", "place"),
    [([800.9, 0], Point(1, 0)), ([-1, 600], Point(0, 1)), ([412.5, 188], Point(412.5 / 800, 188 / 600))],
)
def test_a_pixel_off_the_screen_is_its_edge(coords: Any, place: Point, folder: Path) -> None:
    (episode,), _ = found(folder, [row(Output=output(coords=coords))])
    assert episode.steps[0].actions == (Operate("CLICK", "Load", place),)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Output": output(coords=[802, 5])}, "point off the screen"),
        ({"Output": output(coords=[5])}, "coords unreadable"),
        ({"Output": output(coords=["5", 6])}, "coords unreadable"),
        ({"Output": output(coords={"x": 1})}, "coords unreadable"),
        ({"Output": '{"Predicted": {"predicted_action": {"action": 5}}}'}, "action unreadable"),
        ({"Output": '{"Predicted": {"predicted_action": "click it"}}'}, "action unreadable"),
        ({"Output": '{"action": "CLICK", "target": ["a"]}'}, "target unreadable"),
        ({"Output": '{"action": "CLICK", "coords": [Infinity, 1]}'}, "Output unreadable"),
        ({"Output": '{"action": "CLICK", "x": ' + "[" * 500 + "]" * 500 + "}"}, "Output unreadable"),
        ({"Output": "click the button"}, "Output unreadable"),
        ({"Output": '["CLICK"]'}, "Output unreadable"),
        ({"Output": '=HYPERLINK("http://localhost","x")'}, "Output unreadable"),
        ({"Output": "__import__('os').getcwd()"}, "Output unreadable"),
        ({"Grounding": "the screen shows a list"}, "Grounding unreadable"),
        ({"Short_Term_Memory": "[1]"}, "Short_Term_Memory unreadable"),
        ({"Image_id": " "}, "image not named"),
        ({"Image_id": "../a.png"}, "image name leads out of its folder"),
        ({"Image_id": "/nowhere/b.png"}, "image missing"),
        ({"Image_id": "x" * 5000}, "image missing"),
        ({"Image_id": "text.png"}, "image corrupt"),
        ({"Image_id": "twice.png"}, "image name ambiguous"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(cells: Row, reason: str, folder: Path) -> None:
    (folder / "text.png").write_text("no image")
    for place in ("x", "y"):
        (folder / place).mkdir()
        (folder / place / "twice.png").write_bytes((folder / "images" / "a.png").read_bytes())
    episodes, refused = found(folder, [row(1, 1, **cells), row(1, 2)])
    assert refused == {"line 2": reason}
    assert len(episodes[0].steps) == 1


def test_images_by_path_and_by_name(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    image = (folder / "images" / "a.png").rename(elsewhere / "b.png")
    names = ["b.png", str(image), "old/place/b.png", "C:\\old\\b.png"]
    rows = [row(1, number, Image_id=name) for number, name in enumerate(names)]
    (episode,), refused = found(folder, rows, images=str(elsewhere))
    assert refused == {}
    assert [step.screenshot.source for step in episode.steps] == [image] * 4
    with pytest.raises(ValueError, match="gone is not a folder"):
        read(str(folder), images=str(folder / "gone"))


def test_headers_in_any_spelling_and_line_ends_of_any_system(folder: Path) -> None:
    header = (
        "TASK ID,slide-number,image_ID,instruction,grounding,short_term_memory,Long_Term_Memory,OUTPUT,more"
    )
    lines = as_csv([row()]).decode().splitlines()[1]
    data = f"\ufeff{header}\r\n\r\n{lines},=1+1\r\n".encode()
    (episode,), refused = found(folder, data)
    assert refused == {}
    assert (episode.goal, episode.steps[0].facts["row"]) == ("Load the scan", 3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"Task_id,Image_id\n1,a.png\n", r"no column Output \(found: 'Task_id', 'Image_id'\)"),
        (b"Task_id;Image_id;Output\n", "no column Task_id and no Image_id and no Output"),
        (b"Task_id,Image_id,Output,task id\n", "has the column Task_id 2 times"),
        ("Task_id,Image_id,Output\n".encode("utf-16"), "is in UTF-16; save it as CSV in UTF-8"),
        ("Task_id,Image_id,Output\n".encode("utf-16-le"), "NUL byte"),
        ("Täsk,Image_id,Output\n".encode("latin-1"), "not in UTF-8"),
        (b"Task_id,Image_id,Output\r1,a.png,{}\r", "header of .* cannot be read"),
        (b'Task_id,"Image_id,Output\n', "header of .* cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_one_clear_error(data: bytes, says: str, folder: Path) -> None:
    (folder / "task_results.csv").write_bytes(data)
    with pytest.raises(ValueError, match=says):
        read(str(folder))


def test_broken_lines_are_refused_and_the_next_ones_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_task_results_file, "LONGEST_FIELD", 3000)
    monkeypatch.setattr(_task_results_file, "LONGEST_ROW_BYTES", 8000)
    limit = csv.field_size_limit()
    good = as_csv([row()]).splitlines()[1] + b"\n"
    header = as_csv([]).splitlines()[0] + b"\n"
    bad = [
        good.replace(b"Load the", b"L\xe4d the"),
        good.replace(b"Load the", b"L\0d the"),
        good.replace(b"\n", b",more\n"),
        b"1,2\n",
        b'1,1,"a.png,x\n',  # a quote that never closes
        good.replace(b"Load the", b"x" * 4000),
        good.replace(b"Load the", b"x," * 5000),
        b'"a"b,1,a.png,,,,,{}\n',
    ]
    reasons = [
        "row not in UTF-8",
        "NUL byte in the row",
        "wrong number of columns",
        "wrong number of columns",
        "row is no CSV",
        "cell too long",
        "row too long",
        "row is no CSV",
    ]
    goods = [good.replace(b"1,1,", f"{number},1,".encode(), 1) for number in range(len(bad))]
    data = header + b"".join(one + other for one, other in zip(bad, goods, strict=True))
    episodes, refused = found(folder, data)
    assert [episode.id for episode in episodes] == [f"task-{number}" for number in range(len(bad))]
    assert refused == {f"line {2 + 2 * number}": reason for number, reason in enumerate(reasons)}
    assert csv.field_size_limit() == limit


def test_long_json_must_be_strict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_task_results_cells, "LONGEST_LOOSE", 30_000)
    long = "x" * 40_000
    fenced = f"```json\n{output(target=long)}\n```"
    loose = output(target=long).replace('"', "'")
    rows = [row(1, 1, Output=output(target=long)), row(1, 2, Output=fenced), row(1, 3, Output=loose)]
    (episode,), refused = found(folder, rows)
    assert [step.actions for step in episode.steps] == [(Operate("CLICK", long),)] * 2
    assert refused == {"line 6": "Output unreadable"}


def test_line_breaks_in_cells_move_the_line_and_nothing_else(folder: Path) -> None:
    pretty = json.dumps(json.loads(output()), indent=1)
    episodes, refused = found(
        folder, [row(1, 1, Output=pretty), row(1, 2, Instruction="a\r\nb"), row(1, 3)]
    )
    assert refused == {}
    lines = 2 + pretty.count("\n") + 1
    assert [step.facts["row"] for step in episodes[0].steps] == [2, lines, lines + 2]
    assert episodes[0].steps[1].instruction == "a\r\nb"


def test_streams_and_can_be_told_from_another_file(folder: Path) -> None:
    episodes, _ = found(folder, [row(1), row(2)])
    assert list(stream(str(folder / "task_results.csv"))) == episodes
    before = fingerprint(str(folder))
    found(folder, [row(1)])
    assert fingerprint(str(folder)) != before
    with pytest.raises(ValueError, match="goal is blank"):
        read(str(folder), goal=" ")


def test_only_the_rows_of_one_task_are_read_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = found(folder, [row(number % 5, number // 5) for number in range(20)])
    asked: list[int] = []
    cells_of = _task_results_file.Table.cells

    def counted(table: Any, file: Any, offset: int, length: int) -> dict[str, str]:
        asked.append(offset)
        return cells_of(table, file, offset, length)

    monkeypatch.setattr(_task_results_file.Table, "cells", counted)
    episodes = stream(str(folder))
    assert asked == []
    assert next(episodes) == expected[0]
    assert len(asked) == 4
    assert [*episodes] == expected[1:]


lines = st.one_of(
    st.binary(max_size=60),
    st.lists(st.text("a\",{}[]:1\n\r \t'", max_size=12), max_size=10).map(",".join).map(str.encode),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(lines, max_size=6))
def test_whatever_stands_between_the_rows_nothing_crashes_and_a_good_row_is_read(
    parts: list[bytes], folder: Path
) -> None:
    header, good = as_csv([row("last", 1)]).splitlines()
    data = b"\n".join([header, *parts, b'""', good]) + b"\n"
    episodes, refused = found(folder, data)
    assert all(line.startswith("line ") for line in refused)
    assert [len(episode.steps) for episode in episodes if episode.id == "task-last"] == [1]


cells = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["{}", "NaN", "[]", '{"a": NaN}', "{'action': 'CLICK'}", "=1+1", "null", "-5", "1e999"]
    ),
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["Predicted", "predicted_action", "action", "coords"]), inner)
        ),
        max_leaves=6,
    ).map(json.dumps),
).filter(lambda text: "\0" not in text and not any(0xD800 <= ord(sign) < 0xE000 for sign in text))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(st.dictionaries(st.sampled_from(COLUMNS), cells), max_size=4))
def test_every_row_is_read_or_refused_whatever_is_in_its_cells(drawn: list[Row], folder: Path) -> None:
    rows = [{**row(number), **each} for number, each in enumerate(drawn)]
    episodes, refused = found(folder, rows)
    assert sum(len(episode.steps) for episode in episodes) + len(refused) == len(rows)


def test_nothing_that_is_shown_holds_the_answer(folder: Path, shown: Callable[[Episode], str]) -> None:
    secret = {"action": "SEGMENT", "target": "the-answer"}
    nested = {
        "a": [{"b": {"predictedAction": secret}}],
        "text": 'x {"ground_truth": "the-answer"}',
        "kept": 1,
    }
    rows = [row(Grounding=json.dumps(nested), Long_term_Memory=json.dumps(nested))]
    (episode,), _ = found(folder, rows)
    assert "the-answer" not in shown(episode)
    assert "the-answer" in json.dumps(episode.steps[0].facts["ground_truth"])


@pytest.fixture
def shown() -> Callable[[Episode], str]:
    """All of an episode that a prompt may show before the answer."""
    return lambda episode: json.dumps(
        [
            episode.goal,
            *[[step.memory, step.instruction, step.facts["grounding"]] for step in episode.steps],
        ]
    )
