"""Answers in a batch equal the library's own greedy answers one at a time."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from screensmith.core.conversation import Conversation, Message, Text
from screensmith.core.conversation import Image as Shown
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.model.answer import generate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
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


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen3_vl"])
def test_a_batch_of_requests_is_answered_as_each_alone(family, tmp_path):
    loaded = load_model(str(new_model(family, "tiny", tmp_path / family, seed=5)), dtype=torch.float32)
    # Spread the logits, so that the choice of a random model does not hang on rounding.
    with torch.no_grad():
        loaded.model.lm_head.weight.mul_(20)
    model = loaded.model.eval()
    geometry = loaded.family.geometry(model.config, 64 * 64, 256 * 256)
    encoder = Encoder(loaded.family, loaded.processor.tokenizer, geometry)
    pixels = {}
    requests = [encoder.request(conversation, pixels) for conversation in REQUESTS]
    ends = {"turn_end": encoder.turn_end, "padding": encoder.padding, "max_new_tokens": 12}
    answers = generate(model, requests, pixels, merge=2, **ends)
    for request, answer in zip(requests, answers, strict=True):
        assert answer == generate(model, [request], pixels, merge=2, **ends)[0]
        assert answer == library_answer(model, encoder, request, pixels)


def library_answer(model, encoder, request, pixels):
    inputs = torch.from_numpy(request.tokens)[None]
    arguments = {}
    if request.images:
        grids = [[1, span.rows * 2, span.columns * 2] for span in request.images]
        arguments["pixel_values"] = torch.cat(
            [torch.from_numpy(pixels[span.key]) for span in request.images]
        )
        arguments["image_grid_thw"] = torch.tensor(grids)
    kinds = (inputs == model.config.image_token_id).int()
    import transformers

    if int(transformers.__version__.split(".")[0]) >= 5:
        arguments["mm_token_type_ids"] = kinds
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
