import pytest
from pydantic import ValidationError

from screensmith.config.train import TrainSettings


def test_the_area_limits_must_be_in_order() -> None:
    with pytest.raises(
        ValidationError, match=r"shortest_edge \(300\) must not exceed longest_edge \(200\)"
    ):
        TrainSettings(shortest_edge=300, longest_edge=200)


def test_a_lora_option_without_lora_is_refused() -> None:
    with pytest.raises(ValidationError, match="lora_r has no effect without adapter=lora"):
        TrainSettings(lora_r=32)
    assert TrainSettings(adapter="lora", lora_r=32).lora_r == 32


def test_a_run_in_which_nothing_learns_is_refused() -> None:
    with pytest.raises(ValidationError, match="together leave nothing to learn"):
        TrainSettings(freeze_vision=True, freeze_projector=True, freeze_language=True)
    assert TrainSettings(freeze_vision=True, freeze_projector=True).freeze_vision


@pytest.mark.parametrize("part", ["vision", "projector"])
def test_a_rate_for_a_frozen_part_is_refused(part: str) -> None:
    with pytest.raises(ValidationError, match=f"{part}_lr has no effect with freeze_{part}"):
        TrainSettings.model_validate({f"{part}_lr": 1e-5, f"freeze_{part}": True})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_learning_rate_is_a_positive_number(value: float) -> None:
    with pytest.raises(ValidationError, match="lr"):
        TrainSettings(lr=value)


def test_settings_written_down_read_back() -> None:
    settings = TrainSettings(lr=1e-3, trackers=("jsonl",), prompt_options={"style": "short"})
    assert TrainSettings.model_validate_json(settings.model_dump_json()) == settings
