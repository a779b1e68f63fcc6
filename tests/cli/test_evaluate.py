import json
from pathlib import Path

import pytest

from screensmith.cli.main import main
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard

pytestmark = pytest.mark.browser
pytest.importorskip("miniwob")
pytest.importorskip("streaming")


def model(folder: Path, *, seed: int, card: bool) -> Path:
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder), "--seed", str(seed)]) == 0
    if card:
        agent_card.write(
            AgentCard(
                family="qwen3_vl",
                prompt="neko",
                dialect="neko",
                coordinate_frame="fraction",
                min_pixels=112 * 112,
                max_pixels=112 * 112,
            ),
            folder,
        )
    return folder


def test_two_models_are_judged_on_both_and_written_down(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = model(clean / "run" / "final", seed=1, card=True)
    model(clean / "plain", seed=2, card=False)
    (judged.parent / "metrics.jsonl").write_text(
        '{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n', "utf-8"
    )
    live = ["--environment", "miniwob", "--task", "click-test"]
    assert main(["capture", *live, "--episodes", "2", "--out", "recorded"]) == 0
    capsys.readouterr()
    files = ["--report", "out/report.html", "--json", "out/numbers.json", "--compare", "plain"]
    asking = ["--episodes", "2", "--steps", "1", "--max-new-tokens", "4"]
    assert main(["evaluate", "run/final", "--data", "recorded", *live, *asking, *files]) == 0
    printed = capsys.readouterr().out
    assert "data: 0 of" in printed
    assert "click-test" in printed
    records = json.loads((clean / "out" / "numbers.json").read_text("utf-8"))
    kinds = [(record["model"], record["evaluation"]) for record in records]
    assert kinds == [(name, kind) for name in ("plain", "run/final") for kind in ("offline", "live")]
    assert {record["samples"] for record in records if record["evaluation"] == "offline"} == {2}
    assert {record["episodes"] for record in records if record["evaluation"] == "live"} == {2}
    report = (clean / "out" / "report.html").read_text("utf-8")
    assert report.startswith("<!doctype html>")
    assert "plain" in report


def test_a_share_that_holds_nothing_out_is_an_error(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = ["--environment", "miniwob", "--task", "click-test"]
    assert main(["capture", *live, "--episodes", "1", "--out", "recorded"]) == 0
    assert main(["evaluate", "absent/final", "--data", "recorded", "--held-out-share", "1e-9"]) == 2
    assert "recorded: no usable episodes to judge on" in capsys.readouterr().err
