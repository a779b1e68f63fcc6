"""Features of a frozen tower are computed once, are the tower's own, and never of other weights."""

import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from screensmith import plugins
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.trie import lay_out
from screensmith.model.batch import collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss
from screensmith.model.images import read_screens
from screensmith.model.load import load_model
from screensmith.model.vision_cache import VisionCache, identity_of, why_not


@pytest.fixture(scope="module", params=plugins.names("families"))
def loaded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    return load_model(str(new_model(request.param, "tiny", folder, seed=1)), dtype=torch.float32)


@pytest.fixture
def encoder(loaded):
    geometry = loaded.family.geometry(loaded.model.config, 64 * 64, 256 * 256)
    return Encoder(loaded.family, loaded.processor.tokenizer, geometry)


@pytest.fixture
def frozen(loaded):
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad_(loaded.family.part_of(name) == "language")
    yield loaded
    loaded.model.requires_grad_(True)


def screen(width, height):
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(noise).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(width, height))


TALK = Conversation(
    (
        Message("user", (Image(screen(64, 96)), Image(screen(128, 64)), Text("Click."))),
        Message("assistant", (Text("[0.1, 0.2]"),), learn=True),
    )
)


def test_the_second_time_no_patches_are_needed_and_loss_and_gradients_are_the_same(
    frozen, encoder, tmp_path
):
    cache = VisionCache(tmp_path, identity_of(frozen.model, frozen.family, encoder.geometry, "no"))
    screens = {}
    row = lay_out([encoder.encode(TALK, screens)])
    keys = {str(span.key) for span in row.images}
    shape = {"merge": encoder.geometry.merge, "padding": encoder.padding}
    assert cache.read(keys) is None
    first = collate([row], read_screens(screens, encoder.geometry), **shape)
    plain = training(TokenLoss(frozen.model, frozen.family), first)
    caching = TokenLoss(frozen.model, frozen.family, vision_cache=cache, merge=encoder.geometry.merge)
    filling = training(caching, first)
    kept = cache.read(keys)
    again = training(caching, collate([row], {}, features=kept, **shape))
    for loss, gradients in (filling, again):
        assert loss == pytest.approx(plain[0], rel=1e-6)
        torch.testing.assert_close(gradients, plain[1], rtol=1e-5, atol=1e-7)


def training(loss, batch):
    loss.zero_grad()
    value = loss(batch)
    value.backward()
    return value.item(), torch.cat([p.grad.flatten() for p in loss.parameters() if p.grad is not None])


def test_a_tower_or_projector_that_learns_is_refused(loaded):
    assert "freeze_vision" in why_not(loaded.model, loaded.family)
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad_(loaded.family.part_of(name) != "vision")
    assert "freeze_projector" in why_not(loaded.model, loaded.family)
    loaded.model.requires_grad_(True)


def test_a_frozen_tower_is_not_refused(frozen):
    assert why_not(frozen.model, frozen.family) == ""


def test_other_weights_geometry_or_precision_have_another_folder(frozen, encoder):
    model, family, geometry = frozen.model, frozen.family, encoder.geometry
    own = identity_of(model, family, geometry, "no")
    assert own == identity_of(model, family, geometry, "no")
    larger = family.geometry(model.config, 64 * 64, 1024 * 1024)
    changed = {identity_of(model, family, larger, "no"), identity_of(model, family, geometry, "bf16")}
    names = [name for name, _ in model.named_parameters() if family.part_of(name) == "projector"]
    parameter = model.get_parameter(names[0])
    with torch.no_grad():
        parameter.add_(1.0)
        changed.add(identity_of(model, family, geometry, "no"))
        parameter.sub_(1.0)
    assert len(changed | {own}) == 4


def test_the_language_model_may_change(frozen, encoder):
    own = identity_of(frozen.model, frozen.family, encoder.geometry, "no")
    with torch.no_grad():
        frozen.model.lm_head.weight.mul_(2.0)
        assert identity_of(frozen.model, frozen.family, encoder.geometry, "no") == own
        frozen.model.lm_head.weight.mul_(0.5)
