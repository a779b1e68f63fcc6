from pathlib import Path

import pytest

from screensmith.config.forge import load_forge
from screensmith.config.load import SettingError

LINES = {
    "output": "out",
    "data": "{stage1: {root: a.json}, stage2: {processed: b.jsonl}}",
    "evaluation": "{data: spots}",
}


def written(folder, **lines):
    path = folder / "forge.yaml"
    path.write_text("".join(f"{name}: {text}\n" for name, text in {**LINES, **lines}.items()), "utf-8")
    return path


def test_the_recipe_of_the_forge_is_the_documented_one(tmp_path):
    first, second = (load_forge(written(tmp_path)).train_settings(stage).settings for stage in (1, 2))
    assert (first.adapter, first.lora_r, first.lora_alpha, first.lora_dropout) == ("qlora", 32, 64, 0.1)
    assert (second.adapter, second.lora_r, second.lora_alpha, second.lora_dropout) == (
        "qlora",
        16,
        32,
        0.05,
    )
    assert (first.lr, first.batch, first.accum, first.save_steps) == (1e-4, 2, 16, 2000)
    assert (second.lr, second.batch, second.accum) == (5e-5, 1, 32)
    for settings in (first, second):
        assert (settings.prompt, settings.dialect, settings.reader) == ("forge", "forge", "forge")
        assert settings.optimizer == "paged_adamw_8bit"
        assert (settings.freeze_vision, settings.precision, settings.max_tokens) == (True, "bf16", 4096)
    assert (first.every_element, first.prompt_options, first.save_adapter) == (True, {}, True)
    assert (second.prompt_options, second.from_adapter) == ({"thinking": True}, "merge")
    assert (first.local, second.local) == (str(Path("out/data/stage1")), "b.jsonl")
    assert second.repo_id == str(Path("out/stage1/final"))
    assert first.resume
    assert second.resume


def test_the_recipe_of_aguvis_trains_all_but_the_vision_blocks(tmp_path):
    for stage in (1, 2):
        settings = load_forge(written(tmp_path, recipe="aguvis")).train_settings(stage).settings
        assert (settings.adapter, settings.freeze_vision, settings.freeze_projector) == (
            "none",
            True,
            False,
        )
        assert (settings.lr, settings.schedule, settings.warmup_share) == (1e-5, "cosine", 0.03)
        assert settings.max_pixels == 46 * 26 * 28 * 28


def test_the_command_line_is_stronger_than_the_stage_and_that_than_defaults(tmp_path):
    path = written(tmp_path, defaults="{lr: 1, wd: 0.1, seed: 5}", stage1="{lr: 2, wd: 0.2}")
    forge = load_forge(path, ["stage1.lr=3", "evaluation.limit=9", "evaluation.options={version: v2}"])
    first, second = (forge.train_settings(stage) for stage in (1, 2))
    assert (first.settings.lr, first.settings.wd, first.settings.seed) == (3, 0.2, 5)
    assert (second.settings.lr, second.settings.wd, second.settings.seed) == (1, 0.1, 5)
    assert first.sources["lr"] == "lr in the command line"
    assert "stage1 in " in first.sources["wd"]
    assert "recipe forge" in first.sources["accum"]
    assert (forge.evaluation.limit, forge.evaluation.options) == (9, {"version": "v2"})


def test_what_belongs_to_adapters_goes_with_them(tmp_path):
    settings = load_forge(written(tmp_path, stage1="{adapter: none}")).train_settings(1).settings
    assert (settings.adapter, settings.save_adapter) == ("none", False)
    path = written(tmp_path, recipe="aguvis", stage1="{warmup_steps: 3, longest_edge: 448}")
    assert load_forge(path).train_settings(1).settings.max_pixels == 448**2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"stag1": "{}"}, "unknown key 'stag1'; did you mean 'stage1'"),
        ({"recipe": "aguvi"}, "did you mean 'aguvis'"),
        ({"stage1": "{learning_rate: 1}"}, "did you mean 'lr'"),
        ({"stage1": "{lr: -1}"}, "must be a number, more than 0"),
        ({"stage1": "{lr: 1, lr: 2}"}, "'lr' is given twice"),
        ({"stage1": "[1]"}, "stage1 must have lines"),
        ({"stage1": "{train_csv: a.csv}"}, "data.stage1"),
        ({"stage2": "{REPO_ID: x}"}, "stage 2 starts from stage 1's result"),
        ({"stage2": "{warmup_steps: 1, warmup_share: 0.1}"}, "say the same"),
        ({"data": "{stage1: {root: a}}"}, "data.stage2: Field required"),
        ({"data": "{stage1: {root: a, processed: b}, stage2: {root: a}}"}, "give `root`"),
        ({"data": "{stage1: {processed: b, options: {x: 1}}, stage2: {root: a}}"}, "belong to `root`"),
        ({"data": "{stage1: {rot: a}, stage2: {root: a}}"}, "did you mean 'root'"),
        ({"evaluation": "{data: x, steps: {root: x, lmit: 3}}"}, "did you mean 'limit'"),
        ({"output": "[]"}, "output must be a folder"),
        ({"data": "{"}, "not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, lines, message):
    with pytest.raises(SettingError, match=message.replace("[", r"\[").replace("(", r"\(")):
        load_forge(written(tmp_path, **lines))


def test_a_file_that_is_not_there_or_no_table(tmp_path):
    with pytest.raises(SettingError, match="there is no file"):
        load_forge(tmp_path / "nothing.yaml")
    (tmp_path / "list.yaml").write_text("- a\n", "utf-8")
    with pytest.raises(SettingError, match="expected `output`"):
        load_forge(tmp_path / "list.yaml")
