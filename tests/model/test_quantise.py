"""Adapters beside four-bit weights, where bitsandbytes is installed, and clear words where it is not."""

import sys

import pytest
import torch

from screensmith import plugins
from screensmith.model.adapt import add_adapters, learning_parts, merged_state
from screensmith.model.create import new_model
from screensmith.model.load import load_model
from screensmith.model.quantise import dequantised, is_quantised, quantise_language
from screensmith.model.unsuitable import UnsuitableModel

FAMILIES = plugins.names("families")


def fresh(family, tmp_path):
    return load_model(str(new_model(family, "tiny", tmp_path / family, seed=1)), dtype=torch.float32)


def quantised_with_adapters(loaded, targets="auto"):
    layers = quantise_language(loaded.model, loaded.family, compute_dtype=torch.float32)
    options = {"rank": 4, "alpha": 8, "dropout": 0.0, "targets": targets}
    adapted = add_adapters(loaded.model, loaded.family, kind="qlora", **options)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1)
    return layers, adapted


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_language_models_layers_are_quantised(family, tmp_path):
    pytest.importorskip("bitsandbytes")
    loaded = fresh(family, tmp_path)
    stock = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    layers = quantise_language(loaded.model, loaded.family, compute_dtype=torch.float32)
    assert len(layers) == 7 * len(loaded.family.language(loaded.model).layers)
    for name in layers:
        module = loaded.model.get_submodule(name)
        assert is_quantised(module)
        assert module.weight.dtype is torch.uint8
        assert module.weight.numel() * 2 == stock[f"{name}.weight"].numel()
        error = dequantised(module) - stock[f"{name}.weight"]
        assert 0 < error.norm() / stock[f"{name}.weight"].norm() < 0.12
    others = {name for name in stock if name.removesuffix(".weight") not in layers}
    assert all(torch.equal(stock[name], loaded.model.state_dict()[name]) for name in others)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("targets", ["auto", r".*\.q_proj"])
def test_the_merged_state_is_what_the_quantised_model_computes(family, targets, tmp_path):
    pytest.importorskip("bitsandbytes")
    loaded = fresh(family, tmp_path)
    stock = loaded.model.state_dict().keys()
    quantised_with_adapters(loaded, targets)
    assert learning_parts(loaded.model, loaded.family) >= {"language"}
    tokens = torch.arange(3, 27)[None]
    loaded.model.eval()
    with torch.no_grad():
        ours = loaded.model(input_ids=tokens, use_cache=False).logits
    merged = merged_state(loaded.model)
    assert merged.keys() == stock
    plain = fresh(family, tmp_path / "plain").model.eval()
    plain.load_state_dict(merged)
    with torch.no_grad():
        again = plain(input_ids=tokens, use_cache=False).logits
    torch.testing.assert_close(again, ours, rtol=1e-5, atol=1e-5)


def test_adapters_learn_beside_quantised_weights_as_beside_the_same_weights_unpacked(tmp_path):
    pytest.importorskip("bitsandbytes")
    one, other = fresh("qwen3_vl", tmp_path / "one"), fresh("qwen3_vl", tmp_path / "other")
    layers, _ = quantised_with_adapters(one)
    other.model.load_state_dict(
        {f"{name}.weight": dequantised(base_of(one.model, name)) for name in layers}, strict=False
    )
    add_adapters(other.model, other.family, kind="lora", rank=4, alpha=8, dropout=0.0, targets="auto")
    learning = dict(one.model.named_parameters())
    with torch.no_grad():
        for name, parameter in other.model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(learning[name])
    tokens = torch.arange(3, 27)[None]
    for loaded in (one, other):
        loaded.model.train()
        loaded.model(input_ids=tokens, use_cache=False).logits.square().mean().backward()
    for name, parameter in other.model.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(learning[name].grad, parameter.grad, rtol=1e-4, atol=1e-7)


def test_adapters_learn_in_full_precision_whatever_is_computed_in(tmp_path):
    pytest.importorskip("bitsandbytes")
    loaded = fresh("qwen2_vl", tmp_path)
    quantise_language(loaded.model, loaded.family, compute_dtype=torch.bfloat16)
    add_adapters(loaded.model, loaded.family, kind="qlora", rank=4, alpha=8, dropout=0.0, targets="auto")
    assert {p.dtype for p in loaded.model.parameters() if p.requires_grad} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        output = loaded.model(input_ids=torch.arange(3, 27)[None], use_cache=False)
    output.logits.float().square().mean().backward()
    learning = [p for p in loaded.model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in learning)


def base_of(model, name):
    return model.get_submodule(name).base_layer


def test_without_bitsandbytes_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    loaded = fresh("qwen2_vl", tmp_path)
    with pytest.raises(UnsuitableModel, match=r"pip install 'screensmith\[qlora\]'.*adapter=lora"):
        quantise_language(loaded.model, loaded.family, compute_dtype=torch.float32)


def test_a_device_that_bitsandbytes_does_not_know_is_refused(tmp_path):
    pytest.importorskip("bitsandbytes")
    loaded = fresh("qwen2_vl", tmp_path)
    with pytest.raises(UnsuitableModel, match="bitsandbytes cannot quantise on meta"):
        quantise_language(loaded.model, loaded.family, compute_dtype=torch.float32, device="meta")
