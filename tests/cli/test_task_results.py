"""`evaluate --model_path M --test_csv F --output_dir D`."""

import csv
import json

import pytest
from PIL import Image

from screensmith.cli.main import main

COLUMNS = "Task_id Slide_number Image_id Instruction Grounding Short_Term_Memory Long_term_Memory Output"


def row(task, step, grounding=None):
    action = (
        {"action": "COMPLETE", "target": ""} if step == 2 else {"action": "CLICK", "target": "Load data"}
    )
    if step == 1:
        action["coords"] = [20, 20]
    output = {"Reason": "it is next", "Predicted": {"predicted_action": action}}
    output |= {"Short Term": {"last_action": action["action"]}, "Long Term": {}}
    before = {"last_action": "CLICK"} if step == 2 else {}
    cells = (grounding or {"screen": "viewer"}, before, {}, output)
    return [task, step, f"{step}.png", f"Do job {task}", *map(json.dumps, cells)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def file(clean):
    for step in (1, 2):
        Image.new("RGB", (64, 64), "teal").save(clean / f"{step}.png")
    return write(clean / "test.csv", [row(task, step) for task in (1, 2, 3) for step in (1, 2)])


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS.split(), *rows])
    return path


def evaluated(model, file, *more):
    short = ["--max-new-tokens", "3", "--device", "cpu"]
    words = ["--model_path", str(model), "--test_csv", str(file), "--output_dir", "out"]
    return main(["evaluate", *words, *short, *more])


def test_numbers_predictions_report_and_compute_report_are_written(model, file, capsys):
    assert evaluated(model, file, "--batch_size", "4", "--max_tasks", "2", "--no_grounding") == 0
    printed = capsys.readouterr().out
    assert "teacher-forced" in printed
    assert "Asked without grounding." in printed
    out = file.parent / "out"
    assert {path.name for path in out.iterdir()} >= {
        "predictions.csv",
        "metrics.json",
        "details.json",
        "report.html",
        "compute_report.json",
        "compute_report_summary.csv",
    }
    record = json.loads((out / "metrics.json").read_text("utf-8"))
    assert (record["tasks"], record["samples"]) == (2, 4)
    assert record["prompt"] == "memory(grounding=false)"
    assert record["asked"]["left_out"] == ["grounding"]
    assert record["asked"]["trained_prompt"] is False
    assert record["asked"]["tasks_asked_for"] == "at most 2"
    assert record["modes"]["propagated"]["cut"] == 4
    compute = json.loads((out / "compute_report.json").read_text("utf-8"))
    counted = {phase["name"]: phase["samples"] for phase in compute["phases"]}
    assert counted == {"evaluate": None, "infer": 8}
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 8


def test_one_mode_and_a_range_of_tasks(model, file):
    more = ("--mode", "propagated", "--task_start", "2", "--task_end", "2", "--image_dir", str(file.parent))
    assert evaluated(model, file, *more) == 0
    record = json.loads((file.parent / "out" / "metrics.json").read_text("utf-8"))
    assert (record["tasks"], list(record["modes"])) == (1, ["propagated"])
    assert list(record["modes"]["propagated"]["per_task"]) == ["task-2"]


def test_a_file_whose_requests_hold_their_answers_is_refused(model, file, capsys):
    leaking = row(1, 1, {"hint": {"action": "CLICK", "target": "Load data"}})
    write(file, [leaking, row(1, 2)])
    assert evaluated(model, file) == 2
    assert "1 of 2 requests would contain their own answer" in capsys.readouterr().err
    assert not (file.parent / "out").exists()
    assert evaluated(model, file, "--no_grounding") == 0


def test_refused_rows_are_counted_and_listed(model, file, capsys):
    lost = row(2, 1)
    lost[2] = "nowhere.png"
    write(file, [row(1, 1), row(1, 2), lost, row(2, 2)])
    assert evaluated(model, file) == 0
    out = file.parent / "out"
    record = json.loads((out / "metrics.json").read_text("utf-8"))
    assert sum(record["refused"].values()) == 1
    assert record["tasks_with_gaps"] == 1
    assert "line" in json.loads((out / "refused.jsonl").read_text("utf-8"))["id"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test_csv", "a.csv"], "--test-csv needs --model-path"),
        (["--model_path", "."], "--model-path needs --test-csv and --output-dir, too"),
        (["x", "--model_path", ".", "--test_csv", "a", "--output_dir", "b"], "CHECKPOINT or --model-path"),
        ([], "which model?"),
        (
            ["--model_path", "nowhere", "--test_csv", "a", "--output_dir", "b"],
            "no checkpoint folder nowhere",
        ),
        (
            ["--model_path", ".", "--test_csv", "nowhere.csv", "--output_dir", "b"],
            "there is no nowhere.csv",
        ),
        (["--model_path", ".", "--mode", "forced"], "--mode"),
    ],
)
def test_mistakes_are_named(clean, capsys, words, message):
    assert main(["evaluate", *words]) == 2
    assert message in capsys.readouterr().err
