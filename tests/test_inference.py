"""A user's way in: `from screensmith import load_model_for_inference`."""

import logging
import subprocess
import sys

import pytest
from PIL import Image

import screensmith
from screensmith.model.create import new_model


def test_importing_screensmith_is_light() -> None:
    script = (
        "import sys, screensmith; assert 'load_model_for_inference' in dir(screensmith); "
        "print([name for name in ('torch', 'transformers', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_nowhere_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'load_model'"):
        screensmith.load_model  # noqa: B018


def test_a_plain_model_can_be_asked_and_says_that_it_was_not_trained(tmp_path, caplog) -> None:
    folder = new_model("qwen2_5_vl", "tiny", tmp_path / "tiny")
    picture = tmp_path / "screen.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    with caplog.at_level(logging.WARNING):
        predictor = screensmith.load_model_for_inference(folder, device="cpu", max_new_tokens=3)
    assert "no agent.json" in predictor.warnings[0]
    assert "no agent.json" in caplog.text
    step = predictor.predict_step(picture, "Load the scan", {"seen": 1}, "{}")
    assert step.problem == "answer cut off"
    assert step.short_term_memory == {"seen": 1}
    assert step.notes == ("answer unreadable: memory kept",)
