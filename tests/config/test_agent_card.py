"""What a checkpoint promises is written and read as it is, and nothing else is accepted."""

import pytest
from pydantic import ValidationError

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard

CARD = AgentCard(
    family="qwen2_vl",
    prompt="neko",
    dialect="neko",
    dialect_options={"decimals": 2},
    coordinate_frame="fraction",
    min_pixels=100,
    max_pixels=1000,
    action_names=("CLICK",),
    data_fingerprints={"data/mds": "abc"},
)


def test_a_card_round_trips(tmp_path):
    agent_card.write(CARD, tmp_path)
    assert agent_card.read(tmp_path) == CARD


def test_a_folder_without_a_card_has_none(tmp_path):
    assert agent_card.read(tmp_path) is None


def test_unknown_promises_are_refused():
    with pytest.raises(ValidationError):
        AgentCard.model_validate({**CARD.model_dump(), "temperature": 1})
