"""One policy: what a checkpoint promises is how it is asked."""

import io

import pytest
from PIL import Image

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.core.actions import Click
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.policy import Speaker, load_policy
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.plugins import UnknownName

CARD = AgentCard(
    family="qwen3_vl",
    prompt="neko",
    dialect="neko",
    coordinate_frame="fraction",
    min_pixels=64 * 64,
    max_pixels=256 * 256,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return new_model("qwen3_vl", "tiny", tmp_path_factory.mktemp("new") / "tiny")


def sample(goal="Click it."):
    file = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(file, "PNG")
    return Sample("s", goal, Screenshot(file.getvalue(), Size(80, 60)))


def geometry(folder):
    loaded = load_model(str(folder))
    return loaded.family.geometry(loaded.model.config, CARD.min_pixels, CARD.max_pixels)


def test_answers_are_parsed_or_say_why_not(folder):
    speaker = Speaker(CARD, geometry(folder))
    good = speaker.read('{"action": "CLICK", "value": null, "position": [0.5, 0.25]}', sample())
    assert good.actions == (Click(Point(0.5, 0.25)),)
    bad = speaker.read("__import__('os').remove('x')", sample())
    assert (bad.actions, bad.problem) == ((), "neither JSON nor a literal")


def test_the_screen_is_seen_at_a_multiple_of_the_models_cells(folder):
    speaker = Speaker(CARD, geometry(folder))
    seen = speaker.chain(sample()).size
    assert (seen.width % 32, seen.height % 32) == (0, 0)


def test_options_of_the_card_are_checked(folder):
    card = CARD.model_copy(update={"dialect_options": {"decimal": 2}})
    with pytest.raises(UnknownName, match="did you mean 'decimals'"):
        Speaker(card, geometry(folder))


def test_a_model_without_a_card_needs_one_given(folder):
    with pytest.raises(UnsuitableModel, match=r"no agent\.json"):
        load_policy(str(folder), device="cpu")
    policy = load_policy(str(folder), card=CARD, device="cpu", max_new_tokens=3)
    assert [p.problem for p in policy([sample(), sample("Another goal.")])] == ["answer cut off"] * 2
    assert policy([]) == []


def test_a_card_that_contradicts_the_checkpoints_own_is_refused(tmp_path):
    folder = new_model("qwen3_vl", "tiny", tmp_path / "model")
    agent_card.write(CARD, folder)
    other = CARD.model_copy(update={"dialect_options": {"decimals": 2}})
    with pytest.raises(UnsuitableModel, match="another prompt or dialect"):
        load_policy(str(folder), card=other, device="cpu")


def test_what_is_expected_never_reaches_the_request(folder):
    """The leak of other evaluators: an answer that stands in the prompt."""
    policy = load_policy(str(folder), card=CARD, device="cpu", max_new_tokens=4)
    expected = (Click(Point(0.1, 0.1)),)
    knowing = Sample("s", "Click it.", sample().screenshot, (Question("", expected),))
    assert policy([knowing]) == policy([sample()])
