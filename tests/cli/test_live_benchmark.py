"""`screensmith evaluate --benchmark` where the benchmark is played, on a made-up screen."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from screensmith.cli import _live_benchmark
from screensmith.cli.main import main
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.environments import Outcome, Start

SIZE = Size(56, 56)
PLAY = ["evaluate", "absent/final", "--benchmark", "miniwob"]


class Screen:
    """Two tasks that nothing solves."""

    tasks = ("click-test", "click-button")

    def reset(self, task: str, seed: int) -> Start:
        return Start(f"{task} {seed}", self.act(None))

    def act(self, action: object) -> Screenshot:
        file = io.BytesIO()
        Image.new("RGB", (SIZE.width, SIZE.height), "white").save(file, "PNG")
        return Screenshot(file.getvalue(), SIZE)

    def outcome(self) -> Outcome:
        return Outcome(False, 0.0)

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def screen(clean: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_live_benchmark, "open_environment", lambda arguments: Screen())
    return clean


def model(folder: Path) -> Path:
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder)]) == 0
    pixels = 56 * 56
    card = AgentCard(
        family="qwen3_vl",
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=pixels,
        max_pixels=pixels,
    )
    agent_card.write(card, folder)
    return folder


def test_two_checkpoints_play_the_same_episodes(screen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = str(model(screen / "checkpoint"))
    capsys.readouterr()
    small = ["--task", "click-test,click-button", "--episodes", "1", "--max-new-tokens", "1"]
    words = ["--compare", checkpoint, "--device", "cpu", "--json", "out/numbers.json"]
    assert main(["evaluate", checkpoint, "--benchmark", "miniwob", *small, *words]) == 0
    printed = capsys.readouterr().out
    assert "NOT the whole protocol: 2 of its 55 tasks; 1 episodes of each task, not 10" in printed
    assert "unreadable answers: 20 of 20" in printed
    assert "asked: prompt neko, dialect neko" in printed
    one, other, comparison = json.loads((screen / "out" / "numbers.json").read_text("utf-8"))
    assert (one["model"], other["model"]) == (checkpoint, checkpoint)
    assert one["data_hash"] == other["data_hash"]
    assert [record["score"] for record in (one, other)] == [0.0, 0.0]
    assert comparison["evaluation"] == "comparison"
    first = comparison["differences"][0]
    assert (first["figure"], first["value"], first["p"]) == ("mean of tasks", 0.0, 1.0)


def test_what_it_does_not_go_with_is_refused(screen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in [
        (["--limit", "3"], "is played live by its own rules: leave --environment"),
        (["--environment", "miniwob"], "leave --environment"),
        (["--steps", "5"], "says itself how many answers"),
        (["--task", "click-tset"], "click-tset is no task of miniwob"),
        (["--data", str(screen)], str(screen)),
        (["--option", "history=1"], "history_steps"),
    ]:
        assert main([*PLAY, *words]) == 2
        assert message in capsys.readouterr().err


def test_it_cannot_be_scored_from_recorded_data(screen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (screen / "said.jsonl").write_text("", "utf-8")
    words = ["score", "miniwob", "--data", str(screen), "--predictions", str(screen / "said.jsonl")]
    assert main(words) == 2
    assert "miniwob is played live" in capsys.readouterr().err
