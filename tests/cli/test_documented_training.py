"""Train, evaluate and infer on task results, by the documented command lines and with real processes."""

import csv
import json
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from screensmith.cli.main import main
from screensmith.model.create import new_model

EPISODES = Path(__file__).parents[2] / "examples" / "task_results" / "episodes"
LORA = ["--adapter", "lora", "--size-long", "64", "--size-short", "64"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Real rollouts, recorded in a browser, as a CSV file with screenshots: 6 tasks."""
    out = tmp_path_factory.mktemp("exported")
    assert main(["convert", "mds", str(EPISODES), "--to", "task-results", str(out), "--limit", "6"]) == 0
    return out / "task_results.csv"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return new_model("qwen3_vl", "tiny", tmp_path_factory.mktemp("base") / "tiny", seed=1)


def documented(exported, model, out, *more):
    return [
        *("train", "--train_csv", exported, "--task_start", 1, "--task_end", 5, "--val_split", 0.3),
        *("--model_path", model, "--use_local", "--output_dir", out, "--learning_rate", 1e-3),
        *("--num_epochs", 1, "--batch_size", 2, "--gradient_accumulation_steps", 2, *LORA, *more),
    ]


def test_the_documented_sequence(exported, model, tmp_path, screensmith, monkeypatch, capsys):
    out = tmp_path / "run"
    done = screensmith(*documented(exported, model, out))
    assert done.returncode == 0, done.stderr
    assert "tasks kept back" in done.stderr
    assert "preset for train_csv" in done.stdout
    assert (out / "compute_report.md").is_file()
    card = json.loads((out / "final" / "agent.json").read_text("utf-8"))
    assert (card["prompt"], card["dialect"]) == ("memory", "task_results")

    judged = tmp_path / "judged"
    words = ["evaluate", "--model_path", out / "final", "--test_csv", exported, "--output_dir", judged]
    words += ["--batch_size", 4, "--max_tasks", 2, "--max-new-tokens", 8]
    assert main([str(word) for word in words]) == 0
    with (judged / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["mode"] for row in rows} == {"teacher_forced", "propagated"}
    assert (judged / "report.html").is_file()

    words = ["predict", "--model_path", out / "final", "--images", exported.parent / "images"]
    words += ["--goal", "Click", "--max-new-tokens", 4, "--output", tmp_path / "said.jsonl"]
    assert main([str(word) for word in words]) == 0
    assert len((tmp_path / "said.jsonl").read_text("utf-8").splitlines()) == 12

    script = EPISODES.parent / "infer.py"
    monkeypatch.setattr(sys, "argv", [str(script), str(out / "final"), str(exported), "1"])
    runpy.run_path(str(script))
    assert capsys.readouterr().out.count("; remembers {") == 2


def test_a_file_that_tells_its_answers_stops_the_run(exported, model, tmp_path, clean, capsys):
    leaking = exported.with_name("leaking.csv")
    with exported.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        said = json.loads(row["Output"])["Predicted"]["predicted_action"]
        row["Instruction"] = f"Do this: {json.dumps(said)}"
    with leaking.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    command = [str(word) for word in documented(leaking, model, tmp_path / "run")]
    assert main(command) == 2
    assert "the request would contain its own answer" in capsys.readouterr().err


def test_blocks_are_left_out_of_the_prompt_and_the_checkpoint_knows(exported, model, tmp_path, clean):
    out = tmp_path / "run"
    command = documented(exported, model, out, "--no_grounding", "--no_long_term_memory", "--max-steps", 1)
    assert main([str(word) for word in command]) == 0
    card = json.loads((out / "final" / "agent.json").read_text("utf-8"))
    assert card["prompt_options"] == {"grounding": False, "long_term_memory": False}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--learning_rate", "1"], "did you mean '--lr'"),
        (["--num_epochs", "1"], "did you mean '--epochs'"),
        (["--no_grounding"], "did you mean '--prompt-options'"),
        (["--train_csv", "a.csv", "--use_local"], "--use_local needs --model_path"),
        (["--train_csv", "a.csv", "--use_local", "--model_path", "nowhere"], "no folder nowhere"),
        (["--train_csv", "a.csv", "--learning_rate", "1e-3", "--lr", "1e-4"], "--learning_rate and"),
        (["--train_csv", "nowhere.csv", "--val_split", "0"], "nowhere.csv"),
    ],
)
def test_what_does_not_fit_is_said(words, message, clean, capsys):
    Image.new("RGB", (8, 8)).save(clean / "x.png")
    assert main(["train", *words]) == 2
    assert message in capsys.readouterr().err
