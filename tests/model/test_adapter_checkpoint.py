"""Adapters in peft's files: written, found again, loaded by peft, and refused where they do not fit."""

import copy
import io
import json
import logging
import shutil

import huggingface_hub
import pytest
import torch
from PIL import Image as PillowImage
from safetensors.torch import load_file, save_file
from torch import nn

from screensmith import plugins
from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard
from screensmith.core.actions import Click
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Point, Size
from screensmith.data.samples import samples_of
from screensmith.model.adapt import add_adapters
from screensmith.model.adapter_checkpoint import adapted_layers, is_adapter, read_adapter
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.policy import load_policy
from screensmith.model.quantise import quantise_language
from screensmith.model.save import save_checkpoint
from screensmith.model.unsuitable import UnsuitableModel

EVERY_LINEAR = r"(?!lm_head).*"
TOKENS = torch.arange(3, 27)[None]
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
LAST_NORM = {"smolvlm": "model.text_model.norm"}  # elsewhere in the language model


# peft asks newer versions of the library for a property by its old name.
PEFTS_OWN = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A folder with a tiny model of each family, by its name."""
    root = tmp_path_factory.mktemp("models")
    return {name: new_model(name, "tiny", root / name, seed=1) for name in plugins.names("families")}


def card_of(family):
    return AgentCard(
        family=family,
        prompt="neko",
        dialect="neko",
        coordinate_frame="fraction",
        min_pixels=56 * 56,
        max_pixels=128 * 128,
    )


def adapted(base, kind="lora", targets="auto"):
    """A loaded model with adapters that do something."""
    loaded = load_model(str(base), dtype=torch.float32)
    options = {"rank": 4, "alpha": 6, "dropout": 0.1, "targets": targets}
    add_adapters(loaded.model, loaded.family, kind=kind, **options)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1)
            elif ".lora_magnitude_vector." in name:
                parameter.mul_(torch.rand_like(parameter) + 0.5)
    loaded.model.eval()
    return loaded


def saved(loaded, folder):
    save_checkpoint(
        folder,
        model=loaded.model,
        processor=loaded.processor,
        card=card_of(loaded.family.name),
        dtype=torch.float32,
        adapter_only=True,
    )
    return folder


def logits(model):
    with torch.no_grad():
        return model(input_ids=TOKENS).logits


def changed(folder, *, tensors=None, **options):
    """The folder's weights passed through a function, and options exchanged."""
    path = folder / "adapter_model.safetensors"
    if tensors is not None:
        save_file(tensors(load_file(path)), path, metadata={"format": "pt"})
    config = folder / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), **options}), "utf-8")
    return str(folder)


@PEFTS_OWN
@pytest.mark.parametrize("family", plugins.names("families"))
@pytest.mark.parametrize(
    ("kind", "targets"), [("lora", EVERY_LINEAR), ("dora", "auto"), ("rslora", "auto")]
)
def test_what_is_saved_is_loaded_unmerged_here_and_by_peft(bases, tmp_path, family, kind, targets):
    ours = adapted(bases[family], kind, targets)
    folder = saved(ours, tmp_path / "adapter")
    names = {path.name for path in folder.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "agent.json"} <= names
    assert not {"model.safetensors", "config.json"} & names
    expected = logits(ours.model)
    again = load_model(str(folder), dtype=torch.float32)
    assert adapted_layers(again.model).keys() == adapted_layers(ours.model).keys()
    assert again.card == card_of(family)
    assert (again.name, again.base) == (str(folder), str(bases[family].resolve()))
    assert again.stored_dtype is torch.bfloat16
    assert not again.model.training
    torch.testing.assert_close(logits(again.model), expected, rtol=0, atol=0)

    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    plain = AutoModelForImageTextToText.from_pretrained(bases[family], dtype=torch.float32)
    assert (logits(plain) - expected).abs().max() > 1e-2
    theirs = PeftModel.from_pretrained(plain, folder)
    torch.testing.assert_close(logits(theirs.eval()), expected, **CLOSE)
    assert AutoProcessor.from_pretrained(folder).chat_template == again.processor.chat_template


def test_half_precision_bases_keep_their_adapters_in_full(bases, tmp_path):
    folder = saved(adapted(bases["qwen2_vl"]), tmp_path / "adapter")
    loaded = load_model(str(folder))
    kinds = {".lora_" in name: weight.dtype for name, weight in loaded.model.named_parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    assert torch.isfinite(logits(loaded.model)).all()


def test_files_are_the_same_each_time(bases, tmp_path):
    loaded = adapted(bases["qwen2_vl"])
    one, other = saved(loaded, tmp_path / "one"), saved(loaded, tmp_path / "other")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_base_and_adapter_move_together(bases, tmp_path, monkeypatch):
    shutil.copytree(bases["qwen2_vl"], tmp_path / "here" / "base")
    monkeypatch.chdir(tmp_path / "here")
    loaded = adapted("base")
    expected = logits(loaded.model)
    saved(loaded, tmp_path / "here" / "runs" / "final")
    config = json.loads((tmp_path / "here" / "runs" / "final" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "../../base"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    torch.testing.assert_close(
        logits(load_model("there/runs/final", dtype=torch.float32).model), expected, rtol=0, atol=0
    )


def test_flops_are_those_of_the_model_that_was_saved(bases, tmp_path):
    from screensmith.data.trie import lay_out
    from screensmith.model.batch import collate
    from screensmith.model.encode import Encoder
    from screensmith.train.flops import step_flops

    ours = adapted(bases["qwen2_vl"], "dora", EVERY_LINEAR)
    again = load_model(str(saved(ours, tmp_path / "adapter")), dtype=torch.float32)
    encoder = Encoder(ours.family, ours.processor.tokenizer, ours.family.geometry(ours.model.config, 1, 1))
    (sample,) = samples_of([episode()], history_steps=0)
    policy_like = load_policy(str(tmp_path / "adapter"), device="cpu")
    conversation = policy_like._speaker.conversation(sample, sample.questions[0])
    from screensmith.model.images import read_screens

    screens = {}
    row = lay_out([encoder.encode(conversation, screens)])
    batch = collate([row], read_screens(screens, encoder.geometry), merge=2, padding=encoder.padding)
    counted = [step_flops(each.model, each.family, batch) for each in (ours, again)]
    assert counted[0] == counted[1]
    assert counted[0].adapters > 0


def episode():
    file = io.BytesIO()
    PillowImage.new("RGB", (64, 64), "navy").save(file, "PNG")
    shot = Screenshot(file.getvalue(), Size(64, 64))
    return Episode("one", "Click the square.", (Step(shot, (Click(Point(0.5, 0.5)),)),))


@PEFTS_OWN
@pytest.mark.parametrize("family", plugins.names("families"))
def test_an_adapter_of_plain_peft_answers_with_a_card(bases, tmp_path, family):
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForImageTextToText

    plain = AutoModelForImageTextToText.from_pretrained(bases[family], dtype=torch.float32)
    norm = LAST_NORM.get(family, "model.language_model.norm")
    config = LoraConfig(
        r=3,
        lora_alpha=5,
        target_modules=["q_proj", "down_proj"],
        modules_to_save=[norm],
        rank_pattern={"down_proj": 2},
        alpha_pattern={"q_proj": 7},
        init_lora_weights=False,
    )
    theirs = get_peft_model(plain, config).eval()
    with torch.no_grad():
        theirs.get_submodule(f"base_model.model.{norm}").modules_to_save["default"].weight.mul_(1.5)
    theirs.save_pretrained(tmp_path / "adapter")
    expected = logits(theirs)
    ours = load_model(str(tmp_path / "adapter"), dtype=torch.float32)
    torch.testing.assert_close(logits(ours.model), expected, **CLOSE)
    assert ours.attached.replaced == (f"{norm}.weight",)

    # Whole weights that came with the adapter are not lost when it is stored again.
    second = load_model(str(saved(ours, tmp_path / "again")), dtype=torch.float32)
    torch.testing.assert_close(logits(second.model), expected, **CLOSE)
    plain = AutoModelForImageTextToText.from_pretrained(bases[family], dtype=torch.float32)
    third = PeftModel.from_pretrained(plain, tmp_path / "again").eval()
    torch.testing.assert_close(logits(third), expected, **CLOSE)

    with pytest.raises(UnsuitableModel, match=r"has no agent\.json"):
        load_policy(str(tmp_path / "adapter"), device="cpu")
    policy = load_policy(str(tmp_path / "adapter"), card=card_of(family), device="cpu", max_new_tokens=4)
    (answer,) = policy(samples_of([episode()], history_steps=0))
    assert answer.actions or answer.problem


def test_names_of_an_older_library_find_their_places(bases, tmp_path):
    loaded = adapted(bases["qwen2_5_vl"], "lora", EVERY_LINEAR)
    folder = saved(loaded, tmp_path / "adapter")

    def older(name):
        return name.replace("model.model.language_model.", "model.model.").replace(
            "model.model.visual.", "model.visual."
        )

    targets = [older(f"model.{name}").removeprefix("model.") for name in adapted_layers(loaded.model)]
    changed(
        folder,
        tensors=lambda found: {older(name): value for name, value in found.items()},
        target_modules=targets,
    )
    assert any(".model.visual." not in name for name in load_file(folder / "adapter_model.safetensors"))
    again = load_model(str(folder), dtype=torch.float32)
    torch.testing.assert_close(logits(again.model), logits(loaded.model), rtol=0, atol=0)


def without(word):
    return lambda tensors: {name: value for name, value in tensors.items() if word not in name}


def renamed(old, new):
    return lambda tensors: {name.replace(old, new): value for name, value in tensors.items()}


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            without(".layers.0."),
            {},
            r"lacks \d+ weights such as .*layers\.0.* of what target_modules names",
        ),
        (without("layers.0.mlp.up_proj.lora_B"), {}, r"up_proj lacks or has too much lora_B"),
        (renamed(".q_proj.", ".query."), {}, r"for which the base has no linear layer"),
        (
            lambda tensors: {**tensors, "base_model.model.extra": torch.ones(1)},
            {},
            "1 weights such as .*extra",
        ),
        (renamed("lora_A.weight", "lora_embedding_A"), {}, "a kind of adapter that is not merged"),
        (lambda tensors: {name: value[:1] for name, value in tensors.items()}, {}, r"and should be \("),
        (lambda _: {}, {}, "holds no weights"),
        (None, {"target_modules": ["q_proj"]}, r"has, unnamed, \d+ weights"),
        (None, {"r": 8}, "the base is another model, or the rank another one"),
        (None, {"use_dora": True}, "lacks or has too much lora_magnitude_vector"),
        (None, {"peft_type": "IA3"}, "an adapter of type 'IA3'; supported are LoRA"),
        (None, {"lora_bias": True}, "uses lora_bias, which cannot be computed"),
        (None, {"sorcery": [1]}, "uses sorcery, which cannot be computed"),
        (None, {"init_lora_weights": "pissa"}, "began as 'pissa', which changes the base"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(bases, tmp_path, change, options, message):
    folder = saved(adapted(bases["qwen2_vl"]), tmp_path / "adapter")
    with pytest.raises(UnsuitableModel, match=message):
        load_model(changed(folder, tensors=change, **options))


def test_an_adapter_of_another_familys_base_is_refused(bases, tmp_path):
    folder = saved(adapted(bases["qwen2_vl"]), tmp_path / "adapter")
    with pytest.raises(UnsuitableModel, match=r"agent\.json says qwen2_vl, but the weights are smolvlm"):
        load_model(str(folder), base=str(bases["smolvlm"]))


def test_a_weight_that_is_tied_cannot_change_alone(bases, tmp_path):
    folder = saved(adapted(bases["qwen2_vl"]), tmp_path / "adapter")
    head = load_model(str(bases["qwen2_vl"])).model.lm_head.weight.detach()

    def with_head(tensors):
        return {**tensors, "base_model.model.lm_head.weight": head.float() + 1}

    with pytest.raises(UnsuitableModel, match="one tied weight"):
        load_model(changed(folder, tensors=with_head, modules_to_save=["lm_head"]))


def test_broken_files_are_one_error(bases, tmp_path):
    folder = saved(adapted(bases["qwen2_vl"]), tmp_path / "adapter")
    (folder / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(UnsuitableModel, match=r"adapter_model\.safetensors cannot be read"):
        load_model(str(folder))
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(UnsuitableModel, match=r"pickled weights .* are not read"):
        load_model(str(folder))
    (folder / "adapter_config.json").write_text("{", "utf-8")
    with pytest.raises(UnsuitableModel, match=r"adapter_config\.json cannot be read"):
        load_model(str(folder))
    (folder / "adapter_config.json").write_text("[]", "utf-8")
    with pytest.raises(UnsuitableModel, match="is no adapter's configuration"):
        load_model(str(folder))


@pytest.fixture
def no_hub(monkeypatch):
    """As with HF_HUB_OFFLINE, whatever talked to a hub before, which would be asked for half a minute."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    forget = getattr(huggingface_hub.utils, "reset_sessions", lambda: None)  # before huggingface_hub 1.0
    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.mark.usefixtures("no_hub")
def test_a_missing_base_is_one_error_that_says_what_to_do(bases, tmp_path):
    base = shutil.copytree(bases["qwen2_vl"], tmp_path / "base")
    folder = saved(adapted(base), tmp_path / "runs" / "adapter")
    base.rename(tmp_path / "moved")
    remedy = r"`screensmith merge --base PATH`, or write it as base_model_name_or_path into"
    with pytest.raises(
        UnsuitableModel, match=rf"adapter of '\.\./\.\./base': there is no such folder.*{remedy}"
    ):
        load_model(str(folder))
    assert load_model(str(folder), base=str(tmp_path / "moved")).base == str(tmp_path / "moved")
    with pytest.raises(UnsuitableModel, match=rf"adapter of 'who/knows': it cannot be loaded .*{remedy}"):
        load_model(changed(folder, base_model_name_or_path="who/knows"))
    with pytest.raises(UnsuitableModel, match="does not say which model it belongs to"):
        load_model(changed(folder, base_model_name_or_path=None))
    with pytest.raises(UnsuitableModel, match="which is an adapter itself: merge that first"):
        load_model(str(folder), base=str(folder))
    with pytest.raises(UnsuitableModel, match="holds no adapter, so there is nothing to put onto"):
        load_model(str(tmp_path / "moved"), base="another")


def test_a_base_that_lacks_weights_is_refused(bases, tmp_path):
    base = shutil.copytree(bases["qwen2_vl"], tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    lost = next(name for name in tensors if name.endswith("q_proj.weight"))
    save_file(without(lost)(tensors), base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        UnsuitableModel, match=r"not a complete checkpoint: 1 weights are missing, such as .*q_proj"
    ):
        load_model(str(base))


def test_what_learns_beside_adapters_is_stored_or_refused(bases, tmp_path):
    loaded = adapted(bases["qwen3_vl"])
    norm = loaded.model.model.language_model.norm
    norm.weight.requires_grad_(True)
    norm.weight.data.mul_(1.25)
    expected = logits(loaded.model)
    folder = saved(loaded, tmp_path / "adapter")
    assert json.loads((folder / "adapter_config.json").read_text("utf-8"))["modules_to_save"] == [
        "model.language_model.norm"
    ]
    torch.testing.assert_close(
        logits(load_model(str(folder), dtype=torch.float32).model), expected, rtol=0, atol=0
    )
    loaded.model.model.language_model.layers[0].mlp.up_proj.base_layer.weight.requires_grad_(True)
    with pytest.raises(UnsuitableModel, match=r"up_proj\.base_layer learns beside the adapters"):
        saved(loaded, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_model_without_adapters_has_none_to_save(bases, tmp_path):
    loaded = load_model(str(bases["qwen2_vl"]))
    with pytest.raises(UnsuitableModel, match="has no adapters to save"):
        saved(loaded, tmp_path / "adapter")
    assert not list(tmp_path.iterdir())
    nameless = copy.copy(adapted(bases["qwen2_vl"]).model)
    nameless.name_or_path = ""
    with pytest.raises(UnsuitableModel, match="base has no name"):
        save_checkpoint(
            tmp_path / "adapter",
            model=nameless,
            processor=loaded.processor,
            card=None,
            dtype=torch.float32,
            adapter_only=True,
        )


def test_adapters_trained_beside_four_bits_say_so(bases, tmp_path, caplog, monkeypatch):
    pytest.importorskip("bitsandbytes")
    loaded = load_model(str(bases["qwen2_vl"]), dtype=torch.float32)
    quantise_language(loaded.model, loaded.family, compute_dtype=torch.float32)
    options = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": "auto"}
    add_adapters(loaded.model, loaded.family, kind="qlora", **options)
    folder = saved(loaded, tmp_path / "adapter")
    assert read_adapter(folder).quantised
    monkeypatch.setattr(logging.getLogger("screensmith"), "propagate", True)
    again = load_model(str(folder), dtype=torch.float32)
    assert "was trained beside weights of 4 bits" in caplog.text
    assert all(type(layer.base_layer) is nn.Linear for layer in adapted_layers(again.model).values())
    assert not read_adapter(saved(adapted(bases["qwen2_vl"]), tmp_path / "other")).quantised


def test_a_policy_answers_from_the_adapter_as_from_the_merged_checkpoint(bases, tmp_path):
    loaded = adapted(bases["qwen3_vl"])
    folder = saved(loaded, tmp_path / "adapter")
    whole = {"processor": loaded.processor, "card": card_of("qwen3_vl"), "dtype": torch.float32}
    save_checkpoint(tmp_path / "merged", model=loaded.model, **whole)
    samples = samples_of([episode()], history_steps=0)
    answers = [
        load_policy(str(place), device="cpu", max_new_tokens=8)(samples)
        for place in (folder, tmp_path / "merged")
    ]
    assert answers[0] == answers[1]
    assert is_adapter(folder)
    assert not is_adapter(tmp_path / "merged")
    assert agent_card.read(folder) == agent_card.read(tmp_path / "merged")


def test_a_run_that_saves_adapters_goes_on_where_it_was(bases, tmp_path):
    from screensmith.capture.store import EpisodeStore
    from screensmith.config.train import TrainSettings
    from screensmith.train.run import train

    with EpisodeStore(tmp_path / "mds") as store:
        for number in range(4):
            single = episode()
            store.append(Episode(f"episode-{number}", single.goal, single.steps, {"task": "square"}))
    settings = TrainSettings(
        local=str(tmp_path / "mds"),
        cache=str(tmp_path / "cache"),
        output=str(tmp_path / "whole"),
        repo_id=str(bases["qwen2_vl"]),
        shortest_edge=64,
        longest_edge=64,
        batch=2,
        epochs=2,
        lr=1e-2,
        adapter="lora",
        save_adapter=True,
        trackers=("jsonl",),
    )
    result = train(settings)
    assert is_adapter(result.checkpoint)
    half = tmp_path / "half"
    shutil.copytree(tmp_path / "whole" / "epoch-1", half / "epoch-1")
    assert is_adapter(half / "epoch-1")
    again = train(settings.model_copy(update={"output": str(half), "resume": True}))
    assert again.steps == result.steps == 4
    one, other = (load_file(each.checkpoint / "adapter_model.safetensors") for each in (result, again))
    start = load_file(half / "epoch-1" / "adapter_model.safetensors")
    assert one.keys() == other.keys() == start.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], start[name]) for name in one)
    assert not list(tmp_path.rglob("model.safetensors"))
    assert load_model(str(result.checkpoint)).card.base == settings.repo_id
