import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.config.capture import CaptureSettings
from screensmith.config.train import TrainSettings
from screensmith.config.values import allowed, choices_of, prepare, show, show_default

FIELDS = TrainSettings.model_fields


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lr", "a number, more than 0"),
        ("epochs", "a whole number, at least 1"),
        ("max_refused_share", "a number, at least 0, at most 1"),
        ("held_out_share", "a number, at least 0, less than 1"),
        ("log_format", "one of text, json"),
        ("resume", "true or false"),
        ("output", "text"),
        ("prompt_options", "a JSON object"),
        ("trackers", "none, or one or more of jsonl, tensorboard, wandb, with commas between"),
    ],
)
def test_allowed_says_type_and_limits(name: str, words: str) -> None:
    assert allowed(FIELDS[name]) == words


def test_every_field_has_a_meaning_and_says_what_it_allows() -> None:
    for model in (TrainSettings, CaptureSettings):
        for name, field in model.model_fields.items():
            assert field.description, name
            assert allowed(field), name


def test_choices_come_from_literals_and_from_tuples_of_them() -> None:
    assert choices_of(FIELDS["pair"].annotation) == ("before", "nearest")
    assert choices_of(FIELDS["trackers"].annotation) == ("jsonl", "tensorboard", "wandb")
    assert choices_of(int) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5e-6, "5e-6"),
        (0.0, "0.0"),
        (2.0, "2.0"),
        (1e20, "1e+20"),
        (0.0001, "0.0001"),
        (True, "true"),
        ((), "none"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_values_are_shown_as_people_write_them(value: object, text: str) -> None:
    assert show(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_shown_number_reads_back_exactly(value: float) -> None:
    assert float(show(value)) == value


@pytest.mark.parametrize("model", [TrainSettings, CaptureSettings])
def test_every_shown_default_reads_back_as_the_default(
    model: type[TrainSettings | CaptureSettings],
) -> None:
    written = {
        name: prepare(field.annotation, show_default(model, name))
        for name, field in model.model_fields.items()
    }
    assert model.model_validate(written) == model()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("loglevel", "debug", "DEBUG"),
        ("trackers", "jsonl, WANDB", ("jsonl", "wandb")),
        ("trackers", '["jsonl"]', ("jsonl",)),
        ("trackers", ["JSONL"], ("jsonl",)),
        ("trackers", "none", ()),
        ("prompt_options", '{"a": [1]}', {"a": [1]}),
        ("repo_id", "  a/b ", "a/b"),
    ],
)
def test_lists_objects_and_choices_are_read(name: str, value: object, expected: object) -> None:
    assert (
        TrainSettings.model_validate({name: prepare(FIELDS[name].annotation, value)}).model_dump()[name]
        == expected
    )


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", True), ("lr", False), ("epochs", "1_000"), ("prompt_options", "{")]
)
def test_values_of_another_kind_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        prepare(FIELDS[name].annotation, value)
