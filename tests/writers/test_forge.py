"""The forge's two files: what goes where, what is left out, and what a kill leaves."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core import actions as act
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import Refused
from screensmith.readers import aguvis
from screensmith.writers import Occupied, forge
from screensmith.writers._seen import Seen

GROUNDING, REASONING = "stage1_grounding.jsonl", "stage2_reasoning.jsonl"
CLICK = "pyautogui.click(x=0.5, y=0.1)"


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def release(root: Path, tools: Any) -> str:
    """The two records of formats.md 8, the first one twice, and a step after the second."""

    def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
        return [{"from": speaker, "value": text} for speaker, text in said]

    pairs = turns(("human", "<image>\nSearch"), ("gpt", CLICK), ("human", "Cart"), ("gpt", CLICK))
    asked = "<image>\nGo on.\n\nInstruction: mute the phone\n\nPrevious actions:\n"
    said = ("gpt", "Thought: sound is below\nAction: Scroll down")
    first = turns(("human", asked + "Step 1: Open"), said, ("gpt", "pyautogui.scroll(page=-0.1)"))
    second = turns(("human", asked + "Step 1: Open\nStep 2: Scroll"), said, ("gpt", "mobile.home()"))
    rows = [("p.png", pairs), ("p.png", pairs), ("ep9_1.png", first), ("ep9_2.png", second)]
    tools.images_of(root / "images", [name for name, _ in rows], 40, 30)
    tools.dump(root / "part-l2.json", [{"image": name, "conversations": said} for name, said in rows])
    return str(root)


def test_aguvis_becomes_the_two_documented_files(tools: Any, tmp_path: Path) -> None:
    episodes = aguvis.read(release(tmp_path / "release", tools))
    out = tmp_path / "out"
    found, left_out = tools.written("forge", out, episodes)
    assert [refusal.id for refusal in left_out] == ["part-l2/p.png#0.2", "part-l2/p.png#0.3"]
    own = {"episode": "part-l2/p.png", "step": 0, "source": "aguvis", "subset": "part-l2", "row": 0}
    wanted = {"image_path": "images/part/p.png", "instruction": "Search", "action": "click(x=0.5, y=0.1)"}
    assert lines_of(out / GROUNDING)[0] == wanted | own
    first, second = lines_of(out / REASONING)
    assert first == {
        "image_path": "images/part/ep9_1.png",
        "instruction": "mute the phone",
        "action": "scroll(direction='down', amount=10)",
        "thought": "sound is below",
        "episode": "part-l2/ep9",
        "step": 0,
        "source": "aguvis",
        "subset": "part-l2",
        "row": 2,
        "level": "l2",
        "action_text": "Scroll down",
        "previous_actions": ["Open"],
        "missing_before": 1,
    }
    assert (second["step"], second["action"]) == (1, "navigate_home()")
    (steps,) = (episode.steps for episode in found if episode.facts["stage"] == 2)
    assert [step.facts["previous_actions"] for step in steps] == [["Open"], ["Open", "Scroll"]]
    assert [step.thought for step in steps] == ["sound is below"] * 2


def test_the_same_image_instruction_and_action_are_written_once_and_counted(
    tools: Any, tmp_path: Path
) -> None:
    root = release(tmp_path / "release", tools)
    one, two = aguvis.read(root), aguvis.read(root)
    again = [dataclasses.replace(episode, id=f"{episode.id}, again") for episode in two]
    _, left_out = tools.written("forge", tmp_path / "out", [*one, *again])
    assert len(one[0].steps[0].elements) == 4
    lines = lines_of(tmp_path / "out" / GROUNDING)
    assert [line["instruction"] for line in lines] == ["Search", "Cart"]
    assert {refusal.reason for refusal in left_out} == {"same image, instruction and action"}
    assert len(left_out) == 2 + 4


def step(tools: Any, action: act.Action, **more: Any) -> Step:
    return Step(tools.screenshot(), (action,), **more)


CLICKED = act.Click(Point(0.5, 0.25))
NAMED = Element(Box(0, 0, 0.5, 0.5), "a")


@pytest.mark.parametrize(
    ("facts", "actions", "more", "files"),
    [
        ({}, [CLICKED], {}, {GROUNDING}),
        ({"dataset": "screenspot"}, [CLICKED], {"target": Box(0.4, 0.2, 0.6, 0.3)}, {GROUNDING}),
        ({"dataset": "mind2web"}, [CLICKED], {}, {REASONING}),
        ({"stage": 1}, [act.Click(Point(0.5, 0.5), count=2)], {}, {GROUNDING}),
        ({"stage": 2}, [CLICKED], {}, {REASONING}),
        ({}, [CLICKED], {"thought": "so"}, {REASONING}),
        ({}, [CLICKED], {"facts": {"previous_actions": []}}, {REASONING}),
        ({}, [act.Home()], {}, {REASONING}),
        ({}, [CLICKED, CLICKED], {}, {REASONING}),
        ({}, [CLICKED, act.Home()], {"elements": (NAMED,)}, {GROUNDING, REASONING}),
    ],
)  # fmt: skip
def test_clicks_on_a_screen_go_into_one_file_and_steps_into_the_other(
    tools: Any, tmp_path: Path, facts: Any, actions: Any, more: Any, files: set[str]
) -> None:
    episode = Episode("e", "press", tuple(step(tools, action, **more) for action in actions), facts)
    found, left_out = tools.written("forge", tmp_path, [episode])
    assert {path.name for path in tmp_path.glob("*.jsonl")} == files
    assert left_out == []
    if more.get("target"):
        assert found[0].steps[0].target == more["target"]


def test_what_the_interface_says_in_other_words(tools: Any, tmp_path: Path) -> None:
    said = {
        act.Scroll("down", None, 0.3333): "scroll(direction='down', amount=33)",
        act.Scroll("up", None, 0.001): "scroll(direction='up', amount=1)",
        act.Wait(0.2): "wait(seconds=1)",
        act.TypeText("it's", Point(0.5, 0.25)): "click(x=0.5, y=0.25) type('it\\'s')",
        act.Copy("x"): "press(keys=['ctrl', 'c'])",
    }
    episode = Episode("e", "do it", tuple(step(tools, action) for action in said))
    tools.written("forge", tmp_path, [episode])
    assert [line["action"] for line in lines_of(tmp_path / REASONING)] == list(said.values())
    assert not any("thought" in line for line in lines_of(tmp_path / REASONING)), "none is made up"


def test_what_it_has_no_word_for_is_refused_whole(tools: Any, tmp_path: Path) -> None:
    bad = Episode("bad", "go", (step(tools, CLICKED), step(tools, act.Select("x", Point(0, 0)))))
    both = dataclasses.replace(
        bad, id="both", steps=tuple(dataclasses.replace(each, elements=(NAMED,)) for each in bad.steps)
    )
    window = Screenshot(tools.png(), Size(40, 30), Box(0, 0, 0.5, 1))
    cut = Episode("cut", "go", (Step(window, (CLICKED,)),))
    with forge.open_writer(tmp_path, source={}, like=bad) as writer:
        with pytest.raises(Refused, match="no call for Select: step 1"):
            writer.write(bad)
        with pytest.raises(Refused, match="window"):
            writer.write(cut)
        (refusal,) = writer.write(both)
    assert refusal.reason == "no call for Select"
    assert not (tmp_path / REASONING).exists()
    assert len(lines_of(tmp_path / GROUNDING)) == 2, "the elements of both screens"


def test_thoughts_can_be_asked_for(tools: Any, tmp_path: Path) -> None:
    thoughtless = Episode("e", "go", (step(tools, act.Home(), thought="so"), step(tools, act.Back())))
    with (
        forge.open_writer(tmp_path, source={}, like=thoughtless, require_thoughts=True) as writer,
        pytest.raises(Refused, match="no thought: step 1"),
    ):
        writer.write(thoughtless)


def test_images_are_linked_where_that_is_asked_for(tools: Any, tmp_path: Path) -> None:
    (first, *_) = aguvis.read(release(tmp_path / "release", tools))
    tools.written("forge", tmp_path / "linked", [first], link=True)
    tools.written("forge", tmp_path / "copied", [first])
    source = first.steps[0].screenshot.source
    assert (tmp_path / "linked/images/part/p.png").samefile(source)
    assert not (tmp_path / "copied/images/part/p.png").samefile(source)
    other = Episode("other", "go", (dataclasses.replace(first.steps[0], elements=()),))
    gone = Screenshot(tmp_path / "gone.png", Size(40, 30))
    with forge.open_writer(tmp_path / "linked", source=tools.SOURCE, like=first, link=True) as writer:
        writer.write(other)
        with pytest.raises(Refused, match="image missing"):
            writer.write(dataclasses.replace(other, steps=(Step(gone, (CLICKED,)),)))


def test_what_was_seen_is_known_after_an_interruption(tools: Any, tmp_path: Path) -> None:
    (first, *_) = aguvis.read(release(tmp_path / "release", tools))
    out = tmp_path / "out"
    writer = forge.open_writer(out, source={}, like=first)
    writer.write(first)
    with (out / ".conversion" / "stage1_grounding.part.jsonl").open("a") as file:
        file.write('{"image_path": "half')  # what a kill leaves
    writer.__exit__(InterruptedError, InterruptedError(), None)
    assert not (out / GROUNDING).exists()
    with forge.open_writer(out, source={}, like=first) as writer:
        assert writer.finished == {first.id}
        assert len(writer.write(dataclasses.replace(first, id="again"))) == 4
    assert len(lines_of(out / GROUNDING)) == 2


def test_a_file_of_somebody_else_is_left_alone(tools: Any, tmp_path: Path) -> None:
    episode = Episode("e", "go", (step(tools, act.Home()),))
    (tmp_path / REASONING).write_text("mine")
    with pytest.raises(Occupied, match="was not written by"):
        forge.open_writer(tmp_path, source={}, like=episode)
    (tmp_path / REASONING).unlink()
    tools.written("forge", tmp_path, [episode])
    with (tmp_path / REASONING).open("a") as file:
        file.write("more\n")
    writer = forge.open_writer(tmp_path, source=tools.SOURCE, like=episode)
    with pytest.raises(Occupied, match="was changed"):
        writer.write(dataclasses.replace(episode, id="f"))
    writer.__exit__(Occupied, Occupied(), None)
    (tmp_path / REASONING).unlink()
    with pytest.raises(Occupied, match="is gone"):
        forge.open_writer(tmp_path, source=tools.SOURCE, like=episode)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_what_was_seen_is_a_set(pairs: list[tuple[int, int]]) -> None:
    seen, known = Seen(), set()
    for pair in pairs:
        assert seen.add(*map(str, pair)) is (pair not in known)
        known.add(pair)
    assert len(seen) == len(known)


def test_a_hundred_thousand_are_told_apart() -> None:
    seen = Seen()
    assert all(seen.add(str(number), "x") for number in range(100_000))
    assert not any(seen.add(str(number), "x") for number in range(0, 100_000, 7))
