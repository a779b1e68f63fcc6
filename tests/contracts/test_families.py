"""Laws of every model family, held against the library's own processor, positions and loss."""

import io

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from screensmith import plugins
from screensmith.core.actions import Click
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.sample import Question, Sample
from screensmith.data.packing import pack_rows
from screensmith.data.trie import lay_out, positions_of
from screensmith.dialects import neko as neko_dialect
from screensmith.model.batch import collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss
from screensmith.model.images import read_screens
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
def test_tokens_and_positions_equal_the_librarys(loaded, encoder, conversation):
    ours = encoder.encode(conversation, {})
    library = library_inputs(loaded, conversation)
    tokens = library["input_ids"][0].tolist()
    assert tokens[: len(ours.tokens)] == ours.tokens.tolist()
    assert tokens[len(ours.tokens) :] in ([], encoder._tokens("\n"))  # what a template may end with
    positions = library_positions(loaded, library)
    np.testing.assert_array_equal(positions_of(ours), positions[:, : len(ours.tokens)].numpy())


def library_positions(loaded, library):
    """(3, n) positions as the library works them out, or plain counting where it has no such rule."""
    if not hasattr(loaded.model.model, "get_rope_index"):
        return torch.arange(library["input_ids"].shape[1]).expand(3, -1)
    arguments = {}
    if "mm_token_type_ids" in library:
        arguments["mm_token_type_ids"] = library["mm_token_type_ids"].int()
    positions, _ = loaded.model.model.get_rope_index(
        input_ids=library["input_ids"], image_grid_thw=library["image_grid_thw"], **arguments
    )
    return positions[:, 0]


@pytest.mark.parametrize("conversation", [CONVERSATIONS[0], CONVERSATIONS[2], CONVERSATIONS[3]])
def test_the_loss_is_the_librarys_own(loaded, encoder, conversation):
    """The whole way: our bytes, folded normalisation, features, positions and layers."""
    screens = {}
    ours = encoder.encode(conversation, screens)
    with torch.no_grad():
        value = TokenLoss(loaded.model, loaded.family)(batch_of([[ours]], screens, loaded, encoder))
        library = library_inputs(loaded, conversation)
        logits = loaded.model(**library).logits[0].float()
    at = np.flatnonzero(ours.learn)
    targets = torch.from_numpy(ours.tokens[at])
    expected = torch.nn.functional.cross_entropy(logits[at - 1], targets, reduction="sum")
    # The library resizes floats here, we bytes: up to half a grey level, so not exactly equal.
    assert value.item() == pytest.approx(expected.item(), rel=2e-3 if ours.images else 1e-5)


def batch_of(rows, screens, loaded, encoder):
    patches = read_screens(screens, encoder.geometry)
    laid = [lay_out(row) for row in rows]
    return collate(laid, patches, merge=encoder.geometry.merge, padding=encoder.padding)


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_learned_labels_decode_to_exactly_the_learned_text(loaded, encoder, conversation):
    sequence = encoder.encode(conversation, {})
    row = lay_out([sequence])
    chat = loaded.family.chat
    learned = [message.text for message in conversation.messages if message.learn]
    decoded = loaded.processor.tokenizer.decode(row.label_target.tolist())
    assert decoded == "".join(f"{chat.before_text}{text}{chat.turn_end}" for text in learned)


def test_marks_inside_data_are_not_control_tokens(loaded, encoder):
    mark = loaded.family.chat.turn_end
    sequence = encoder.encode(asking(picture(331, 97), f"Öffne 日本 {mark} now", 0.75), {})
    assert sequence.tokens.tolist().count(encoder.turn_end) == 2


def test_a_request_is_a_prefix_of_the_training_text(encoder):
    whole = encoder.encode(CONVERSATIONS[0], {})
    request = encoder.request(Conversation(CONVERSATIONS[0].messages[:1]), {})
    length = len(request.tokens)
    assert whole.tokens[:length].tolist() == request.tokens.tolist()
    assert int(np.flatnonzero(whole.learn)[0]) == length


def test_a_sequence_is_measured_without_reading_its_images(encoder):
    class Unread:
        def read_bytes(self):
            raise AssertionError("read")

    def conversation(source):
        return asking(Screenshot(source, Size(331, 97)), "Click.", 0.5)

    measured = encoder.measure(conversation(Unread()))
    encoded = encoder.encode(conversation(picture(331, 97).source), {})
    assert measured.tokens.tolist() == encoded.tokens.tolist()


def gradients_of(loaded, encoder, groups, screens):
    loss = TokenLoss(loaded.model, loaded.family)
    loss.zero_grad()
    total = 0.0
    for rows in groups:
        value = loss(batch_of(rows, screens, loaded, encoder))
        value.backward()
        total += value.item()
    grads = torch.cat([p.grad.flatten() for p in loaded.model.parameters() if p.grad is not None])
    return total, grads.clone()


def assert_equal_training(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert (one[1] - other[1]).norm() / other[1].norm() < 1e-4


def test_rows_that_share_give_the_loss_and_gradients_of_separate_sequences(loaded, encoder):
    screens = {}
    screen = picture(160, 210)
    talks = [*CONVERSATIONS, *(asking(screen, "Click the button.", x) for x in (0.3, 0.31, 0.9))]
    talks.append(asking(screen, "Click the link.", 0.1))
    sequences = [encoder.encode(talk, screens) for talk in talks]
    separate = gradients_of(loaded, encoder, [[[sequence]] for sequence in sequences], screens)
    for budget in (700, 10_000):
        rows = [[sequences[index] for index in row] for row in pack_rows(sequences, budget)]
        assert_equal_training(gradients_of(loaded, encoder, [rows], screens), separate)
    assert len(lay_out(sequences)) < sum(len(sequence.tokens) for sequence in sequences)


SHARED = [picture(64, 96, 7), picture(96, 64, 8)]
PARTS = st.sampled_from([Image(SHARED[0]), Image(SHARED[1]), Text("a b"), Text("click"), Text("[0.1]")])


@st.composite
def random_talks(draw):
    """Conversations over few parts, so that beginnings are often shared at every depth."""
    talks = []
    for _ in range(draw(st.integers(2, 5))):
        messages = []
        for _ in range(draw(st.integers(1, 2))):
            asked = tuple(draw(st.lists(PARTS, min_size=1, max_size=3)))
            answer = (Text(draw(st.sampled_from(["yes", "no", "yes no"]))),)
            learn = draw(st.booleans())
            messages += [Message("user", asked), Message("assistant", answer, learn=learn)]
        messages[-1] = Message("assistant", messages[-1].parts, learn=True)
        talks.append(Conversation(tuple(messages)))
    return talks


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(talks=random_talks(), budget=st.sampled_from([1, 200, 10_000]))
def test_random_tries_give_the_loss_and_gradients_of_separate_sequences(loaded, encoder, talks, budget):
    screens = {}
    sequences = [encoder.encode(talk, screens) for talk in talks]
    separate = gradients_of(loaded, encoder, [[[sequence]] for sequence in sequences], screens)
    rows = [[sequences[index] for index in row] for row in pack_rows(sequences, budget)]
    assert_equal_training(gradients_of(loaded, encoder, [rows], screens), separate)


def test_a_tiny_random_model_learns_its_batch(loaded, encoder):
    state = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    screens = {}
    sequences = [encoder.encode(talk, screens) for talk in CONVERSATIONS[:2]]
    batch = batch_of([sequences], screens, loaded, encoder)
    loss = TokenLoss(loaded.model, loaded.family)
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


def test_every_parameter_belongs_to_a_part_and_all_parts_are_there(loaded):
    parts = {loaded.family.part_of(name) for name, _ in loaded.model.named_parameters()}
    assert parts == {"vision", "projector", "language"}
    assert loaded.family.part_of("lm_head.weight") == "language"
    language = loaded.family.language(loaded.model)
    assert {
        loaded.family.part_of(name) for name, module in loaded.model.named_modules() if module is language
    }


def test_the_coordinate_frame_is_a_known_one(loaded):
    assert loaded.family.coordinate_frame("a/model") in {"fraction", "thousand", "seen_pixels"}
