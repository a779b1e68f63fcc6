"""What a run on task results is: the documented names, and a preset that gives way to what is written."""

import pytest

from screensmith.config.load import SettingError, load_train_settings
from screensmith.config.task_results import model_of, without_blocks


def resolved(**given):
    return load_train_settings(given, environment={})


def test_naming_a_csv_brings_the_documented_preset():
    found = resolved(train_csv="a.csv")
    settings = found.settings
    assert (settings.adapter, settings.lora_r, settings.lora_alpha, settings.lora_dropout) == (
        "qlora",
        2,
        4,
        0.1,
    )
    assert (settings.lr, settings.epochs, settings.batch, settings.accum) == (2e-4, 2, 1, 32)
    assert (settings.prompt, settings.dialect, settings.held_out_share) == ("memory", "task_results", 0.1)
    assert settings.judged_on_tasks
    assert found.sources["lr"] == "preset for train_csv"


def test_what_is_written_counts_before_the_preset(tmp_path):
    run_file = tmp_path / "run.yaml"
    run_file.write_text("train_csv: a.csv\nlr: 0.001\nlora_r: 8\n", "utf-8")
    settings = load_train_settings({"epochs": "5"}, run_file=run_file, environment={}).settings
    assert (settings.lr, settings.lora_r, settings.epochs, settings.accum) == (1e-3, 8, 5, 32)


def test_training_every_weight_leaves_the_adapters_settings_out():
    settings = resolved(train_csv="a.csv", adapter="none").settings
    assert (settings.lora_r, settings.save_adapter, settings.freeze_vision) == (8, False, False)
    assert settings.prompt == "memory"


def test_other_runs_know_nothing_of_it():
    assert resolved().settings.prompt == "neko"
    assert not resolved(held_out_share="0.5").settings.judged_on_tasks


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task_start": "3"}, "task_start has no effect without train_csv"),
        ({"train_csv": "a.csv", "task_start": "5", "task_end": "4"}, "must not exceed task_end"),
        ({"train_csv": "a.csv", "train_dataset": "amex"}, "train_csv stands for itself"),
        ({"train_csv": "a.csv", "held_out_share": "0", "eval_patience": "2"}, "without eval_benchmark"),
    ],
)
def test_what_does_not_go_together_is_said(given, message):
    with pytest.raises(SettingError, match=message):
        resolved(**given)


def test_the_tasks_kept_back_can_stop_a_run():
    assert resolved(train_csv="a.csv", eval_patience="2").settings.eval_patience == 2


@pytest.mark.parametrize(
    ("path", "name", "local", "model"),
    [
        ("folder", "Qwen/X", True, "folder"),
        ("folder", "Qwen/X", False, "Qwen/X"),
        ("folder", "", False, "folder"),
        ("", "", False, ""),
    ],
)
def test_which_model_is_meant(path, name, local, model):
    assert model_of(path, name, use_local=local) == model


def test_a_local_model_needs_its_folder():
    with pytest.raises(ValueError, match="--model_path"):
        model_of("", "Qwen/X", use_local=True)


def test_blocks_are_left_out_beside_other_options():
    assert without_blocks(["grounding"], '{"task_context": false}') == (
        '{"task_context": false, "grounding": false}'
    )
