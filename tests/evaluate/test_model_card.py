"""Whatever a checkpoint's files hold, its card stays a card. Whole cards: tests/cli/test_publish.py."""

import json
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from screensmith.config.agent_card import AgentCard
from screensmith.evaluate._card_base import UNKNOWN, Base, base_of
from screensmith.evaluate._card_results import FigureRow, ResultTable, is_of, read_results
from screensmith.evaluate._card_use import example
from screensmith.evaluate._card_words import fenced, table, without_places, words
from screensmith.evaluate.model_card import MARK, Publication, card_text, front_matter, write_card

PIECES = [*"ab/|`*_[]<>&\\\n\r\t-#:'\"{}é", "---\n", "```\n", "](x)"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def card_of(**changed):
    told = {"family": "qwen2_vl", "prompt": "neko", "dialect": "neko", "coordinate_frame": "fraction"}
    return AgentCard(**{**told, "min_pixels": 1, "max_pixels": 2, **changed})


@settings(max_examples=60)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_hostile_name_changes_nothing_around_it(tmp_path_factory, name, reason, model):
    card = card_of(base=name, prompt=name or "x", data_fingerprints={name: reason}, others={})
    figure = FigureRow(name, 0.5, (0.4, 0.6), 10, reason)
    found = ResultTable("benchmark", name, model, ((name, reason),), (figure,))
    folder = tmp_path_factory.getbasetemp() / f"my 'own' \"{model.replace('/', '')}"
    made = Publication(folder, card, Base(name, "", UNKNOWN, "x", {}), None, [found])
    text = card_text(made)
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front) == front_matter(made)
    assert body.startswith(MARK)
    headings = [line for line in body.split("\n") if line.startswith("## ")]
    assert [line[3:7] for line in headings] == ["How ", "What", "How ", "Resu", "Limi", "Lice"]
    program = body.split("```python\n")[1].split("\n```")[0]
    compile(program, "card", "exec")


@given(HOSTILE, HOSTILE)
def test_cells_stay_in_their_columns(left, right):
    lines = table(("a", "b"), [(words(left), words(right))])
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[2])) == 3
    assert "<" not in lines[2]


@given(HOSTILE)
def test_nothing_inside_a_block_of_code_ends_it(text):
    lines = fenced(text)
    inside = "\n".join(lines[1:-1])
    assert lines[-1] not in [line.strip() for line in inside.splitlines()]


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/a/b/rows.csv", "rows.csv"),
        ("../models/tiny", "tiny"),
        ("~/data/set/", "set"),
        (r"C:\data\set", "set"),
        ("s3://bucket/private/set", "set"),
        ("showui-web/hf_train", "showui-web/hf_train"),
        ("Qwen/Qwen2-VL-2B-Instruct", "Qwen/Qwen2-VL-2B-Instruct"),
        ("1/2", "1/2"),
    ],
)
def test_places_are_shown_by_their_last_part(place, shown):
    assert without_places({"x": [place]}) == {"x": [shown]}


def test_a_base_without_a_record_is_unknown(tmp_path):
    base = base_of("", (tmp_path,))
    assert (base.hub, base.license, base.license_from) == ("", UNKNOWN, "no base is recorded")
    hub = base_of("owner/name", (tmp_path,))
    assert (hub.name, hub.hub, hub.license) == ("owner/name", "owner/name", UNKNOWN)


@pytest.mark.parametrize(
    ("model", "own"),
    [
        ("runs/stage1/final", True),
        ("/elsewhere/runs/stage1/final", True),
        ("stage1/final", True),
        ("runs/stage2/final", False),
        ("stage1", False),
        ("", False),
    ],
)
def test_a_result_belongs_to_a_checkpoint_of_the_same_name(tmp_path, model, own):
    assert is_of(ResultTable("live", "", model, (), ()), tmp_path / "stage1" / "final") is own
    assert is_of(ResultTable("live", "", model, (), ()), tmp_path / "stage1" / "final", "other") is False


def test_every_kind_of_result_is_read(tmp_path):
    told = {"model": "m", "prompt": "p", "dialect": "d", "unreadable": {"no JSON": 2}, "refused": {}}
    figure = {"value": 0.5, "count": 4, "unit": "steps", "interval_95": [0.1, 0.9]}
    difference = {"figure": "micro", "value": 0.1, "interval_low": None, "interval_high": None}
    records = [
        told
        | {"evaluation": "offline", "samples": 4}
        | {"metrics": {"click": {"mean": None, "scored": 0, "interval_95": None}}},
        told
        | {"evaluation": "live", "environment": "miniwob", "max_steps": 6, "episodes": 4}
        | {"success_rate": 0.75, "interval_95": [0.3, 0.95]}
        | {"tasks": {"t": {"success_rate": 0.75, "episodes": 4, "seeds": [7, 9], "interval_95": None}}},
        told
        | {"evaluation": "task_results", "tasks": 2, "samples": 4}
        | {"modes": {"teacher_forced": {"figures": {"action accuracy": figure}, "unreadable": {"x": 1}}}},
        {"evaluation": "comparison", "benchmark": "screenspot", "model": "m", "compared_with": "a/b"}
        | {"differences": [difference | {"p": 0.2, "test": "exact", "clusters": 9}]},
    ]
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps(records))
    offline, live, results, comparison = read_results(path)
    assert offline.figures == (FigureRow("click", None, None, 0, "steps"),)
    assert [row.count for row in live.figures] == [4, 4]
    assert ("seeds", "7 to 9") in live.circumstances
    assert results.figures[0].name == "action accuracy, teacher forced"
    assert ("unreadable: x, teacher forced", "1") in results.circumstances
    assert comparison.title == "screenspot: difference to b"
    assert comparison.figures[0].p == 0.2
    made = Publication(tmp_path, None, base_of("", ()), None, [comparison], evaluated_as="m")
    assert "| micro | +10.0 points | 0.2 | 9 independent parts |" in card_text(made)


def test_an_example_is_a_real_question_or_none():
    asked = example(card_of(prompt_options={"instructions": False}))
    assert asked is not None
    assert asked.messages[0].text == "Task: Open the settings.\n"
    assert example(card_of(prompt="gone")) is None
    assert example(card_of(dialect_options={"wrong": 1})) is None


def test_a_card_of_somebody_else_is_kept(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="--replace writes over it"):
        write_card(tmp_path, "new")
    write_card(tmp_path, f"{MARK} new", replace=True)
    write_card(tmp_path, f"{MARK} newer")
    assert (tmp_path / "README.md").read_text() == f"{MARK} newer"
