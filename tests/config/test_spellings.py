import pytest

from screensmith.config.spellings import ALSO_CALLED, CAPTURE, TRAIN, Table
from screensmith.config.train import TrainSettings

# As documented: variable, flag, default.
DOCUMENTED = [
    ("TRAIN_LOCAL", "--local", "./data/mds"),
    ("TRAIN_REMOTE", "--remote", ""),
    ("TRAIN_CACHE", "--cache", "./data/cache"),
    ("TRAIN_OUTPUT", "--output", "./checkpoints"),
    ("TRAIN_LOGLEVEL", "--loglevel", "INFO"),
    ("TRAIN_LOG_FORMAT", "--log-format", "text"),
    ("TRAIN_EPOCHS", "--epochs", 1),
    ("TRAIN_BATCH", "--batch", 1),
    ("TRAIN_ACCUM", "--accum", 1),
    ("TRAIN_LR", "--lr", 5e-6),
    ("TRAIN_WD", "--wd", 0.0),
    ("TRAIN_MAX_STEPS", "--max-steps", 0),
    ("TRAIN_MAX_SAMPLES_PER_EPOCH", "--max-samples-per-epoch", 0),
    ("TRAIN_HISTORY_STEPS", "--history", 0),
    ("SEED", "--seed", 1337),
    ("REPO_ID", "--repo-id", "showlab/ShowUI-2B"),
    ("SIZE_SHORTEST_EDGE", "--size-short", 224),
    ("SIZE_LONGEST_EDGE", "--size-long", 1344),
]


@pytest.mark.parametrize(("variable", "flag", "default"), DOCUMENTED)
def test_the_documented_spellings_have_their_flag_and_default(
    variable: str, flag: str, default: object
) -> None:
    spelling = TRAIN.by_variable()[variable]
    assert spelling.flag == flag
    assert getattr(TrainSettings(), spelling.field) == default
    assert spelling.documented


@pytest.mark.parametrize("table", [TRAIN, CAPTURE])
def test_every_field_has_one_variable_and_one_flag_of_its_own(table: Table) -> None:
    fields = list(table.model.model_fields)
    assert list(table.by_field()) == fields
    assert len(table.by_variable()) == len(table.by_flag()) == len(fields)


def test_settings_outside_the_documents_are_spelled_like_their_field() -> None:
    spelling = TRAIN.by_field()["held_out_share"]
    assert (spelling.variable, spelling.flag) == ("TRAIN_HELD_OUT_SHARE", "--held-out-share")


def test_names_of_other_tools_lead_to_a_setting_and_hide_none() -> None:
    fields = TRAIN.by_field().keys() | CAPTURE.by_field().keys()
    assert set(ALSO_CALLED.values()) <= fields
    assert not ALSO_CALLED.keys() & TRAIN.by_field().keys()
