"""Operations held against PyTorch's own count of the same passes."""

import copy
import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from torch.utils.flop_counter import FlopCounterMode

from screensmith import plugins
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.trie import lay_out
from screensmith.model.adapt import add_adapters, freeze_parts
from screensmith.model.batch import collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss
from screensmith.model.images import read_screens
from screensmith.model.load import load_model
from screensmith.train._kept_tensors import set_checkpointing
from screensmith.train.flops import Flops, step_flops


def talk(seed: int, width: int, answer: str) -> Conversation:
    pixels = np.random.default_rng(seed).integers(0, 256, (120, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    asked = (Image(Screenshot(file.getvalue(), Size(width, 120))), Text("Where is it?"))
    return Conversation((Message("user", asked), Message("assistant", (Text(answer),), learn=True)))


@pytest.fixture(scope="module", params=plugins.names("families"))
def loaded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    new_model(request.param, "tiny", folder, seed=1)
    return load_model(str(folder), dtype=torch.float32)


@pytest.fixture(scope="module")
def batch(loaded):
    geometry = loaded.family.geometry(loaded.model.config, 56 * 56, 200 * 200)
    encoder = Encoder(loaded.family, loaded.processor.tokenizer, geometry)
    screens = {}
    talks = [talk(1, 190, "[0.2, 0.5]"), talk(1, 190, "[0.3, 0.5]"), talk(2, 110, "nowhere")]
    one, two, three = (encoder.encode(each, screens) for each in talks)
    rows = [lay_out([one, two]), lay_out([three])]
    patches = read_screens(screens, geometry)
    return collate(rows, patches, merge=geometry.merge, padding=encoder.padding)


def counted(model, family, batch) -> int:
    loss = TokenLoss(model, family).train()
    with FlopCounterMode(display=False) as counter:
        loss(batch).backward()
    return counter.get_total_flops()


def with_adapters(loaded, kind, targets, dropout=0.0):
    model = copy.deepcopy(loaded.model)
    options = {"rank": 4, "alpha": 8, "dropout": dropout, "targets": targets}
    add_adapters(model, loaded.family, kind=kind, **options)
    return model


def frozen(loaded, *parts):
    model = copy.deepcopy(loaded.model)
    freeze_parts(model, loaded.family, parts)
    return model


WAYS = {
    "full": lambda loaded: copy.deepcopy(loaded.model),
    "frozen vision": lambda loaded: frozen(loaded, "vision"),
    "frozen vision and projector": lambda loaded: frozen(loaded, "vision", "projector"),
    "frozen language": lambda loaded: frozen(loaded, "language"),
    "projector only": lambda loaded: frozen(loaded, "vision", "language"),
    "lora": lambda loaded: with_adapters(loaded, "lora", "auto"),
    "lora everywhere": lambda loaded: with_adapters(loaded, "lora", r"(?!lm_head).*"),
    "dora": lambda loaded: with_adapters(loaded, "dora", "auto"),
    "dora with dropout": lambda loaded: with_adapters(loaded, "dora", "auto", dropout=0.1),
}


@pytest.mark.parametrize(
    ("way", "checkpointing"),
    [
        *((way, (False, False)) for way in WAYS),
        *((way, (True, True)) for way in ("full", "lora everywhere")),
        ("frozen vision", (True, False)),
    ],
)
def test_the_count_is_pytorchs_where_masked_pairs_count(loaded, batch, way, checkpointing):
    model = WAYS[way](loaded)
    set_checkpointing(model, loaded.family, language=checkpointing[0], vision=checkpointing[1])
    flops = step_flops(model, loaded.family, batch, dense_attention=True)
    assert flops.total == pytest.approx(counted(model, loaded.family, batch), rel=0.01)
    assert (flops.adapters > 0) == ("ora" in way)


def test_masked_pairs_do_not_count_otherwise(loaded, batch):
    flops = step_flops(loaded.model, loaded.family, batch)
    dense = step_flops(loaded.model, loaded.family, batch, dense_attention=True)
    options = loaded.model.config.get_text_config()
    rows, length = batch.tokens.shape
    index = torch.arange(length)
    seen = (index[:, None] >= index) & (index[:, None] < batch.subtree_end[:, None, :])
    pairs = rows * length**2 - int(seen.sum())
    difference = 3.5 * 4 * options.hidden_size * pairs * options.num_hidden_layers
    assert dense.language - flops.language == pytest.approx(difference)
    assert (dense.vision, dense.head, dense.adapters) == (flops.vision, flops.head, flops.adapters)


def test_skipped_image_tokens_cost_nothing_in_the_layers_that_skip_them(loaded, batch):
    keep = torch.arange(len(batch.image_at)) % 2 == 0
    half = dataclasses.replace(batch, keep=keep)
    layers = len(loaded.family.language(loaded.model).layers)
    selecting = (False,) + (True,) * (layers - 1)
    flops = step_flops(loaded.model, loaded.family, half, selecting_layers=selecting, dense_attention=True)
    model = copy.deepcopy(loaded.model)
    loss = TokenLoss(model, loaded.family, selecting_layers=selecting).train()
    with FlopCounterMode(display=False) as counter:
        loss(half).backward()
    assert flops.total == pytest.approx(counter.get_total_flops(), rel=0.01)
    visible = step_flops(loaded.model, loaded.family, half, selecting_layers=selecting)
    assert visible.language < flops.language


def test_kept_features_save_the_towers_work(loaded, batch):
    pictures = dataclasses.replace(batch.pictures, patches=None)
    flops = step_flops(loaded.model, loaded.family, dataclasses.replace(batch, pictures=pictures))
    assert flops.vision == 0.0
    assert flops.language > 0


def test_steps_add_up():
    total = Flops(1.0, 2.0, 3.0, 4.0) + Flops(10.0, 20.0, 30.0, 40.0)
    assert total == Flops(11.0, 22.0, 33.0, 44.0)
    assert total.total == 110.0
