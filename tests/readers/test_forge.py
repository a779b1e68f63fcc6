"""The forge's processed lines, as documented and as our own writer adds to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.actions import Click, PressKeys, Scroll, TypeText
from screensmith.core.episode import Episode
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog
from screensmith.readers import forge

DOCUMENTED = {
    "image_path": "aguvis-stage1/a.jpg",
    "instruction": "open settings",
    "action": "click(x=0.91, y=0.05)",
}


def place(root: Path, name: str, *rows: Any) -> Path:
    """A file of these lines, with the images they name in ../raw."""
    root.mkdir(parents=True, exist_ok=True)
    for row in rows:
        image = row.get("image_path") if isinstance(row, dict) else None
        if isinstance(image, str) and image and not image.startswith(("gone", "..", "/")):
            path = root.parent / "raw" / image
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (100, 50)).save(path)
    (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def read(
    tmp_path: Path, *rows: Any, name: str = "stage2_reasoning"
) -> tuple[Sequence[Episode], RefusalLog]:
    log = RefusalLog()
    return forge.read(str(place(tmp_path / "processed", name, *rows)), refusals=log), log


def test_the_line_of_the_description_is_read_from_where_the_forge_has_it(tmp_path):
    (episode,), log = read(tmp_path, DOCUMENTED, name="stage1_grounding")
    (step,) = episode.steps
    assert step.screenshot.source == tmp_path / "processed" / "../raw" / "aguvis-stage1/a.jpg"
    assert step.screenshot.size == Size(100, 50)
    assert step.actions == (Click(Point(0.91, 0.05)),)
    assert [(element.text, element.at) for element in step.elements] == [
        ("open settings", Point(0.91, 0.05))
    ]
    assert (episode.goal, episode.facts) == ("open settings", {"dataset": "forge", "stage": 1})
    assert log.considered == 1


@pytest.mark.parametrize(
    ("action", "actions"),
    [
        ("click(0.91, 0.05)", (Click(Point(0.91, 0.05)),)),
        ("click(x=0.5, y=0.5) type('a (b)')", (Click(Point(0.5, 0.5)), TypeText("a (b)"))),
        ("scroll(direction='down', amount=10)", (Scroll("down", None, 0.1),)),
        ("press(keys=['ctrl', 'c'])", (PressKeys(("Control", "c")),)),
    ],
)
def test_arguments_may_be_named_or_not_and_calls_are_joined_by_a_space(tmp_path, action, actions):
    (episode,), _ = read(tmp_path, {**DOCUMENTED, "action": action, "thought": "so"})
    assert episode.steps[0].actions == actions
    assert episode.steps[0].thought == "so"


def test_clicks_on_one_screenshot_are_joined_on_the_first_stage_only(tmp_path):
    rows = [{**DOCUMENTED, "instruction": name} for name in "ab"]
    rows.append({**DOCUMENTED, "action": "double_click(0.5, 0.5)"})
    rows.append({**DOCUMENTED, "image_path": "b.png"})
    episodes, _ = read(tmp_path, *rows, name="stage1_grounding")
    assert [len(episode.steps[0].elements) for episode in episodes] == [2, 0, 1]
    episodes, _ = read(tmp_path, *rows, name="stage2_reasoning")
    assert len(episodes) == 3 + 4, "both files are read"
    assert len(forge.read(str(tmp_path / "processed"), stage=2)) == 4
    assert len(forge.read(str(tmp_path / "processed"), json="stage1_grounding")) == 3


def test_our_own_keys_join_steps_and_keep_what_the_source_said(tmp_path):
    kept = {"previous_actions": ["a"], "observation": "o", "action_text": "t", "level": "l3", "row": 3}
    rows = [
        {**DOCUMENTED, "episode": "e", "step": 0, "source": "aguvis", "bbox": [0.9, 0, 1, 0.1], **kept},
        {**DOCUMENTED, "episode": "e", "step": 1, "step_instruction": "press it"},
        {**DOCUMENTED, "episode": "e", "step": 3},
        {**DOCUMENTED, "episode": "f", "step": 0},
    ]
    first, second, third = read(tmp_path, *rows)[0]
    assert [len(episode.steps) for episode in (first, second, third)] == [2, 1, 1]
    assert (first.id, second.id, third.id) == ("e", "e#3", "f")
    assert first.facts == {"dataset": "forge", "stage": 2, "source": "aguvis"}
    assert first.steps[0].facts == kept
    assert first.steps[0].target == Box(0.9, 0, 1, 0.1)
    assert first.steps[1].instruction == "press it"


def test_a_box_that_rounding_left_is_grown_and_another_is_refused(tmp_path):
    near = {**DOCUMENTED, "bbox": [0.912, 0, 1, 0.1]}
    far = {**DOCUMENTED, "bbox": [0.95, 0, 1, 0.1]}
    (episode,), log = read(tmp_path, near, far, name="stage1_grounding")
    assert episode.steps[0].target == Box(0.91, 0, 1, 0.1)
    assert log.by_reason() == {"point outside its box": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image_path": "gone.png"}, "image missing"),
        ({"image_path": "../a.png"}, "image name leads out of its folder"),
        ({"image_path": 3}, "image not named"),
        ({"instruction": " "}, "instruction blank"),
        ({"action": None}, "action missing"),
        ({"action": "__import__('os').system('x')"}, "action unreadable: "),
        ({"action": "click(0.5, 1.5)"}, "action unreadable: "),
        ({"thought": 5}, "thought unreadable"),
        ({"episode": 5}, "episode unreadable"),
        ({"step": -1}, "step number unreadable"),
        ({"bbox": [1, 2]}, "box unreadable"),
        ({"previous_actions": "a"}, "previous_actions unreadable"),
        ({"previous_actions": [1]}, "previous_actions unreadable"),
        ({"row": True}, "row unreadable"),
        ({"thought": "half \ud83d"}, "thought unreadable"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path, change, reason):
    episodes, log = read(tmp_path, DOCUMENTED, {**DOCUMENTED, **change})
    assert len(episodes) == 1
    (refusal,) = log
    assert refusal.id == "stage2_reasoning:1"
    assert refusal.reason.startswith(reason)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from([*DOCUMENTED, *forge.KEPT, "thought", "episode", "step", "bbox"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
        ),
    )
    | st.integers()
)
def test_lines_of_any_shape_are_refused(tmp_path_factory, row):
    folder = tmp_path_factory.mktemp("lines")
    (folder / "stage1_grounding.jsonl").write_text(json.dumps(row) + "\n")
    log = RefusalLog()
    assert forge.read(str(folder), refusals=log) == ()
    assert len(log) == log.considered == 1


def test_where_files_and_images_are_can_be_said(tmp_path):
    file = place(tmp_path / "processed", "lines", DOCUMENTED) / "lines.jsonl"
    with pytest.raises(ValueError, match="does not tell the stage"):
        forge.read(str(file))
    assert len(forge.read(str(file), stage=2)) == 1
    assert len(forge.read(str(file.parent), json="lines", stage=1, images=str(tmp_path / "raw"))) == 1
    assert forge.fingerprint(str(file), stage=1) != forge.fingerprint(str(file), stage=2)
    with pytest.raises(
        ValueError, match=r"holds no stage1_grounding\.jsonl or stage2.*there: lines\.jsonl"
    ):
        forge.read(str(file.parent))
    with pytest.raises(ValueError, match="stage must be"):
        forge.read(str(file), stage=4)
    with pytest.raises(ValueError, match="no folder absent"):
        forge.read(str(file), stage=1, images="absent")
