"""What cannot be used is refused with one clear sentence."""

import json

import pytest
import torch

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.unsuitable import UnsuitableModel


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return new_model("qwen2_vl", "tiny", tmp_path_factory.mktemp("new") / "tiny")


def test_a_new_model_is_stored_in_bfloat16_and_loads_in_any_precision(tiny):
    loaded = load_model(str(tiny), dtype=torch.float32)
    assert loaded.stored_dtype is torch.bfloat16
    assert loaded.model.dtype is torch.float32
    assert loaded.family.name == "qwen2_vl"
    assert loaded.card is None


def test_a_new_model_never_overwrites_a_folder(tiny):
    with pytest.raises(FileExistsError, match="not empty"):
        new_model("qwen2_vl", "tiny", tiny)


def test_a_name_without_a_model_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnsuitableModel, match=r"REPO_ID.*screensmith new-model"):
        load_model(str(tmp_path / "missing"))


def test_another_kind_of_model_is_refused_with_those_supported(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(
        UnsuitableModel, match="gpt2 model; supported are qwen2_5_vl, qwen2_vl, qwen3_vl, smolvlm"
    ):
        load_model(str(tmp_path))


def test_an_unheard_of_kind_of_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonsense9"}))
    with pytest.raises(UnsuitableModel, match="nonsense9"):
        load_model(str(tmp_path))


def test_a_card_of_another_family_is_refused(tmp_path):
    folder = new_model("qwen3_vl", "tiny", tmp_path / "model")
    card = AgentCard(
        family="qwen2_vl",
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=1,
        max_pixels=1,
    )
    agent_card.write(card, folder)
    with pytest.raises(UnsuitableModel, match=r"agent\.json says qwen2_vl, but the weights are qwen3_vl"):
        load_model(str(folder))
