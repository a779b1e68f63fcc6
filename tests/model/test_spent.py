"""What answering took is counted."""

import numpy as np
import pytest
import torch
from torch import nn

from screensmith.config.agent_card import AgentCard
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.policy import LoadedPolicy
from screensmith.model.spent import Spent


def png(size, colour):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(*size))


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    loaded = load_model(str(new_model("qwen2_vl", "tiny", tmp_path_factory.mktemp("m") / "m", seed=1)))
    card = AgentCard(
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        family="qwen2_vl",
        min_pixels=56 * 56,
        max_pixels=56 * 56,
    )
    return LoadedPolicy(loaded, card, max_new_tokens=3), loaded


def test_tokens_images_and_operations_are_those_of_the_model(policy):
    asked, loaded = policy
    screen = png((56, 56), "white")
    samples = [Sample(str(number), "go", screen, (Question("go on"),)) for number in range(2)]
    before = asked.spent
    answers = asked(samples)
    spent = asked.spent - before
    assert spent.images == 1
    language = sum(
        layer.weight.numel()
        for layer in loaded.family.language(loaded.model).layers.modules()
        if isinstance(layer, nn.Linear)
    )
    vision = sum(
        layer.weight.numel()
        for layer in loaded.family.vision(loaded.model).modules()
        if isinstance(layer, nn.Linear)
    )
    head = loaded.model.lm_head.weight.numel()
    said = sum(
        len(loaded.processor.tokenizer(answer.text, add_special_tokens=False).input_ids)
        for answer in answers
    )
    assert spent.tokens > said
    patches = 16  # 4 rows of 4 patches of 14 pixels
    least = 2.0 * (language * spent.tokens + vision * patches)
    assert least < spent.operations <= least + 2.0 * head * 2 * 3


def test_sums():
    one, two = Spent(3, 1, 2.5), Spent(4, 2, 1.0)
    assert (one + two) - two == one
    assert np.isclose((one + two).operations, 3.5)
    assert torch.tensor((one + two).tokens) == 7
