"""The two-stage pipeline on AGUVIS-format data made from recorded rollouts, also in a killed process."""

import json
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from screensmith.cli.main import main
from screensmith.config.forge import STAGES, load_forge
from screensmith.config.load import load_train_settings
from screensmith.model.create import new_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "forge"
MARKS = (
    "stage1/step-1",
    "evaluate1/screenspot-answers.jsonl",
    "stage2/step-1",
    "evaluate2/steps-answers.jsonl",
)
WEIGHTS = ("adapter_model.safetensors", "model.safetensors")
YAML = """
output: {root}/out
data:
  stage1: {{reader: aguvis, root: {root}/raw/stage1/mixture.yaml, options: {{stage: 1}}}}
  stage2: {{reader: aguvis, root: {root}/raw/stage2/mixture.yaml, options: {{stage: 2}}}}
defaults: {{repo_id: {root}/tiny, shortest_edge: 64, longest_edge: 64, batch: 2, accum: 1, save_steps: 1,
  max_steps: 2, optimizer: adamw, gradient_checkpointing: "off", precision: fp32, trackers: jsonl,
  freeze_vision: false}}
stage1: {{adapter: lora, lora_r: 4, lora_alpha: 8, freeze_projector: false}}
stage2: {{adapter: none}}
evaluation:
  data: {root}/raw/screenspot
  options: {{json: screenspot_web}}
  limit: 3
  max_new_tokens: 8
  steps: {{reader: aguvis, root: {root}/raw/held_out/mixture.yaml, options: {{stage: 2}}, limit: 2}}
"""


@pytest.fixture(scope="module")
def forge_file(tmp_path_factory):
    """A two-stage run of a few steps, and everything that it needs."""
    root = tmp_path_factory.mktemp("forge")
    new_model("qwen3_vl", "tiny", root / "tiny", seed=1)
    before = sys.argv
    sys.argv = ["make_data.py", "--out", str(root / "raw"), "--limit", "6"]
    try:
        runpy.run_path(str(EXAMPLE / "make_data.py"), run_name="__main__")
    finally:
        sys.argv = before
    path = root / "forge.yaml"
    path.write_text(YAML.format(root=root), "utf-8")
    return path


def forge(action, path, *words):
    return main(["forge", action, str(path), *map(str, words)])


def killed(path, mark):
    """Start a run in a process of its own and kill it as soon as it has come to the mark."""
    command = [sys.executable, "-m", "screensmith.cli.main", "forge", "run", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        limit = time.monotonic() + 120
        while not (path.parent / "out" / mark).exists() and process.poll() is None:
            assert time.monotonic() < limit, mark
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[0].decode()
    assert process.returncode in (-signal.SIGKILL, 0), said


def models(path):
    """When each stage's model was written."""
    return [(path.parent / "out" / f"stage{stage}" / "final").stat().st_mtime_ns for stage in STAGES]


def results(out):
    """Both stages' weights and every answer, without where and when they came about."""
    weights = [load_file(out / f"stage{stage}" / "final" / name) for stage, name in enumerate(WEIGHTS, 1)]
    files = sorted(out.glob("evaluate*/*-answers.jsonl"))
    answers = {file.relative_to(out): file.read_text("utf-8").splitlines()[1:] for file in files}
    assert len(answers) == 4
    return [{name: value.tolist() for name, value in one.items()} for one in weights], answers


def test_a_run_that_is_killed_in_one_step_after_the_other_goes_on_and_what_is_done_is_skipped(
    forge_file, clean, capsys
):
    for mark in MARKS:
        killed(forge_file, mark)
    assert forge("run", forge_file) == 0
    said = capsys.readouterr().out
    assert "compare: done" in said
    assert "both answered)" in said
    out = forge_file.parent / "out"
    assert forge("run", forge_file, "--output", clean / "undisturbed") == 0
    capsys.readouterr()
    assert results(out) == results(clean / "undisturbed")
    assert (out / "compare" / "comparison.html").read_text("utf-8").count("data:image/") >= 8
    assert json.loads((out / "stage1" / "final" / "agent.json").read_text("utf-8"))["prompt"] == "forge"
    assert (out / "stage1" / "final" / "adapter_config.json").is_file()
    second = json.loads((out / "stage2" / "final" / "agent.json").read_text("utf-8"))
    assert second["prompt_options"] == {"thinking": True}
    assert second["base"] == str(out / "stage1" / "final")

    written = models(forge_file)
    assert forge("run", forge_file) == 0
    assert capsys.readouterr().out.count("done before") == 6
    assert models(forge_file) == written
    assert forge("status", forge_file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["done"] * 6

    settings = load_forge(forge_file).train_settings(1).settings
    assert load_train_settings({}, run_file=out / "stage1.yaml", environment={}).settings == settings


def test_a_finished_training_is_not_replaced_unasked(forge_file, clean, capsys):
    assert forge("run", forge_file) == 0
    written = models(forge_file)
    capsys.readouterr()
    assert forge("run", forge_file, "--set", "stage1.lr=0.01") == 2
    assert "lr was 0.0001 and is 0.01" in (said := capsys.readouterr().err)
    assert "--redo stage1" in said
    assert models(forge_file) == written
    assert forge("status", forge_file, "--set", "stage2.epochs=7") == 0
    assert "epochs was 1 and is 7" in capsys.readouterr().out

    # Cheap steps are done again by themselves, and only they.
    assert forge("run", forge_file, "--set", "evaluation.limit=5") == 0
    assert capsys.readouterr().out.count("done before") == 3
    assert models(forge_file) == written
    assert (forge_file.parent / "out" / "evaluate1.before-1").is_dir()

    assert forge("run", forge_file, "--redo", "stage2", "--set", "stage2.max_steps=1") == 0
    after = models(forge_file)
    assert (after[0], after[1] > written[1]) == (written[0], True)
    assert (forge_file.parent / "out" / "stage2.before-1" / "final").is_dir()
    capsys.readouterr()
    words = ["--set", "stage2.max_steps=1"]
    assert forge("compare", forge_file, *words) == 0
    assert "Recorded steps: " in capsys.readouterr().out
    assert forge("evaluate", forge_file, "--stage", 2, "--limit", 3, *words) == 0
    assert "* macro over cells" in capsys.readouterr().out
    assert (
        forge("evaluate", forge_file, "--stage", 1, "--eval-type", "qualitative", "--limit", 2, *words) == 0
    )
    page = Path(capsys.readouterr().out.split("page: ")[1].strip())
    assert page.read_text("utf-8").count("data:image/") == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "stage1.learning_rate=1"], "did you mean 'lr'"),
        (["--set", "stage1=3"], "--set takes SECTION.NAME=VALUE"),
        (["--set", "stag1.lr=3"], "did you mean 'stage1'"),
        (["--set", "evaluation.limt=3"], "did you mean 'limit'"),
        (["--set", "evaluation.steps.lmit=3"], "did you mean 'limit'"),
        (["--set", "stage1.output=x"], "output is decided by the forge"),
        (["--set", "stage2.repo_id=x"], "stage 2 starts from stage 1's result"),
        (["--set", "stage1.precision=bf16"], "both run in one process"),
        (["--set", "stage1.lr=fast"], "must be a number"),
        (["--set", "evaluation.data=nowhere"], "nowhere"),
        (["--stage", "1"], "--stage belongs to `screensmith forge evaluate`"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(words, message, forge_file, clean, capsys):
    assert forge("run", forge_file, "--output", "elsewhere", *words) == 2
    assert message in capsys.readouterr().err
    assert not list(clean.iterdir())


def test_a_stage_that_is_not_trained_cannot_be_asked(forge_file, clean, capsys):
    assert forge("evaluate", forge_file, "--output", "elsewhere", "--stage", 1) == 2
    assert "trains stage 1" in capsys.readouterr().err
    assert forge("compare", forge_file, "--output", "elsewhere") == 2
    assert "evaluate1 and evaluate2 must be done first" in capsys.readouterr().err
