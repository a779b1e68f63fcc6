import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from screensmith.config.train import TrainSettings

Screensmith = Callable[..., subprocess.CompletedProcess[str]]


def test_every_place_is_shown_as_the_source_of_what_it_gave(
    screensmith: Screensmith, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("TRAIN_WD=0.1\nTRAIN_LR=1e-2\nAWS_ACCESS_KEY_ID=key\n", "utf-8")
    (tmp_path / "run.yaml").write_text("epochs: 7\nlr: 1e-1\n", "utf-8")
    done = screensmith(
        "settings", "run.yaml", "--batch", 3, "--no-resume", TRAIN_LR="1e-3", TRAIN_RESUME="true"
    )
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert list(rows) == list(TrainSettings.model_fields)
    assert rows["epochs"] == ["7", "epochs", "in", "run.yaml"]
    assert rows["lr"] == ["0.001", "TRAIN_LR", "in", "the", "environment"]
    assert rows["wd"] == ["0.1", "TRAIN_WD", "in", ".env"]
    assert rows["batch"] == ["3", "--batch"]
    assert rows["resume"] == ["false", "--resume"]
    assert rows["accum"] == ["1", "default"]


def test_json_is_one_object_on_one_line(screensmith: Screensmith) -> None:
    done = screensmith("settings", "--format", "json", "--trackers", "jsonl")
    assert done.stdout.count("\n") == 1
    settings = json.loads(done.stdout)["settings"]
    assert settings["trackers"] == {"value": ["jsonl"], "source": "--trackers"}
    assert settings.keys() == TrainSettings.model_fields.keys()


def test_another_env_file_can_be_named(screensmith: Screensmith, tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("SEED=5\n", "utf-8")
    done = screensmith("settings", "--env-file", "mine.env", "--format", "json")
    assert json.loads(done.stdout)["settings"]["seed"] == {"value": 5, "source": "SEED in mine.env"}
