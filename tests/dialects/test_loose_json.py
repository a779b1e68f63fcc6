"""JSON as people and models write it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screensmith.dialects import Unreadable
from screensmith.dialects._loose_json import objects_in, read_loose

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_and_python_spell_the_same_value(value):
    assert read_loose(json.dumps(value)) == value
    assert read_loose(json.dumps(value, ensure_ascii=False, indent=1)) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_an_object_is_found_in_prose(value):
    assert list(objects_in(f"So I think: {json.dumps(value)}\nDone.")) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'it is \"b\"', 'c': None}", {"a": 'it is "b"', "c": None}),
        ("{'a': true, \"b\": False,}", {"a": True, "b": False}),
        ("[1, 2.5, -3e2,]", [1, 2.5, -300.0]),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("{'a': NaN}", {"a": None}),
        (r"{'a': 'it\'s\né\ud83d\ude00'}", {"a": "it's\né\U0001f600"}),
    ],
)
def test_what_people_write_is_read(text, value):
    assert read_loose(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a'}",
        "{a: 1}",
        "{'a': 1} and more",
        "{'a': __import__('os')}",
        "{'a': 1 2}",
        "[" * 5000,
        "{'a': '\\ud83d'}",
        "9" * 5000 + "x",
        "{'a': 1" + "0" * 400 + ",}",
        "x" * 30_000,
    ],
)
def test_anything_else_is_unreadable(text):
    with pytest.raises(Unreadable):
        read_loose(text)


@settings(max_examples=200)
@given(st.text(alphabet="{}[]'\":,\\ aN1truefalse`\n", max_size=200))
def test_no_text_breaks_it(text):
    try:
        read_loose(text)
    except Unreadable:
        list(objects_in(text))


@pytest.mark.parametrize("piece", ['{"', "{'a': [", "{'a': '", '{"a": {"', "{'a': 1, "])
def test_a_long_text_that_never_closes_takes_no_time(piece):
    assert list(objects_in(piece * (19_000 // len(piece)))) == []
