import io
import json
from pathlib import Path

import pytest

from screensmith.cli.main import main
from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Point, Size

pytest.importorskip("streaming")


def picture(shade: int) -> Screenshot:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, 0, 0)).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(40, 30))


@pytest.fixture
def recorded(clean: Path) -> Path:
    from screensmith.capture.store import EpisodeStore

    out = clean / "data" / "mds"
    store = EpisodeStore(out)
    for number in range(3):
        first = Step(picture(50 * number), (Click(Point(0.5, 0.5)),))
        second = Step(picture(50 * number + 20), (TypeText("x"),))
        store.append(Episode(f"episode-{number}", f"Goal {number % 2}", (first, second)))
    store.close(join=False)
    return out


def test_what_is_recorded_is_counted(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--list"]) == 0
    printed = capsys.readouterr().out
    assert "./data/mds: 3 episodes, 6 steps, 2 different goals" in printed
    assert "actions: 3 Click, 3 TypeText" in printed
    assert "screens: 6 40x30" in printed
    assert "episode-1  2 steps  Goal 1" in printed


def test_what_is_refused_is_counted_by_reason(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = sorted(recorded.glob("shard.*"))[0]
    shard.write_bytes(shard.read_bytes()[:-10])
    assert main(["inspect", str(recorded), "--quarantine", "refused.jsonl"]) == 0
    printed = capsys.readouterr().out
    assert "2 episodes, 4 steps" in printed
    refusals = [json.loads(line) for line in Path("refused.jsonl").read_text("utf-8").splitlines()]
    assert refusals
    for refusal in refusals:
        assert f"{refusal['reason']}, for example" in printed


def test_nothing_usable_is_a_failure(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shard in recorded.glob("shard.*"):
        shard.write_bytes(b"")
    assert main(["inspect"]) == 1
    assert "0 episodes, 0 steps" in capsys.readouterr().out
