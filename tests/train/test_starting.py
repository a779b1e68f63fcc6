"""A run starts from a model, or from an adapter that is merged or learns on, never unnoticed."""

import pytest
import torch

from screensmith.config.train import TrainSettings
from screensmith.model.load import load_model
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.train.run import train
from screensmith.train.starting import starting_model


@pytest.fixture(scope="module")
def first(tmp_path_factory, recorded, one_base):
    """A finished run with an adapter, and its settings."""
    out = tmp_path_factory.mktemp("first")
    settings = TrainSettings(
        local=str(recorded),
        cache=str(out / "cache"),
        output=str(out / "run"),
        repo_id=str(one_base),
        shortest_edge=64,
        longest_edge=64,
        batch=4,
        max_steps=2,
        lr=1e-2,
        adapter="lora",
        lora_r=2,
        save_adapter=True,
        trackers=("jsonl",),
    )
    train(settings)
    return settings


def second(first, tmp_path, **more):
    values = {
        **first.model_dump(),
        "repo_id": f"{first.output}/final",
        "output": str(tmp_path / "run"),
        **more,
    }
    return TrainSettings(**values)


def weights_of(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def test_an_adapter_is_not_trained_on_unnoticed(first, tmp_path):
    with pytest.raises(UnsuitableModel, match=r"from_adapter=merge .* or from_adapter=continue"):
        train(second(first, tmp_path))


def test_a_merged_one_gives_the_same_model_without_adapters(first, tmp_path):
    settings = second(first, tmp_path, from_adapter="merge", save_adapter=False)
    started = starting_model(settings)
    assert started.attached is None
    assert not [name for name, _ in started.model.named_parameters() if "lora_" in name]
    base = load_model(first.repo_id, dtype=torch.float32).model
    changed = [
        name
        for (name, weight), (_, before) in zip(
            started.model.named_parameters(), base.named_parameters(), strict=True
        )
        if not torch.equal(weight, before)
    ]
    assert changed
    assert all(".language_model." in name for name in changed)
    train(settings)
    assert load_model(f"{settings.output}/final").attached is None


def test_one_that_learns_on_stays_the_only_adapter_and_its_base_the_same(first, tmp_path):
    settings = second(first, tmp_path, from_adapter="continue")
    before = weights_of(load_model(settings.repo_id, dtype=torch.float32).model)
    train(settings)
    after = load_model(f"{settings.output}/final", dtype=torch.float32)
    assert after.base.rstrip("/").split("/")[-1] == first.repo_id.split("/")[-1]
    changed = {
        name for name, weight in weights_of(after.model).items() if not torch.equal(weight, before[name])
    }
    assert changed
    assert all("lora_" in name for name in changed)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"from_adapter": "merge"}, "a base that is stored nowhere"),
        ({"from_adapter": "continue", "adapter": "qlora"}, "adapter=lora, dora or rslora, not qlora"),
    ],
)
def test_what_does_not_go_together_is_said(first, tmp_path, more, message):
    with pytest.raises(UnsuitableModel, match=message):
        train(second(first, tmp_path, **more))


def test_there_is_nothing_to_continue_without_an_adapter(first, tmp_path):
    with pytest.raises(UnsuitableModel, match="nothing to continue"):
        train(second(first, tmp_path, repo_id=first.repo_id, from_adapter="continue"))
