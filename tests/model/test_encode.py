"""Messages that say whom they are meant for; all else is compared with the library in test_families.py."""

import io

import pytest
from PIL import Image

from screensmith.config.train import TrainSettings
from screensmith.core.actions import Click
from screensmith.core.conversation import Conversation, Message, Opening, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.load import load_model
from screensmith.model.policy import load_policy
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.train.run import train
from screensmith.train.starting import starting_model

USER = Message("user", (Text("mute"),))
PLAN = Message("assistant", (Text("Thought: low\n"),), True, "all", ends_turn=False)
CODE = Message("assistant", (Text("mobile.back()"),), True, "os")


@pytest.fixture(scope="module", params=["qwen2_vl", "smolvlm"])
def settings(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    base = new_model(request.param, "tiny", out / "base", seed=1)
    return TrainSettings(
        repo_id=str(base),
        output=str(out / "run"),
        prompt="aguvis",
        dialect="pyautogui",
        trackers=("jsonl",),
    )


@pytest.fixture(scope="module")
def encoder(settings):
    loaded = starting_model(settings)
    return Encoder(
        loaded.family, loaded.processor.tokenizer, loaded.family.geometry(loaded.model.config, 1, 9999)
    )


def shown(encoder, tokens):
    return encoder._marked.decode([int(token) for token in tokens], skip_special_tokens=False)


def test_who_a_message_is_meant_for_is_learned_with_it(encoder):
    sequence = encoder.encode(Conversation((USER, PLAN, CODE)), {})
    learned = [token for token, learn in zip(sequence.tokens, sequence.learn, strict=True) if learn]
    end = encoder._chat.turn_end
    assert shown(encoder, learned) == (
        f"<|recipient|>all\nThought: low\n{end}<|recipient|>os\nmobile.back()<|diff_marker|>"
    )


@pytest.mark.parametrize(
    ("opening", "begun"),
    [
        (Opening(""), ""),
        (Opening("os"), "<|recipient|>os\n"),
        (Opening("all", "Thought:"), "<|recipient|>all\nThought:"),
    ],
)
def test_a_request_begins_the_answer_as_training_did(encoder, opening, begun):
    request = encoder.request(Conversation((USER,), opening), {})
    role = encoder._chat.headers["assistant"].rstrip("\n")
    assert shown(encoder, request.tokens).endswith(role + begun)
    whole = list(encoder.encode(Conversation((USER, PLAN, CODE)), {}).tokens)
    if opening.recipient != "os":
        assert list(request.tokens) == whole[: len(request.tokens)]


def test_new_marks_begin_as_the_mean_of_the_others_and_are_kept(settings):
    started = starting_model(settings)
    new = started.processor.tokenizer.convert_tokens_to_ids(["<|recipient|>", "<|diff_marker|>"])
    table = started.model.get_input_embeddings().weight
    assert table[new[0]].allclose(table[: min(new)].mean(dim=0))
    with pytest.raises(UnsuitableModel, match="trains every weight"):
        starting_model(settings.model_copy(update={"adapter": "lora"}))


def test_a_model_without_the_marks_says_so(settings):
    loaded = load_model(settings.repo_id)
    plain = Encoder(loaded.family, loaded.processor.tokenizer, None)
    for use in (
        lambda: plain.encode(Conversation((USER, PLAN)), {}),
        lambda: plain.end_of_answer(Conversation((USER,), Opening(""))),
    ):
        with pytest.raises(UnsuitableModel, match="names recipients"):
            use()


def test_a_checkpoint_is_asked_as_it_was_trained(settings):
    file = io.BytesIO()
    Image.new("RGB", (56, 56), "white").save(file, "PNG")
    screen = Screenshot(file.getvalue(), Size(56, 56))
    question = Question("", (Click(Point(0.5, 0.5)),), thought="there it is")
    samples = [Sample(str(number), f"click {number}", screen, (question,)) for number in range(2)]
    quick = settings.model_copy(update={"max_steps": 1, "shortest_edge": 56, "longest_edge": 56})
    train(quick, samples)
    policy = load_policy(f"{quick.output}/final", max_new_tokens=2)
    assert len(policy(samples[:2])) == 2
    assert "<|recipient|>" in load_model(f"{quick.output}/final").processor.tokenizer.get_vocab()
