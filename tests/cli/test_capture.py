from pathlib import Path

import pytest

from screensmith.cli.main import main

pytestmark = pytest.mark.browser
pytest.importorskip("streaming")
pytest.importorskip("miniwob")


def test_scripted_episodes_are_added_and_can_be_read(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["capture", "--environment", "miniwob", "--task", "click-test", "--out", "recorded"]
    assert main([*words, "--episodes", "2"]) == 0
    assert "2 episodes added to recorded" in capsys.readouterr().out
    assert main([*words, "--episodes", "1", "--seed", "7", "--compression", "none"]) == 0
    capsys.readouterr()
    assert main(["inspect", "recorded", "--list"]) == 0
    printed = capsys.readouterr().out
    assert "recorded: 3 episodes, 3 steps" in printed
    assert "actions: 3 Click" in printed


def test_an_unknown_task_records_nothing(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "--environment", "miniwob", "--task", "click-tset", "--out", "recorded"]) == 2
    assert "did you mean 'click-test'" in capsys.readouterr().err
    assert not list((clean / "recorded").glob("shard.*"))
