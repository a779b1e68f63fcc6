"""Answers in a batch equal the library's own greedy answers one at a time."""

import io
import math

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from screensmith import plugins
from screensmith.core.conversation import Conversation, Message, Text
from screensmith.core.conversation import Image as Shown
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.model.answer import Asked, LayerCache, generate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.images import read_screens
from screensmith.model.load import load_model


def screen(width, height):
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(width, height))


REQUESTS = [
    Conversation((Message("user", (Text("What now?"), Shown(screen(64, 96)))),)),
    Conversation((Message("user", (Text("No picture here, only a longer text."),)),)),
    Conversation((Message("user", (Shown(screen(96, 32)), Shown(screen(64, 64)), Text("Go"))),)),
]


ASKED_ALIKE = [
    Conversation((Message("user", (Shown(screen(96, 64)), Text(f"Where is {thing}?"))),))
    for thing in ("the button", "the link", "the link?", "it", "the box")
]


@pytest.fixture(params=plugins.names("families"))
def loaded(request, tmp_path):
    folder = new_model(request.param, "tiny", tmp_path / request.param, seed=5)
    result = load_model(str(folder), dtype=torch.float32)
    # A head of its own, so that answers differ from what was read last, and spread logits, so that
    # the choice of a random model does not hang on rounding.
    torch.manual_seed(0)
    result.model.lm_head.weight = torch.nn.Parameter(torch.randn_like(result.model.lm_head.weight) * 20)
    result.model.eval()
    return result


@pytest.fixture
def encoder(loaded):
    geometry = loaded.family.geometry(loaded.model.config, 64 * 64, 256 * 256)
    return Encoder(loaded.family, loaded.processor.tokenizer, geometry)


def asked_of(loaded, encoder, **options):
    ends = {"turn_end": encoder.turn_end, "padding": encoder.padding, "max_new_tokens": 12}
    return Asked(loaded.model, loaded.family, encoder.geometry, **ends, **options)


@pytest.mark.parametrize("row_tokens", [1, 4096])
@pytest.mark.parametrize("conversations", [REQUESTS, ASKED_ALIKE, [*REQUESTS, *ASKED_ALIKE]])
def test_a_batch_of_requests_is_answered_as_each_alone(loaded, encoder, conversations, row_tokens):
    screens = {}
    requests = [encoder.request(conversation, screens) for conversation in conversations]
    patches = read_screens(screens, encoder.geometry)
    answers = generate(asked_of(loaded, encoder, row_tokens=row_tokens), requests, patches)
    alone = [generate(asked_of(loaded, encoder), [request], patches)[0] for request in requests]
    assert answers == alone
    assert len({tuple(answer) for answer in answers}) > 1


@pytest.mark.parametrize("conversation", REQUESTS)
def test_an_answer_is_the_librarys_own_greedy_answer(loaded, encoder, conversation):
    screens = {}
    request = encoder.request(conversation, screens)
    patches = read_screens(screens, encoder.geometry)
    answer = generate(asked_of(loaded, encoder), [request], patches)[0]
    assert answer == library_answer(loaded, encoder, request, patches)


def library_answer(loaded, encoder, request, patches):
    """The stock model's `generate`, fed the same patches normalised as its processor does it."""
    model, geometry = loaded.model, encoder.geometry
    inputs = torch.from_numpy(request.tokens)[None]
    arguments = {}
    if request.images:
        shown = [patches[span.key] for span in request.images]
        arguments = library_pictures(loaded, geometry, request.images, shown)
    if int(transformers.__version__.split(".")[0]) >= 5 and hasattr(model.model, "get_rope_index"):
        arguments["mm_token_type_ids"] = (inputs == model.config.image_token_id).int()
    output = model.generate(
        input_ids=inputs,
        attention_mask=torch.ones_like(inputs),
        do_sample=False,
        max_new_tokens=12,
        eos_token_id=encoder.turn_end,
        pad_token_id=encoder.padding,
        **arguments,
    )
    return output[0, inputs.shape[1] :].tolist()


def library_pictures(loaded, geometry, spans, shown):
    patch = geometry.patch_pixels
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (geometry.mean, geometry.std))
    normalised = [
        (torch.from_numpy(rows).float().view(-1, patch, patch, 3).permute(0, 3, 1, 2) / 255 - mean) / std
        for rows in shown
    ]
    if geometry.spreads:
        values = torch.cat([rows[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1) for rows in normalised])
        grids = [[1, span.rows * geometry.merge, span.columns * geometry.merge] for span in spans]
        return {"pixel_values": values, "image_grid_thw": torch.tensor(grids)}
    side = math.isqrt(len(normalised[0]))
    tiles = [
        rows.view(side, side, 3, patch, patch).permute(2, 0, 3, 1, 4).reshape(3, side * patch, side * patch)
        for rows in normalised
    ]
    return {"pixel_values": torch.stack(tiles)[None]}


def test_a_cache_holds_what_was_appended_in_order():
    cache, generator = LayerCache(), torch.Generator().manual_seed(0)
    parts = [torch.randn(2, 3, length, 4, generator=generator) for length in (5, 1, 2, *[1] * 40)]
    for count, part in enumerate(parts, start=1):
        for layer in (0, 7):
            key, value = cache.update(part + layer, -part - layer, layer)
            assert torch.equal(key, torch.cat(parts[:count], dim=2) + layer)
            assert torch.equal(value, -key)
