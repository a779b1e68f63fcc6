import re
from pathlib import Path

import pytest

from screensmith.config.reference import showui_markdown
from screensmith.config.showui_options import ALSO_CALLED, OWN, TRAINING_SETS, groups, options
from screensmith.config.spellings import TRAIN
from screensmith.config.train import TrainSettings
from screensmith.data.known_sets import KNOWN_SETS

ROOT = Path(__file__).parents[2]
FIELDS = set(TrainSettings.model_fields)


def test_the_page_is_the_table() -> None:
    assert (ROOT / "docs" / "showui.md").read_text("utf-8") == showui_markdown(), "run `make docs`"


def test_every_option_stands_on_the_page_with_what_it_does() -> None:
    page = showui_markdown()
    for option in options().values():
        assert re.search(rf"^\| `--{option.name}` \|.*{re.escape(option.here)} \|$", page, re.MULTILINE)
        assert page.count(f"| `--{option.name}` |") == (2 if option.there else 1)


@pytest.mark.parametrize("option", options().values(), ids=lambda option: option.name)
def test_entries_are_whole(option) -> None:
    assert set(option.fields) <= FIELDS
    assert option.here
    assert "|" not in option.here + option.there
    assert not option.choices or option.default in option.choices
    assert not (option.field and option.sets)
    if option.kind == "flag":
        assert {option.default, option.bare} <= {"true", "false"}
    if option.kind in ("whole", "number"):
        assert float(option.default) >= 0


def test_names_are_given_once_and_do_not_hide_each_other() -> None:
    names = [option.name for group in groups() for option in group.options]
    assert len(names) == len(set(names)) == len(options())
    assert not set(OWN) & set(names)
    assert set(OWN) <= FIELDS
    assert not set(ALSO_CALLED) & {*names, *OWN}
    assert set(ALSO_CALLED.values()) <= set(names)


def test_settings_that_an_option_decides_alone_are_not_also_our_own() -> None:
    decided = {field for option in options().values() for field in option.fields}
    assert decided & set(OWN) == {"eval_limit", "lora_targets", "trackers"}  # what is written there wins


def test_no_setting_of_a_run_is_out_of_reach() -> None:
    decided = {field for option in options().values() for field in option.fields}
    # Captured episodes, task results and their words are not ShowUI's, and areas are given in tokens.
    # Its warm-up is counted in steps.
    elsewhere = set(
        "train_csv image_dir task_start task_end from_adapter reader reader_options every_element "
        "optimizer warmup_share local remote endpoint cache pair max_lag_seconds held_out_share "
        "max_samples_per_epoch prompt prompt_options dialect dialect_options shortest_edge "
        "longest_edge".split()
    )
    assert decided | set(OWN) | elsewhere == set(TRAIN.by_field())


def test_data_sets_are_known() -> None:
    assert set(TRAINING_SETS) <= set(KNOWN_SETS)
