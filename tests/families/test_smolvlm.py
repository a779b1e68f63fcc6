"""SmolVLM beside the library: features, prompt, loss and gradients."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from transformers.models.smolvlm import processing_smolvlm

from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.data.pixels import visual_tokens
from screensmith.data.trie import lay_out
from screensmith.families import smolvlm
from screensmith.model.batch import collate
from screensmith.model.create import new_model
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss
from screensmith.model.images import read_screens
from screensmith.model.load import load_model
from screensmith.plugins import UnknownName

MAX_PIXELS = 300 * 300  # two tiles of 128 along the longer edge


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "smolvlm"
    new_model("smolvlm", "tiny", folder, seed=1)
    return load_model(str(folder), dtype=torch.float32)


@pytest.fixture(scope="module")
def encoder(loaded):
    geometry = loaded.family.geometry(loaded.model.config, 1, MAX_PIXELS)
    return Encoder(loaded.family, loaded.processor.tokenizer, geometry)


def picture(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG")
    return Screenshot(file.getvalue(), Size(width, height))


def asked(*parts, answer="[0.1, 0.2]"):
    return Conversation((Message("user", parts), Message("assistant", (Text(answer),), learn=True)))


def as_pictures(patches, side=8, patch=16):
    """Rows of patches (P, 3 * patch * patch) as normalised pictures (P / side ** 2, 3, edge, edge)."""
    grid = patches.float().div(255).sub(0.5).div(0.5).reshape(-1, side, side, patch, patch, 3)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, side * patch, side * patch)


def library_features(model, pictures):
    output = model.get_image_features(pictures[None])
    if isinstance(output, torch.Tensor):  # 4.57
        return output.flatten(0, 1)
    return torch.cat(output.pooler_output)


def random_patches(tiles):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (tiles * 64, 3 * 16 * 16), dtype=torch.uint8, generator=generator)


def test_features_are_the_librarys_and_so_are_their_gradients(loaded):
    model, patches = loaded.model, random_patches(3)
    weights = torch.randn(3 * 16, 192, generator=torch.Generator().manual_seed(1))
    results = []
    for features in (
        loaded.family.see(model, patches, [(8, 8)] * 3).tokens,
        library_features(model, as_pictures(patches)),
    ):
        model.zero_grad()
        (features * weights).sum().backward()
        seeing = (name for name, _ in model.named_parameters() if loaded.family.part_of(name) != "language")
        results.append((features, {name: model.get_parameter(name).grad.clone() for name in seeing}))
    (ours, gradients), (theirs, expected) = results
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert len(gradients) == 4 * 16 + 6
    for name, gradient in gradients.items():
        if name.endswith("k_proj.bias"):  # mathematically nothing: it shifts every score of a query
            assert gradient.norm() < 1e-3
            continue
        assert gradient.norm() > 1e-3, name
        assert (gradient - expected[name]).norm() < 1e-4 * expected[name].norm(), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side", [8, 27, 32])
def test_patches_take_the_places_that_the_library_gives_them(dtype, side):
    from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
    from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionEmbeddings

    config = SmolVLMVisionConfig(hidden_size=16, image_size=side * 14, patch_size=14)
    stock = SmolVLMVisionEmbeddings(config).to(dtype)
    found = []
    stock.position_embedding.register_forward_pre_hook(lambda _, arguments: found.append(arguments[0]))
    stock(torch.zeros(1, 3, side * 14, side * 14, dtype=dtype), torch.ones(1, side, side, dtype=torch.bool))
    assert smolvlm._stock_places(side, dtype).tolist() == found[0].flatten().tolist()


def test_seeing_first_without_gradients_leaves_training_and_random_numbers_alone(loaded):
    smolvlm._stock_places.cache_clear()
    state = torch.get_rng_state()
    with torch.inference_mode():
        loaded.family.see(loaded.model, random_patches(1), [(8, 8)])
    assert torch.equal(torch.get_rng_state(), state)
    loaded.family.see(loaded.model, random_patches(1), [(8, 8)]).tokens.sum().backward()


CONVERSATIONS = [
    asked(Text("Click "), Image(picture(160, 210)), Text(" now")),
    asked(Image(picture(300, 40)), Text("\nClick"), answer=""),
]


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_loss_and_gradients_are_the_librarys_on_the_same_bytes(loaded, encoder, conversation):
    model, screens = loaded.model, {}
    sequence = encoder.encode(conversation, screens)
    patches = read_screens(screens, encoder.geometry)
    batch = collate([lay_out([sequence])], patches, merge=encoder.geometry.merge, padding=encoder.padding)
    learned = torch.from_numpy(sequence.learn)
    tokens = torch.from_numpy(sequence.tokens)[None]
    pictures = as_pictures(
        torch.from_numpy(np.concatenate([patches[span.key] for span in sequence.images]))
    )
    library = model(
        input_ids=tokens,
        attention_mask=torch.ones_like(tokens),
        pixel_values=pictures[None],
        pixel_attention_mask=torch.ones_like(pictures[None, :, 0]).long(),
        labels=torch.where(learned, tokens, -100),
    )
    losses = [TokenLoss(model, loaded.family)(batch) / int(learned.sum()), library.loss]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)
    gradients = []
    for loss in losses:
        model.zero_grad()
        loss.backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 1e-4 * gradients[1].norm()


def test_the_text_of_images_is_the_librarys(loaded):
    family, sizes = loaded.family, np.random.default_rng(0).integers(20, 2000, (300, 2)).tolist()
    for max_pixels in (128 * 128, 512 * 512, 10**9):
        geometry = family.geometry(loaded.model.config, 1, max_pixels)
        for width, height in sizes:
            tiles = geometry.tiles(Size(width, height))
            before, after = family.image_text(tiles)
            run = smolvlm.IMAGE * geometry.tile_tokens
            expected = processing_smolvlm.get_image_prompt_string(
                max(tile.row for tile in tiles),
                max(tile.column for tile in tiles),
                image_seq_len=geometry.tile_tokens,
                fake_token_around_image="<fake_token_around_image>",
                image_token="<image>",
                global_image_token="<global-img>",
            )
            assert "".join(marks + run for marks in before) + after == expected
            assert expected.count("<image>") == visual_tokens(Size(width, height), geometry)


def messages_of(*turns):
    return [
        {
            "role": role,
            "content": [
                {"type": "image"} if part is None else {"type": "text", "text": part} for part in parts
            ],
        }
        for role, parts in turns
    ]


@pytest.mark.parametrize("ask", [False, True])
@pytest.mark.parametrize(
    "messages",
    [
        messages_of(("user", [None, "What?"]), ("assistant", ["A cat."])),
        messages_of(("system", ["Be brief."]), ("user", ["First ", None, " then ", None])),
        messages_of(("user", ["a"]), ("assistant", ["b"]), ("user", [None]), ("assistant", ["{d}"])),
    ],
)
def test_the_chat_template_writes_what_the_published_one_writes(loaded, messages, ask):
    processor, published = loaded.processor, processing_smolvlm.DEFAULT_CHAT_TEMPLATE
    ours = processor.apply_chat_template(messages, add_generation_prompt=ask)
    assert ours == processor.apply_chat_template(
        messages, chat_template=published, add_generation_prompt=ask
    )
    assert ours.startswith("<|im_start|>")


def test_plain_string_content_is_text(loaded):
    text = loaded.processor.apply_chat_template([{"role": "user", "content": "Hi"}])
    assert text == "<|im_start|>User: Hi<end_of_utterance>\n"


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_a_request_is_the_librarys_prompt(loaded, encoder, conversation):
    question = Conversation(conversation.messages[:1])
    parts = [None if isinstance(part, Image) else part.text for part in question.messages[0].parts]
    processor = loaded.family.new_processor(loaded.processor.tokenizer, encoder.geometry)
    text = processor.apply_chat_template(messages_of(("user", parts)), add_generation_prompt=True)
    image = PillowImage.open(io.BytesIO(question.screenshots[0].read_bytes()))
    library = processor(text=[text], images=[[image]], return_tensors="pt")
    assert encoder.request(question, {}).tokens.tolist() == library["input_ids"][0].tolist()


@pytest.mark.parametrize(
    ("max_pixels", "edge"),
    [(1, 128), (256 * 256 - 1, 128), (256 * 256, 256), (700 * 700, 640), (10**9, 768)],
)
def test_the_longer_edge_is_the_most_whole_tiles_that_the_limit_allows(loaded, max_pixels, edge):
    geometry = loaded.family.geometry(loaded.model.config, 10**9, max_pixels)
    assert geometry.longest_pixels == edge
    assert max(geometry.seen(Size(30, 20)).width, geometry.seen(Size(20, 30)).height) == edge


def test_every_tile_number_is_one_token(loaded):
    tokenizer, encode = loaded.processor.tokenizer, loaded.processor.tokenizer.encode
    for mark in smolvlm.CHAT.marks:
        assert encode(mark, add_special_tokens=False) == [tokenizer.convert_tokens_to_ids(mark)]
    assert len(set(smolvlm.CHAT.marks)) == 36 + 6


def test_adapters_take_the_language_models_products_only(loaded):
    taken = [
        name for name, _ in loaded.model.named_modules() if re.fullmatch(smolvlm.ADAPTER_TARGETS, name)
    ]
    assert len(taken) == 4 * 7
    assert {loaded.family.part_of(name) for name in taken} == {"language"}


def test_an_unknown_size_names_those_there_are(loaded):
    with pytest.raises(UnknownName, match="tiny"):
        loaded.family.new_config("huge", 1000, loaded.processor.tokenizer.get_vocab())
