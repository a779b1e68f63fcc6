"""AGUVIS's records, what its files say of episodes, and its mixtures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith.core.actions import Click, Scroll
from screensmith.core.episode import Episode
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog
from screensmith.readers import aguvis
from screensmith.readers._aguvis_episodes import place_of
from screensmith.readers._aguvis_files import expanded
from screensmith.readers._aguvis_sampling import sampling_of
from screensmith.readers._aguvis_text import Said, joined_said, split_asked, split_said

CLICK = "pyautogui.click(x=0.5, y=0.1)"


def turn(speaker: str, text: str, **more: Any) -> dict[str, Any]:
    return {"from": speaker, "value": text, **more}


def pairs(image: Any, *said: tuple[str, str]) -> dict[str, Any]:
    """A record of stage 1; only the first question shows the image."""
    turns = []
    for number, (asked, code) in enumerate(said):
        turns += [turn("human", f"{'' if number else '<image>' + chr(10)}{asked}"), turn("gpt", code)]
    return {"image": image, "conversations": turns}


def step(
    image: Any,
    before: Sequence[str] = (),
    goal: str = "mute the phone",
    said: str = "Thought: sound is below\nAction: Scroll down\n",
    code: str = "pyautogui.scroll(page=-0.1)",
) -> dict[str, Any]:
    """A record of stage 2 as formats.md 8 has it."""
    done = "\n".join(f"Step {number}: {text}" for number, text in enumerate(before, 1)) or "None"
    asked = f"<image>\nPlease go on.\n\nInstruction: {goal}\n\nPrevious actions:\n{done}\n"
    turns = [turn("system", "functions"), turn("human", asked)]
    turns.append(turn("gpt", said, recipient="all", end_turn=False))
    turns.append(turn("gpt", code, recipient="os", end_turn=True))
    return {"image": image, "conversations": turns}


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 50), "teal").save(path)


def place(root: Path, rows: Any, name: str = "part.json") -> str:
    """A data file with the images its rows name; returns the folder."""
    for row in rows if isinstance(rows, list) else []:
        image = row.get("image") if isinstance(row, dict) else None
        for each in image if isinstance(image, list) else [image]:
            if isinstance(each, str) and not each.startswith(("gone", "..", "/")) and each.strip():
                picture(root / "images" / each)
    root.mkdir(exist_ok=True)
    lines = name.endswith("jsonl")
    text = "".join(json.dumps(row) + "\n" for row in rows) if lines else json.dumps(rows)
    (root / name).write_text(text)
    return str(root)


def read(root: Path, *rows: Any, **options: Any) -> tuple[Sequence[Episode], RefusalLog]:
    log = RefusalLog()
    return aguvis.read(place(root, list(rows)), refusals=log, **options), log


def images_of(episode: Episode) -> list[str]:
    return [str(step.facts["image"]) for step in episode.steps]


def test_the_pairs_of_the_description_are_elements_of_one_screen(tmp_path):
    row = pairs("p.png", ("Search", CLICK), ("Cart", "pyautogui.click(x=0.9, y=0.1)"))
    (episode,), log = read(tmp_path, row)
    (only,) = episode.steps
    assert [(element.text, element.at) for element in only.elements] == [
        ("Search", Point(0.5, 0.1)),
        ("Cart", Point(0.9, 0.1)),
    ]
    assert only.elements[0].box == Box(0.5, 0.1, 0.5, 0.1)
    assert (episode.goal, only.instruction, only.target) == ("Search", "Search", None)
    assert only.actions == (Click(Point(0.5, 0.1)),)
    assert only.screenshot.size == Size(100, 50)
    assert episode.facts == {"dataset": "aguvis", "subset": "part", "stage": 1}
    assert log.considered == 2


def test_the_step_of_the_description_is_read_as_it_says(tmp_path):
    (episode,), _ = read(tmp_path, step("ep9_1.png", ["Open settings"]))
    (only,) = episode.steps
    assert (episode.id, episode.goal) == ("part/ep9", "mute the phone")
    assert only.thought == "sound is below"
    assert only.actions == (Scroll("down", None, 0.1),)
    assert only.facts["action_text"] == "Scroll down"
    assert only.facts["level"] == "l2"
    assert only.facts["previous_actions"] == ["Open settings"]
    assert only.facts["missing_before"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Action: Press it", Said(action_text="Press it", level="l1")),
        ("Thought: why\nnot\nAction: Go", Said("", "why\nnot", "Go", "", "l2")),
        ("Observation: a\nThought: b\nAction: c\n", Said("a", "b", "c", "", "l3")),
        ("Thought: Action: x is inside\nAction: y", Said("", "Action: x is inside", "y", "", "l2")),
        ("Well.\nAction: c\nAction: d", Said("", "", "c\nAction: d", "Well.", "l1")),
        ("only words", Said(thought="only words")),
        ("", Said()),
    ],
)
def test_labels_count_only_where_a_line_begins(text, said):
    assert split_said(text) == said


lines = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9).filter(
    lambda text: ":" not in text
)


@given(lines, lines, lines)
def test_what_is_joined_is_taken_apart_again(observation, thought, action_text):
    said = Said(observation, thought, action_text, "", "l3")
    assert split_said(joined_said(said)) == said


@pytest.mark.parametrize(
    ("text", "goal", "before"),
    [
        ("Instruction: go\n\nPrevious actions:\nNone", "go", ()),
        ("Instruction: go\nPrevious actions: None\n", "go", ()),
        ("Instruction: go\n\nPrevious actions:\n", "go", ()),
        ("Instruction: say\nInstruction: no\nPrevious actions:\nStep 1: a", "say\nInstruction: no", ("a",)),
        (
            "Instruction: go\nPrevious actions:\nStep 1: a\nStep 7: b\nStep 2: c",
            "go",
            ("a\nStep 7: b", "c"),
        ),
        ("Instruction: go\nPrevious actions:\nopened it", "go", ("opened it",)),
        ("Instruction: go", "go", None),
        ("go there", "go there", None),
    ],
)
def test_the_goal_and_what_was_done_before(text, goal, before):
    asked = split_asked(text)
    assert (asked.goal, asked.before) == (goal, before)


@pytest.mark.parametrize(
    ("name", "episode", "number"),
    [
        ("click-shades_seed12_step3.png", "click-shades_seed12", 3),
        ("ep/screenshot_4.png", "ep", 4),
        ("a/b/step11.jpg", "a/b", 11),
        ("ep9_1.png", "ep9", 1),
        ("a_b_20.webp", "a_b", 20),
        ("plain.png", "plain", 0),
        ("x_123456789.png", "x_123456789", 0),
        ("noending", "noending", 0),
    ],
)
def test_the_episode_is_in_the_name_of_the_image(name, episode, number):
    assert place_of(name) == (episode, number)


def test_steps_that_follow_each_other_are_one_episode(tmp_path):
    rows = [step("e/screenshot_0.png"), step("e/screenshot_1.png", ["a"]), step("f/screenshot_0.png")]
    rows += [step("e/screenshot_2.png", ["a", "b"]), step("e/screenshot_5.png", list("abcde"))]
    episodes, _ = read(tmp_path, *rows)
    assert [(episode.id, len(episode.steps)) for episode in episodes] == [
        ("part/e", 2),
        ("part/f", 1),
        ("part/e~2", 1),
        ("part/e~3", 1),
    ]
    assert [episode.steps[0].facts.get("missing_before") for episode in episodes] == [None, None, 2, 5]


def test_another_goal_or_the_same_step_again_is_another_episode(tmp_path):
    rows = [step("e_0.png"), step("e_1.png", ["a"], goal="else"), step("e_1.png", ["a"], goal="else")]
    episodes, _ = read(tmp_path, *rows)
    assert [episode.goal for episode in episodes] == ["mute the phone", "else", "else"]


def test_a_bare_scroll_goes_where_the_sentence_says(tmp_path):
    said = "Thought: it is below\nAction: Scroll down to see more"
    rows = [
        step("a.png", said=said, code="pyautogui.scroll()"),
        step("b.png", code="pyautogui.scroll()", said="x"),
    ]
    (episode,), log = read(tmp_path, *rows)
    assert episode.steps[0].actions == (Scroll("down"),)
    assert [refusal.id for refusal in log] == ["part:1"]


def test_a_double_click_without_a_place_is_where_the_pointer_was_left(tmp_path):
    code = "pyautogui.doubleClick()"
    rows = [step("e_0.png", code="pyautogui.moveTo(0.25, 0.5)"), step("e_1.png", ["a"], code=code)]
    (episode,), _ = read(tmp_path, *rows)
    assert episode.steps[1].actions == (Click(Point(0.25, 0.5), count=2),)
    assert episode.steps[1].facts["place_before"] is True
    episodes, log = read(
        tmp_path, rows[0], step("e_2.png", ["a", "b"], code=code), step("e_3.png", code=code)
    )
    assert len(episodes) == 1
    assert len(log) == 2, "what came before is not known"


def test_growing_previous_actions_on_one_screenshot_are_successive_steps(tmp_path):
    name = "click-shades_seed1_step0.png"
    rows = [step(name), step(name, ["a"]), step(name, ["a", "b"])]
    (episode,), _ = read(tmp_path, *rows)
    assert images_of(episode) == [name] * 3
    assert len({id(each.screenshot) for each in episode.steps}) == 1, "the header is read once"


def test_a_refused_step_breaks_the_history(tmp_path):
    rows = [step("e_0.png"), step("e_1.png", ["a"], code="os.system('x')"), step("e_2.png", ["a", "b"])]
    episodes, log = read(tmp_path, *rows)
    assert [len(episode.steps) for episode in episodes] == [1, 1]
    assert [refusal.id for refusal in log] == ["part:1"]


def test_the_second_of_two_images_is_the_screen_now(tmp_path):
    (episode,), _ = read(tmp_path, step(["e_0.png", "e_1.png"], ["a"]))
    assert images_of(episode) == ["e_1.png"]
    assert episode.steps[0].facts["previous_image"] == "e_0.png"


def test_each_question_may_have_its_own_image(tmp_path):
    row = pairs(["a.png", "b.png"], ("one", CLICK), ("two", CLICK))
    row["conversations"][2]["value"] = "<image>two"
    first, second = read(tmp_path, row)[0]
    assert images_of(first) + images_of(second) == ["a.png", "b.png"]
    assert (first.goal, second.goal) == ("one", "two")


def test_records_of_one_screenshot_are_one_episode_and_other_answers_their_own(tmp_path):
    rows = [pairs("p.png", ("a", CLICK)), pairs("p.png", ("b", "pyautogui.doubleClick(x=0.5, y=0.5)"))]
    rows += [pairs("p.png", ("c", CLICK)), pairs("q.png", ("d", CLICK))]
    episodes, _ = read(tmp_path, *rows)
    assert [(episode.goal, len(episode.steps[0].elements)) for episode in episodes] == [
        ("b", 0),
        ("a", 2),
        ("d", 1),
    ]
    assert episodes[0].steps[0].actions == (Click(Point(0.5, 0.5), count=2),)


def test_role_and_content_and_missing_recipients_are_understood(tmp_path):
    row = step("e_0.png")
    row["conversations"] = [
        {
            "role": {"human": "user", "gpt": "assistant"}.get(turn["from"], "system"),
            "content": turn["value"],
        }
        for turn in row["conversations"]
    ]
    (episode,), _ = read(tmp_path, row)
    assert episode.steps[0].thought == "sound is below"
    assert episode.facts["stage"] == 2


def test_the_stage_can_be_said(tmp_path):
    asked = "Instruction: go\n\nPrevious actions:\nNone"
    assert read(tmp_path, pairs("p.png", (asked, CLICK)))[0][0].facts["stage"] == 1
    (episode,) = aguvis.read(str(tmp_path), stage=2)
    assert (episode.goal, episode.facts["stage"]) == ("go", 2)
    with pytest.raises(ValueError, match="stage must be"):
        aguvis.read(str(tmp_path), stage=3)
    assert aguvis.fingerprint(str(tmp_path)) != aguvis.fingerprint(str(tmp_path), stage=2)


def answered(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"image": "p.png", "conversations": list(turns)}


GOOD = pairs("p.png", ("Search", CLICK))
HUMAN = turn("human", "<image>\nSearch")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (5, "row unreadable"),
        ({}, "conversation missing"),
        ({**GOOD, "image": None}, "image not named"),
        ({**GOOD, "image": []}, "image not named"),
        ({**GOOD, "image": [3]}, "image name unreadable"),
        ({**GOOD, "image": "gone.png"}, "image missing"),
        ({**GOOD, "image": "../p.png"}, "image name leads out of its folder"),
        ({**GOOD, "image": "/p.png"}, "image name leads out of its folder"),
        ({**GOOD, "image": ["p.png", "q.png"]}, "image markers do not fit the images"),
        (step(["p.png"] * 3), "image markers do not fit the images"),
        (answered(HUMAN, 5), "turn unreadable"),
        (answered(HUMAN), "answer missing"),
        (answered(HUMAN, turn("gpt", " ")), "turn blank"),
        (answered(HUMAN, turn("gpt", CLICK + "<image>")), "image marker outside a question"),
        (answered(HUMAN, turn("robot", CLICK)), "turn of an unknown speaker"),
        (answered(HUMAN, turn("gpt", CLICK, recipient="x")), "turn to an unknown recipient"),
        (answered(HUMAN, turn("gpt", "hm", recipient="all")), "code missing"),
        (answered(turn("gpt", CLICK), HUMAN), "answer before any question"),
        (answered(turn("gpt", CLICK)), "question missing"),
        (answered(HUMAN, turn("system", "x")), "system turn inside the conversation"),
        (answered(HUMAN, *[turn("gpt", CLICK, recipient="os")] * 2), "several codes after one question"),
        (answered(turn("human", "<image>"), turn("gpt", CLICK)), "instruction blank"),
        (pairs("p.png", ("half \ud83d", CLICK)), "turn unreadable"),
        (step("p.png", goal=" "), "goal blank"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path, row, reason):
    episodes, log = read(tmp_path, GOOD, row)
    assert len(episodes) == 1
    assert [(refusal.id, refusal.reason) for refusal in log] == [("part:1", reason)]
    assert log.considered == 2


@pytest.mark.parametrize(
    "code",
    [
        "os.system('x')",
        "press it",
        "pyautogui.click(x=1.5, y=0.5)",
        "pyautogui.click(x=",
        "__import__('os')",
    ],
)
def test_code_that_is_no_action_is_refused_and_never_run(tmp_path, code):
    episodes, log = read(tmp_path, pairs("p.png", ("a", CLICK), ("b", code), ("c", CLICK)))
    assert [element.text for element in episodes[0].steps[0].elements] == ["a", "c"]
    (refusal,) = log
    assert refusal.id == "part:0.1"
    assert refusal.reason.startswith("code unreadable: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "conversations", "from", "value", "recipient"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(rows=st.lists(json_values, min_size=1, max_size=4))
def test_rows_of_any_shape_are_refused_and_counted(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    (folder / "part.json").write_text(json.dumps(rows))
    log = RefusalLog()
    assert aguvis.read(str(folder), refusals=log) == ()
    assert len(log) == log.considered == len(rows)


# Files, folders and mixtures.


def test_a_file_a_pattern_and_a_folder(tmp_path):
    place(tmp_path, [pairs("a.png", ("a", CLICK))], "part1.jsonl")
    place(tmp_path, [pairs("b.png", ("b", CLICK))], "part2.json")
    goals = ("a", "b")
    for root in (tmp_path, tmp_path / "part{1.jsonl,2.json}"):
        assert tuple(episode.goal for episode in aguvis.read(str(root))) == goals
    assert [episode.goal for episode in aguvis.read(str(tmp_path / "part2.json"))] == ["b"]
    assert [episode.goal for episode in aguvis.read(str(tmp_path), json="part1")] == ["a"]
    for root, json_name in (
        (tmp_path, "part3"),
        (tmp_path / "part{1,3}.json", ""),
        (tmp_path / "x.json", ""),
    ):
        with pytest.raises(ValueError, match=r"part3|part1\.json|x\.json"):
            aguvis.read(str(root), json=json_name)


def test_a_corrected_file_takes_the_place_of_the_first(tmp_path):
    place(tmp_path, [pairs("a.png", ("wrong", CLICK))], "omniact.json")
    place(tmp_path, [pairs("a.png", ("right", CLICK))], "omniact_fix.json")
    (tmp_path / ".notes.json").write_text("{}")
    assert [episode.goal for episode in aguvis.read(str(tmp_path))] == ["right"]
    assert [episode.goal for episode in aguvis.read(str(tmp_path), json="omniact")] == ["wrong"]


def test_braces_may_come_more_than_once_but_not_without_end():
    assert expanded("a{1,2}-{x,y}.json") == ["a1-x.json", "a1-y.json", "a2-x.json", "a2-y.json"]
    with pytest.raises(ValueError, match="more than 1000"):
        expanded("{1,2,3,4,5,6,7,8,9,0}" * 8)


def mixture(root: Path, *entries: dict[str, str]) -> Path:
    file = root / "stage.yaml"
    file.write_text(json.dumps({"datasets": list(entries)}))  # JSON is YAML
    return file


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("aitw/images/", "aitw-v1/images"),
        ("guiact-web-multi/images", "guiact-web-multi-v2/images"),
        ("guide-v2/images", "guide/images"),
        ("miniwob/images/", "images"),
        ("own", "own"),
    ],
)
def test_folders_of_the_release_are_found_by_the_names_of_mixtures(tmp_path, named, there):
    place(tmp_path, [step("e_0.png")], "part-l1.json")
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "elsewhere").rename(tmp_path / there)
    file = mixture(
        tmp_path, {"json_path": "part-l1.json", "images_folder": named, "sampling_strategy": "all"}
    )
    (episode,) = aguvis.read(str(file))
    assert Path(str(episode.steps[0].screenshot.source)).parent == tmp_path / there


def test_a_mixture_takes_what_it_says_of_each_file_and_a_file_may_come_twice(tmp_path):
    place(tmp_path, [pairs(f"{n}.png", (f"{n}", CLICK)) for n in range(7)])
    strategies = ["first:2", "end:1", "random:33%", "random:33%", "all"]
    file = mixture(
        tmp_path, *({"json_path": "part.json", "sampling_strategy": each} for each in strategies)
    )
    episodes = aguvis.read(str(file), seed=1)
    goals = [episode.goal for episode in episodes]
    assert len({episode.id for episode in episodes}) == len(episodes) == 2 + 1 + 3 + 3 + 7
    assert (goals[:3], goals[9:]) == (["0", "1", "6"], [str(n) for n in range(7)])
    assert goals[3:6] == sorted(goals[3:6])
    drawn = {seed: [e.goal for e in aguvis.read(str(file), seed=seed)][3:9] for seed in range(6)}
    assert drawn[1] == goals[3:9]
    assert any(drawn[seed][:3] != drawn[seed][3:] for seed in drawn)
    assert len({tuple(each) for each in drawn.values()}) > 1
    assert aguvis.fingerprint(str(file), seed=1) != aguvis.fingerprint(str(file), seed=2)


def test_what_is_drawn_is_the_same_in_every_process(tmp_path):
    place(tmp_path, [pairs(f"{n}.png", (f"{n}", CLICK)) for n in range(9)])
    file = mixture(tmp_path, {"json_path": "part.json", "sampling_strategy": "random:4"})
    read = "print([e.goal for e in aguvis.read(sys.argv[1])])"
    line = [sys.executable, "-c", f"import sys; from screensmith.readers import aguvis; {read}", str(file)]
    said = {
        subprocess.run(
            line, check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": number}
        ).stdout
        for number in ("1", "2")
    }
    assert said == {f"{[episode.goal for episode in aguvis.read(str(file))]}\n"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "no YAML"),
        ("datasets: 5", "must hold"),
        ("datasets: [{images_folder: x}]", "json_path must name"),
        ("datasets: [{json_path: gone.json}]", r"no data file gone\.json"),
        ("datasets: [{json_path: part.json, sampling_strategy: 'random:3.5%'}]", "cannot be read"),
        ("datasets: [{json_path: part.json, sampling_strategy: 'some:3'}]", "cannot be read"),
        ("datasets: [{json_path: part.json, sampling_strategy: 'first:101%'}]", "more than 100%"),
        ("datasets: [{json_path: part.json, images_folder: gone}]", "no folder"),
    ],
)
def test_a_mixture_that_cannot_be_read_says_why(tmp_path, text, message):
    (tmp_path / "part.json").write_text("[]")
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        aguvis.read(str(tmp_path / "m.yaml"))


@given(
    kind=st.sampled_from(["first", "end", "random"]),
    amount=st.integers(0, 120),
    percent=st.booleans(),
    count=st.integers(0, 90),
    seed=st.text(max_size=3),
)
def test_sampling_takes_the_number_it_says_from_where_it_says(kind, amount, percent, count, seed):
    amount = min(amount, 100) if percent else amount
    sampling = sampling_of(f"{kind}:{amount}{'%' if percent else ''}")
    flags = list(sampling.chosen(count, seed))
    taken = [number for number, wanted in enumerate(flags) if wanted]
    size = -(-amount * count // 100) if percent else min(amount, count)
    assert len(taken) == sampling.size(count) == size
    assert len(flags) <= count
    if kind != "random":
        start = 0 if kind == "first" else count - size
        assert taken == list(range(start, start + size))
    assert flags == list(sampling.chosen(count, seed))


def test_each_row_is_drawn_equally_often():
    sampling = sampling_of("random:3")
    drawn = [0] * 10
    for seed in range(4000):
        for number, wanted in enumerate(sampling.chosen(10, str(seed))):
            drawn[number] += wanted
    assert sum(drawn) == 12000
    assert all(1080 < count < 1320 for count in drawn), drawn  # 4.1 standard deviations
