import json
from pathlib import Path

import pytest

from screensmith.cli.main import main
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard

pytestmark = pytest.mark.browser
pytest.importorskip("miniwob")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained checkpoint with a card, as training writes one."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    assert main(["new-model", "--family", "qwen3_vl", "--out", str(folder)]) == 0
    card = AgentCard(
        family="qwen3_vl",
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=112 * 112,
        max_pixels=112 * 112,
    )
    agent_card.write(card, folder)
    return folder


@pytest.mark.parametrize("where", ["task", "url"])
def test_every_step_is_printed_and_kept(
    clean: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    (clean / "page.html").write_text("<button>Go</button>", "utf-8")
    place = ["--environment", "miniwob", "--task", "click-test"]
    if where == "url":
        place = ["--url", "page.html", "--goal", "Press the button"]
    asking = ["--steps", "2", "--max-new-tokens", "4", "--save", "rollouts"]
    assert main(["act", "--checkpoint", str(checkpoint), *place, *asking]) == 0
    printed = capsys.readouterr().out
    (folder,) = (clean / "runs" / "act").iterdir()
    records = [json.loads(line) for line in (folder / "steps.jsonl").read_text("utf-8").splitlines()]
    assert [record["step"] for record in records] == list(range(len(records)))
    for record in records:
        assert (folder / record["screenshot"]).read_bytes().startswith(b"\x89PNG")
        assert f"step {record['step'] + 1}: {record['answer']}" in printed
    assert (folder / "final.png").is_file()
    assert str(folder.relative_to(clean)) in printed
    acted = any(record["performed"] for record in records)
    assert (clean / "rollouts" / "index.json").is_file() == acted


def test_a_model_without_a_card_is_refused(
    clean: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = clean / "plain"
    plain.mkdir()
    for file in checkpoint.iterdir():
        if file.name != agent_card.FILE_NAME:
            (plain / file.name).symlink_to(file)
    words = ["act", "--checkpoint", "plain", "--environment", "miniwob", "--task", "click-test"]
    assert main(words) == 2
    assert "plain has no agent.json" in capsys.readouterr().err
    assert not (clean / "runs").exists()
