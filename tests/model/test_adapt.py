"""Adapters of every kind on every family: merged checkpoints, frozen parts, packing."""

import copy
import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from screensmith import plugins
from screensmith.config.agent_card import AgentCard
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.trie import lay_out
from screensmith.model.adapt import (
    add_adapters,
    freeze_parts,
    hold_frozen_matrices,
    learning_parts,
    merged_state,
    trainable_state,
)
from screensmith.model.batch import collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss, hidden_states
from screensmith.model.images import read_screens
from screensmith.model.load import load_model
from screensmith.model.save import save_checkpoint
from screensmith.model.unsuitable import UnsuitableModel

KINDS = ("lora", "dora", "rslora")
EVERY_LINEAR = r"(?!lm_head).*"


def talk(seed: int, answer: str) -> Conversation:
    pixels = np.random.default_rng(seed).integers(0, 256, (72, 90, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    asked = (Text("Where?"), Image(Screenshot(file.getvalue(), Size(90, 72))))
    return Conversation((Message("user", asked), Message("assistant", (Text(answer),), learn=True)))


TALKS = [
    talk(1, "[0.25, 0.5]"),
    talk(1, "[0.26, 0.5]"),
    talk(2, "nowhere"),
    Conversation((Message("user", (Text("Hi"),)), Message("assistant", (Text("hello"),), learn=True))),
]


@pytest.fixture(scope="module", params=plugins.names("families"))
def loaded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    new_model(request.param, "tiny", folder, seed=1)
    return load_model(str(folder), dtype=torch.float32)


@pytest.fixture(scope="module")
def batch_of(loaded):
    """A batch from indices of TALKS, row by row."""
    geometry = loaded.family.geometry(loaded.model.config, 56 * 56, 128 * 128)
    encoder = Encoder(loaded.family, loaded.processor.tokenizer, geometry)
    screens = {}
    sequences = [encoder.encode(each, screens) for each in TALKS]
    patches = read_screens(screens, geometry)

    def batch(*rows):
        laid = [lay_out([sequences[index] for index in row]) for row in rows]
        return collate(laid, patches, merge=geometry.merge, padding=encoder.padding)

    return batch


def adapted(loaded, kind, targets="auto", dropout=0.0, frozen=()):
    """A copy of the model with adapters that do something."""
    model = copy.deepcopy(loaded.model)
    options = {"rank": 4, "alpha": 6, "dropout": dropout, "targets": targets, "frozen": frozen}
    names = add_adapters(model, loaded.family, kind=kind, **options)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1)
            elif ".lora_magnitude_vector." in name:
                parameter.mul_(torch.rand_like(parameter) + 0.5)
    return model.eval(), names


def logits_of(model, family, batch):
    with torch.no_grad():
        hidden, _ = hidden_states(model, family, batch)
        return model.lm_head(hidden.flatten(0, 1)[batch.label_at])


@pytest.mark.parametrize(
    ("kind", "targets"),
    [("lora", "auto"), ("lora", EVERY_LINEAR), ("rslora", "auto"), ("dora", EVERY_LINEAR)],
)
def test_the_merged_checkpoint_answers_as_the_adapted_model(loaded, batch_of, kind, targets, tmp_path):
    model, names = adapted(loaded, kind, targets)
    parts = {loaded.family.part_of(name) for name in names}
    assert parts == ({"language"} if targets == "auto" else {"vision", "projector", "language"})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    card = AgentCard(
        family=loaded.family.name,
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=1,
        max_pixels=1,
    )
    folder = tmp_path / "merged"
    save_checkpoint(folder, model=model, processor=loaded.processor, card=card, dtype=torch.float32)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    batch = batch_of([0, 1], [2, 3])
    ours = logits_of(model, loaded.family, batch)
    again = load_model(str(folder), dtype=torch.float32).model
    torch.testing.assert_close(logits_of(again, loaded.family, batch), ours, rtol=1e-5, atol=1e-5)
    assert (ours - logits_of(loaded.model, loaded.family, batch)).abs().max() > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_merged_weights_are_pefts_own_under_stock_names(loaded, kind):
    model, names = adapted(loaded, kind)
    merged = merged_state(model)
    assert merged.keys() == loaded.model.state_dict().keys()
    for name in names:
        module = copy.deepcopy(model.get_submodule(name))
        module.merge(safe_merge=True)
        torch.testing.assert_close(merged[f"{name}.weight"], module.base_layer.weight, rtol=1e-5, atol=1e-6)
    untouched = merged.keys() - {f"{name}.weight" for name in names}
    assert all(torch.equal(merged[name], loaded.model.state_dict()[name]) for name in untouched)


def gradients_of(model, family, batches):
    loss = TokenLoss(model, family)
    loss.zero_grad()
    total = 0.0
    for batch in batches:
        value = loss(batch)
        value.backward()
        total += value.item()
    return total, torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize(
    ("kind", "targets"), [("lora", "auto"), ("lora", EVERY_LINEAR), ("dora", EVERY_LINEAR)]
)
def test_packed_rows_give_adapters_the_loss_and_gradients_of_separate_sequences(
    loaded, batch_of, kind, targets
):
    model, _ = adapted(loaded, kind, targets)
    assert {".lora_" in name for name in trainable_state(model)} == {True}
    separate = [batch_of([index]) for index in range(len(TALKS))]
    alone = gradients_of(model, loaded.family, separate)
    for rows in ([[0, 1, 2, 3]], [[0, 1], [2, 3]]):
        packed = gradients_of(model, loaded.family, [batch_of(*rows)])
        assert packed[0] == pytest.approx(alone[0], rel=1e-5)
        assert (packed[1] - alone[1]).norm() / alone[1].norm() < 1e-4


def test_frozen_parts_get_no_gradients_and_no_adapters(loaded, batch_of):
    model = copy.deepcopy(loaded.model)
    fixed = freeze_parts(model, loaded.family, ["vision"])
    assert fixed == sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert learning_parts(model, loaded.family) == {"projector", "language"}
    TokenLoss(model, loaded.family)(batch_of([0])).backward()
    reached = {loaded.family.part_of(n) for n, p in model.named_parameters() if p.grad is not None}
    assert reached == {"projector", "language"}
    model, names = adapted(loaded, "lora", EVERY_LINEAR, frozen=["language", "projector"])
    assert {loaded.family.part_of(name) for name in names} == {"vision"}
    assert learning_parts(model, loaded.family) == {"vision"}


@pytest.mark.parametrize(
    ("targets", "frozen", "message"),
    [
        (".*nowhere", (), "'.*nowhere' matches no linear layer"),
        ("auto", ("language",), r"frozen parts only \(language\): nothing would learn"),
        ("lm_head", (), "lm_head, whose weight is another layer's"),
    ],
)
def test_targets_that_cannot_learn_are_refused(loaded, targets, frozen, message):
    with pytest.raises(UnsuitableModel, match=message):
        adapted(loaded, "lora", targets, frozen=frozen)


def test_frozen_matrices_in_half_precision_change_nothing_under_autocast(loaded, batch_of):
    model, _ = adapted(loaded, "lora")
    converted = copy.deepcopy(model)
    assert hold_frozen_matrices(converted, torch.bfloat16) > 0.3 * sum(
        p.numel() for p in model.parameters()
    )
    assert {p.dtype for p in converted.parameters() if p.requires_grad} == {torch.float32}
    batch = batch_of([0, 1, 2, 3])
    with torch.autocast("cpu", torch.bfloat16):
        before = gradients_of(model, loaded.family, [batch])
        after = gradients_of(converted, loaded.family, [batch])
    assert before[0] == after[0]
    assert torch.equal(before[1], after[1])
    stored = {name: value.bfloat16() for name, value in merged_state(model).items()}
    again = merged_state(converted)
    assert all(torch.equal(stored[name], again[name].bfloat16()) for name in stored)
