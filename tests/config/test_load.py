from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.config.load import (
    Resolved,
    SettingError,
    load_capture_settings,
    load_train_settings,
    nearest,
    read_env_file,
    read_run_file,
)
from screensmith.config.spellings import TRAIN
from screensmith.config.train import TrainSettings

PLACES = ("run file", ".env", "environment", "command line")


def load(
    folder: Path,
    *,
    arguments: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    env: str | None = None,
    run: str | None = None,
) -> Resolved[TrainSettings]:
    env_file, run_file = folder / ".env", folder / "run.yaml"
    if env is not None:
        env_file.write_text(env, "utf-8")
    if run is not None:
        run_file.write_text(run, "utf-8")
    return load_train_settings(
        arguments or {},
        run_file=run_file if run is not None else None,
        environment=environment or {},
        env_file=env_file if env is not None else None,
    )


def test_without_anything_every_setting_has_its_default(tmp_path: Path) -> None:
    resolved = load(tmp_path)
    assert resolved.settings == TrainSettings()
    assert set(resolved.sources.values()) == {"default"}


@pytest.mark.parametrize(
    "places", [set(some) for count in range(5) for some in combinations(PLACES, count)]
)
def test_the_strongest_place_that_names_a_setting_wins(tmp_path: Path, places: set[str]) -> None:
    epochs = {place: number for number, place in enumerate(PLACES, start=2)}
    resolved = load(
        tmp_path,
        run=f"epochs: {epochs['run file']}\n" if "run file" in places else "",
        env=f"TRAIN_EPOCHS={epochs['.env']}\n" if ".env" in places else "",
        environment={"TRAIN_EPOCHS": f"{epochs['environment']}"} if "environment" in places else {},
        arguments={"--epochs": f"{epochs['command line']}"} if "command line" in places else {},
    )
    strongest = max(places, key=PLACES.index, default=None)
    assert resolved.settings.epochs == (epochs[strongest] if strongest else 1)
    source = {
        None: "default",
        "run file": f"epochs in {tmp_path / 'run.yaml'}",
        ".env": f"TRAIN_EPOCHS in {tmp_path / '.env'}",
        "environment": "TRAIN_EPOCHS in the environment",
        "command line": "--epochs",
    }
    assert resolved.sources["epochs"] == source[strongest]


@pytest.mark.parametrize("spelling", TRAIN.spellings, ids=lambda spelling: spelling.field)
def test_every_setting_can_be_written_in_every_place(tmp_path: Path, spelling: object) -> None:
    field, variable, flag = spelling.field, spelling.variable, spelling.flag  # type: ignore[attr-defined]
    default = TrainSettings().model_dump(mode="json")[field]
    text = (
        {True: "true", False: "false"}.get(default, str(default))
        if isinstance(default, bool)
        else str(default)
    )
    text = {"prompt_options": "{}", "dialect_options": "{}", "trackers": "jsonl,tensorboard"}.get(
        field, text
    )
    if not text:
        text = "x"
    quoted = f"'{text}'"
    for given_as in (
        {"arguments": {flag: text}},
        {"arguments": {field: text}},
        {"environment": {variable: text}},
        {"env": f"{variable}={quoted}\n"},
        {"run": f"{field}: {quoted}\n"},
        {"run": f"{variable}: {quoted}\n"},
    ):
        resolved = load(tmp_path, **given_as)  # type: ignore[arg-type]
        assert resolved.settings.model_dump(mode="json")[field] in (default, "x")
        assert resolved.sources[field] != "default"


def test_recorded_episodes_are_the_default_data(tmp_path: Path) -> None:
    resolved = load(tmp_path, environment={"CAPTURE_OUT": "here"}, env="CAPTURE_OUT=there\n")
    assert (resolved.settings.local, resolved.sources["local"]) == (
        "here",
        "CAPTURE_OUT in the environment",
    )
    assert load(tmp_path, environment={"CAPTURE_OUT": "here"}, run="local: mine\n").settings.local == "mine"
    resolved = load(tmp_path, env="CAPTURE_OUT=there\n")
    assert resolved.settings.local == "there"


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    resolved = load(
        tmp_path, environment={"TRAIN_LR": "", "CAPTURE_OUT": " "}, env="TRAIN_LR=1e-3\nSEED=\n"
    )
    assert (resolved.settings.lr, resolved.settings.seed, resolved.settings.local) == (
        1e-3,
        1337,
        "./data/mds",
    )


def test_an_empty_text_on_the_command_line_is_a_value(tmp_path: Path) -> None:
    resolved = load(tmp_path, arguments={"--remote": ""}, environment={"TRAIN_REMOTE": "s3://a"})
    assert (resolved.settings.remote, resolved.sources["remote"]) == ("", "--remote")


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ({"arguments": {"--learning-rate": "1"}}, "unknown option '--learning-rate'; did you mean '--lr'"),
        (
            {"arguments": {"--history-steps": "1"}},
            "unknown option '--history-steps'; did you mean '--history'",
        ),
        (
            {"environment": {"TRAIN_LEARNING_RATE": "1"}},
            "TRAIN_LEARNING_RATE.*environment.*did you mean 'TRAIN_LR'",
        ),
        (
            {"environment": {"TRAIN_EPOCH": ""}},
            "'TRAIN_EPOCH' in the environment; did you mean 'TRAIN_EPOCHS'",
        ),
        ({"env": "SIZE_LONG_EDGE=448\n"}, r"'SIZE_LONG_EDGE' in .*\.env; did you mean 'SIZE_LONGEST_EDGE'"),
        ({"env": "A=1\nnot a line\n"}, r"\.env, line 2: 'not a line' is not NAME=value"),
        ({"run": "batch_size: 8\n"}, r"unknown key 'batch_size' in .*run\.yaml; did you mean 'batch'"),
        ({"run": "lr: 1e-3\nTRAIN_LR: 1e-4\n"}, "gives lr twice"),
        ({"run": "lr: 1e-3\nlr: 1e-4\n"}, "line 2: 'lr' is given twice"),
        ({"run": "? [a]\n: 1\n"}, "a setting's name must be a word"),
        ({"run": "- 1\n"}, "expected lines of `name: value`, found list"),
        ({"run": "lr: [1\n"}, "run.yaml, line 2: not YAML"),
        ({"run": "lr: !!python/name:os.system\n"}, "not YAML"),
        (
            {"environment": {"TRAIN_LR": "fast"}},
            "lr: 'fast', given by TRAIN_LR in the environment, must be a number",
        ),
        ({"arguments": {"--lr": "nan"}}, "lr: 'nan', given by --lr, must be a number, more than 0"),
        (
            {"run": "epochs: true\n"},
            "epochs: 'true', given by epochs in .*, must be a whole number, at least 1",
        ),
        ({"run": "epochs: 1.5\n"}, "epochs: '1.5'"),
        ({"arguments": {"--prompt-options": "{"}}, "must be a JSON object"),
        ({"arguments": {"--log-format": "xml"}}, "'xml', given by --log-format, must be one of text, json"),
        ({"arguments": {"--trackers": "jsonl,mlflow"}}, "one or more of jsonl, tensorboard, wandb"),
        ({"arguments": {"--lora-r": "4"}}, "lora_r has no effect without adapter=lora"),
        ({"arguments": {"--size-short": "9000"}}, "must not exceed longest_edge"),
    ],
)
def test_bad_settings_get_one_line_that_says_what_and_where(
    tmp_path: Path, given_as: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        load(tmp_path, **given_as)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"epochs: .*; lr: .*"):
        load(tmp_path, environment={"TRAIN_LR": "fast", "TRAIN_EPOCHS": "0"})


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert (
        load(tmp_path, environment={"PATH": "x", "TRAINING": "1", "SIZE": "3"}).settings == TrainSettings()
    )


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"there is no file .*absent\.yaml"):
        read_run_file(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="cannot read"):
        read_run_file(tmp_path / "binary.yaml")


def test_env_files_of_every_editor_are_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbf# comment\r\nTRAIN_LR=1e-3 # why\r\nexport SEED='7'\r\nEMPTY\r\n")
    assert read_env_file(path) == {"TRAIN_LR": "1e-3", "SEED": "7"}


def test_null_in_a_run_file_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, run="remote:\nlr: null\n").settings == TrainSettings()


def test_the_table_has_every_setting_its_value_and_its_source(tmp_path: Path) -> None:
    table = load(tmp_path, arguments={"--lr": "1e-5"}).table().splitlines()
    assert [line.split()[0] for line in table] == list(TrainSettings.model_fields)
    assert next(line for line in table if line.startswith("lr ")).split() == ["lr", "1e-5", "--lr"]


@given(st.text(max_size=20))
def test_any_name_has_a_nearest_setting(name: str) -> None:
    assert nearest(name, TRAIN) in TRAIN.spellings


@pytest.mark.parametrize("spelling", TRAIN.spellings, ids=lambda spelling: spelling.field)
def test_a_setting_is_nearest_to_itself(spelling: object) -> None:
    for name in (spelling.field, spelling.variable, spelling.flag):  # type: ignore[attr-defined]
        assert nearest(name, TRAIN) == spelling


def test_capture_settings_have_the_same_precedence(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("CAPTURE_COMPRESSION=none\nCAPTURE_FPS=3\nCAPTURE_OUT=a\n", "utf-8")
    resolved = load_capture_settings(
        {"--out": "c"}, environment={"CAPTURE_FPS": "4", "CAPTURE_OUT": "b"}, env_file=env_file
    )
    settings = resolved.settings
    assert (settings.compression, settings.fps, settings.out) == ("", 4.0, "c")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CAPTURE_REMOTE", "s3://a/b", "CAPTURE_REMOTE in the environment has no effect, remove it"),
        ("CAPTURE_QUALITY", "85", "did you mean 'CAPTURE_JPEG_QUALITY'"),
        ("CAPTURE_SHARD_SIZE", "5gb", "must be a number of bytes such as 512mb, below 4gb"),
        ("CAPTURE_COMPRESSION", "zip", "must be none, or bz2, gz or zstd"),
    ],
)
def test_bad_capture_settings_are_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        load_capture_settings({}, environment={variable: value})
