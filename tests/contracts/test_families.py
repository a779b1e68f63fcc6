"""Laws of every model family, held against the library's own processor, positions and loss."""

import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from screensmith import plugins
from screensmith.core.actions import Click
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.data.trie import fill_rows, lay_out, positions_of
from screensmith.dialects import neko as neko_dialect
from screensmith.model.batch import TokenLoss, collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.load import load_model
from screensmith.prompts import neko as neko_prompt

FAMILIES = plugins.names("families")
MIN_PIXELS, MAX_PIXELS = 160 * 160, 640 * 480


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    new_model(request.param, "tiny", folder, seed=1)
    return load_model(str(folder), dtype=torch.float32)


@pytest.fixture(scope="module")
def geometry(loaded):
    return loaded.family.geometry(loaded.model.config, MIN_PIXELS, MAX_PIXELS)


@pytest.fixture(scope="module")
def encoder(loaded, geometry):
    return Encoder(loaded.family, loaded.processor.tokenizer, geometry)


def picture(width: int, height: int, seed: int = 0) -> Screenshot:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(width, height))


def asking(screen: Screenshot, goal: str, x: float, history=()) -> Conversation:
    question = Question("", (Click(Point(x, 0.5)),))
    sample = Sample("a#0", goal, screen, (question,), history=history)
    return neko_prompt.render(sample, question, neko_dialect.dialect(), Size(1, 1))


def library_inputs(loaded, conversation: Conversation):
    """The library's own encoding of the same conversation."""
    messages = [
        {
            "role": message.role,
            "content": [
                {"type": "image"} if isinstance(part, Image) else {"type": "text", "text": part.text}
                for part in message.parts
            ],
        }
        for message in conversation.messages
    ]
    geometry = loaded.family.geometry(loaded.model.config, MIN_PIXELS, MAX_PIXELS)
    processor = loaded.family.new_processor(loaded.processor.tokenizer, geometry)
    text = processor.apply_chat_template(messages)
    images = [
        PillowImage.open(io.BytesIO(screen.read_bytes())).convert("RGB")
        for screen in conversation.screenshots
    ]
    return processor(text=[text], images=images or None, return_tensors="pt")


CONVERSATIONS = [
    asking(picture(160, 210), "Click the button.", 0.25),
    asking(picture(331, 97), "Öffne 日本 <|im_end|> now", 0.75),
    Conversation((Message("user", (Text("no image"),)), Message("assistant", (Text("ok"),), learn=True))),
    Conversation(
        (
            Message("user", (Text("first"), Image(picture(90, 400)), Image(picture(400, 90, 1)))),
            Message("assistant", (Text("[0.1, 0.2]"),), learn=True),
            Message("user", (Text("and"), Image(picture(222, 223, 2)))),
            Message("assistant", (Text("[0.3]"),), learn=True),
        )
    ),
]


@pytest.mark.parametrize("conversation", [CONVERSATIONS[0], CONVERSATIONS[3]])
def test_tokens_patches_and_positions_equal_the_librarys(loaded, encoder, conversation):
    pixels = {}
    ours = encoder.encode(conversation, pixels)
    library = library_inputs(loaded, conversation)
    assert library["input_ids"][0].tolist() == [*ours.tokens.tolist(), *encoder._tokens("\n")]
    patches = np.concatenate([pixels[span.key] for span in ours.images])
    # The library resizes with torchvision here; tests/data/test_pixels.py is exact, with Pillow's.
    assert patches.shape == library["pixel_values"].shape
    assert np.abs(patches - library["pixel_values"].numpy()).mean() < 0.005
    arguments = (
        {"mm_token_type_ids": library["mm_token_type_ids"]} if "mm_token_type_ids" in library else {}
    )
    if arguments:
        arguments["mm_token_type_ids"] = arguments["mm_token_type_ids"].int()
    positions, _ = loaded.model.model.get_rope_index(
        input_ids=library["input_ids"], image_grid_thw=library["image_grid_thw"], **arguments
    )
    np.testing.assert_array_equal(positions_of(ours), positions[:, 0, : len(ours.tokens)].numpy())


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_learned_labels_decode_to_exactly_the_learned_text(loaded, encoder, conversation):
    sequence = encoder.encode(conversation, {})
    row = lay_out([sequence])
    learned = [message.text for message in conversation.messages if message.learn]
    decoded = loaded.processor.tokenizer.decode(row.label_target.tolist())
    assert decoded == "".join(f"{text}<|im_end|>" for text in learned)


def test_marks_inside_data_are_not_control_tokens(encoder):
    sequence = encoder.encode(CONVERSATIONS[1], {})
    assert sequence.tokens.tolist().count(encoder.turn_end) == 2


def test_a_request_is_a_prefix_of_the_training_text(encoder):
    whole = encoder.encode(CONVERSATIONS[0], {})
    request = encoder.request(Conversation(CONVERSATIONS[0].messages[:1]), {})
    length = len(request.tokens)
    assert whole.tokens[:length].tolist() == request.tokens.tolist()
    assert int(np.flatnonzero(whole.learn)[0]) == length


def gradients_of(loaded, encoder, groups, pixels):
    loss = TokenLoss(loaded.model)
    loss.zero_grad()
    total = 0.0
    for rows in groups:
        batch = collate([lay_out(row) for row in rows], pixels, merge=2, padding=encoder.padding, samples=1)
        value = loss(batch)
        value.backward()
        total += value.item()
    grads = torch.cat([p.grad.flatten() for p in loaded.model.parameters() if p.grad is not None])
    return total, grads.clone()


def test_rows_that_share_give_the_loss_and_gradients_of_separate_sequences(loaded, encoder):
    pixels = {}
    screen = picture(160, 210)
    talks = [*CONVERSATIONS, *(asking(screen, "Click the button.", x) for x in (0.3, 0.31, 0.9))]
    talks.append(asking(screen, "Click the link.", 0.1))
    sequences = [encoder.encode(talk, pixels) for talk in talks]
    separate, separate_gradients = gradients_of(
        loaded, encoder, [[[sequence]] for sequence in sequences], pixels
    )
    for budget in (700, 10_000):
        rows = fill_rows(sequences, budget)
        shared, gradients = gradients_of(loaded, encoder, [rows], pixels)
        assert shared == pytest.approx(separate, rel=1e-5)
        difference = (gradients - separate_gradients).norm() / separate_gradients.norm()
        assert difference < 1e-4
    assert len(lay_out(sequences)) < sum(len(sequence.tokens) for sequence in sequences)


def test_a_tiny_random_model_learns_its_batch(loaded, encoder):
    state = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    pixels = {}
    sequences = [encoder.encode(talk, pixels) for talk in CONVERSATIONS[:2]]
    batch = collate([lay_out(sequences)], pixels, merge=2, padding=encoder.padding, samples=2)
    loss = TokenLoss(loaded.model)
    optimizer = torch.optim.AdamW(loss.parameters(), lr=3e-3)
    values = []
    for _ in range(25):
        value = loss(batch) / batch.label_weight.sum()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    loaded.model.load_state_dict(state)
    assert values[-1] < values[0] / 3
