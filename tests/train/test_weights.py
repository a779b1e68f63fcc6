"""What learns in a run, at which rate, and which settings are refused."""

import copy
import logging
import sys

import pytest
import torch

from screensmith import plugins
from screensmith.config.train import TrainSettings
from screensmith.model.adapt import learning_parts
from screensmith.model.create import new_model
from screensmith.model.load import LoadedModel, load_model
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.train.weights import optimizer_of, prepare_weights


@pytest.fixture(scope="module", params=plugins.names("families"))
def stock(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    new_model(request.param, "tiny", folder, seed=1)
    return load_model(str(folder), dtype=torch.float32)


@pytest.fixture
def loaded(stock):
    model = copy.deepcopy(stock.model)
    return LoadedModel(model, stock.processor, stock.family, None, "tiny", stock.stored_dtype)


@pytest.mark.parametrize("frozen", ["vision", "projector", "language"])
def test_a_frozen_part_does_not_learn_and_the_others_do(loaded, frozen):
    prepare_weights(loaded, TrainSettings.model_validate({f"freeze_{frozen}": True}))
    assert learning_parts(loaded.model, loaded.family) == {"vision", "projector", "language"} - {frozen}
    groups = optimizer_of(loaded, TrainSettings()).param_groups
    members = [parameter for group in groups for parameter in group["params"]]
    assert {id(p) for p in members} == {id(p) for p in loaded.model.parameters() if p.requires_grad}
    assert len(members) == len({id(p) for p in members})


def test_each_part_has_its_own_rate_and_vectors_do_not_decay(loaded):
    settings = TrainSettings(lr=1e-4, vision_lr=2e-5, projector_lr=5e-4, wd=0.1)
    prepare_weights(loaded, settings)
    groups = optimizer_of(loaded, settings).param_groups
    rates = {}
    for group in groups:
        members = {id(p) for p in group["params"]}
        names = [name for name, p in loaded.model.named_parameters() if id(p) in members]
        (part,) = {loaded.family.part_of(name) for name in names}
        rates[part] = group["lr"]
        assert group["lr"] == pytest.approx(settings.lr * group["rate_ratio"])
        (matrices,) = {p.ndim > 1 for p in group["params"]}
        assert group["weight_decay"] == (0.1 if matrices else 0.0)
    assert rates == pytest.approx({"vision": 2e-5, "projector": 5e-4, "language": 1e-4})


def test_without_rates_of_their_own_all_parts_have_the_runs(loaded):
    groups = optimizer_of(loaded, TrainSettings(lr=3e-4)).param_groups
    assert {(group["lr"], group["rate_ratio"]) for group in groups} == {(3e-4, 1.0)}


@pytest.mark.parametrize("adapter", ["lora", "dora", "rslora"])
def test_only_adapters_learn(loaded, adapter, caplog):
    with caplog.at_level(logging.INFO):
        prepare_weights(loaded, TrainSettings(adapter=adapter, lora_r=4))
    learning = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    assert learning
    assert all(".lora_" in name for name in learning)
    assert any("magnitude" in name for name in learning) == (adapter == "dora")
    layers = len(loaded.family.language(loaded.model).layers)
    assert f"{adapter} on {7 * layers} linear layers ({7 * layers} in language)" in caplog.text
    scale = {
        module.scaling["default"]
        for module in loaded.model.modules()
        if hasattr(module, "scaling") and isinstance(module.scaling, dict)
    }
    assert scale == {16 / (4**0.5 if adapter == "rslora" else 4)}


def test_every_kind_of_adapter_can_be_scaled_by_the_root_of_its_rank(loaded):
    prepare_weights(loaded, TrainSettings(adapter="lora", lora_r=4, lora_rank_stabilised=True))
    scale = {
        module.scaling["default"]
        for module in loaded.model.modules()
        if isinstance(getattr(module, "scaling", None), dict)
    }
    assert scale == {8.0}


def test_adapters_stay_out_of_a_frozen_part(loaded):
    settings = TrainSettings(
        adapter="lora", lora_targets="(?!lm_head).*", freeze_language=True, vision_lr=1e-3
    )
    prepare_weights(loaded, settings)
    assert learning_parts(loaded.model, loaded.family) == {"vision", "projector"}
    rates = {group["lr"] for group in optimizer_of(loaded, settings).param_groups}
    assert rates == {settings.vision_lr, settings.lr}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"adapter": "lora", "vision_lr": 1e-5},
            "vision_lr is set, but nothing in the vision part learns .adapter=lora has no lora_targets",
        ),
        (
            {"adapter": "lora", "projector_lr": 1e-5},
            "projector_lr is set, but nothing in the projector part learns",
        ),
        ({"adapter": "dora", "freeze_language": True}, "frozen parts only"),
    ],
)
def test_what_would_have_no_effect_is_refused(loaded, settings, message):
    with pytest.raises(UnsuitableModel, match=message):
        prepare_weights(loaded, TrainSettings.model_validate(settings))


def test_settings_that_were_not_checked_together_are_refused_here(loaded):
    """`model_copy` does not validate."""
    frozen = {"freeze_vision": True, "freeze_projector": True, "freeze_language": True}
    with pytest.raises(UnsuitableModel, match="leave nothing to learn"):
        prepare_weights(loaded, TrainSettings().model_copy(update=frozen))


def test_frozen_products_are_held_in_the_runs_precision_where_nothing_is_lost(loaded):
    assert loaded.stored_dtype is torch.bfloat16
    prepare_weights(loaded, TrainSettings(adapter="lora"), precision="bf16")
    layer = loaded.family.language(loaded.model).layers[0].mlp.down_proj
    assert layer.base_layer.weight.dtype is torch.bfloat16
    assert {p.dtype for p in loaded.model.parameters() if p.requires_grad} == {torch.float32}
    assert loaded.model.lm_head.weight.dtype is torch.float32  # it is the embedding, too


@pytest.mark.parametrize("precision", ["no", "fp16"])
def test_frozen_products_stay_in_full_precision_otherwise(loaded, precision):
    prepare_weights(loaded, TrainSettings(adapter="lora"), precision=precision)
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}


def test_four_bit_weights_learn_through_adapters(loaded):
    pytest.importorskip("bitsandbytes")
    prepare_weights(loaded, TrainSettings(adapter="qlora"))
    layer = loaded.family.language(loaded.model).layers[0].mlp.down_proj
    assert layer.base_layer.weight.dtype is torch.uint8
    assert learning_parts(loaded.model, loaded.family) == {"language"}
    assert all(".lora_" in n for n, p in loaded.model.named_parameters() if p.requires_grad)


def test_an_optimizer_in_8_bits_learns_and_goes_on_from_its_stored_state(loaded, tmp_path):
    pytest.importorskip("bitsandbytes")
    settings = TrainSettings(optimizer="paged_adamw_8bit", lr=1e-2)

    def step(optimizer):
        for weight in learning:
            weight.grad = torch.ones_like(weight)
        optimizer.step()

    learning = [weight for weight in loaded.model.parameters() if weight.requires_grad]
    before = [weight.detach().clone() for weight in learning]
    first = optimizer_of(loaded, settings)
    step(first)
    assert all((new < old).all() for new, old in zip(learning, before, strict=True))
    assert {state["state1"].dtype for state in first.state.values()} == {torch.uint8, torch.float32}

    torch.save(first.state_dict(), tmp_path / "optimizer.pt")
    middle = [weight.detach().clone() for weight in learning]
    step(first)
    expected = [weight.detach().clone() for weight in learning]
    with torch.no_grad():
        for weight, value in zip(learning, middle, strict=True):
            weight.copy_(value)
    second = optimizer_of(loaded, settings)
    second.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    step(second)
    assert all(torch.equal(a, b) for a, b in zip(learning, expected, strict=True))


def test_an_optimizer_in_8_bits_is_refused_where_it_cannot_work(loaded, monkeypatch):
    settings = TrainSettings(optimizer="paged_adamw_8bit")
    with pytest.raises(UnsuitableModel, match="not on mps"):
        optimizer_of(loaded, settings, device="mps")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UnsuitableModel, match=r"screensmith\[qlora\]"):
        optimizer_of(loaded, settings)
