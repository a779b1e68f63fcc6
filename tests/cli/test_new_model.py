import json
from pathlib import Path

import pytest

from screensmith.cli.main import main


@pytest.mark.parametrize(("family", "kind"), [("qwen2_vl", "qwen2_vl"), ("qwen3_vl", "qwen3_vl")])
def test_a_checkpoint_of_the_family_is_written(
    clean: Path, capsys: pytest.CaptureFixture[str], family: str, kind: str
) -> None:
    assert main(["new-model", "--family", family, "--out", "models/tiny"]) == 0
    assert "models/tiny" in capsys.readouterr().out
    assert json.loads((clean / "models/tiny/config.json").read_text("utf-8"))["model_type"] == kind
    assert (clean / "models/tiny/model.safetensors").is_file()


def test_an_unknown_family_names_the_nearest(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-model", "--family", "qwen3-vl", "--out", "models/tiny"]) == 2
    assert "did you mean 'qwen3_vl'" in capsys.readouterr().err
    assert not (clean / "models").exists()
