"""The laws of writers; every file in screensmith/writers must have an example here."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screensmith import plugins
from screensmith.core import actions as act
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.operations import as_operation
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.writers import Occupied

SIZE = Size(64, 48)
SOURCE = {"reader": "law", "fingerprint": "1"}


def encoded(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (SIZE.width, SIZE.height), colour).save(buffer, "JPEG")
    return buffer.getvalue()


IMAGES = [encoded(colour) for colour in ("teal", "navy", "white")]
fractions = st.floats(0, 1).map(lambda value: round(value, 4))
points = st.builds(Point, fractions, fractions)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
names = texts.filter(lambda text: text.strip() == text != "")
screenshots = st.builds(Screenshot, st.sampled_from(IMAGES), st.just(SIZE))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, top = draw(st.integers(0, 50)), draw(st.integers(0, 40))
    return Box(
        left / 64, top / 48, (left + draw(st.integers(1, 13))) / 64, (top + draw(st.integers(1, 7))) / 48
    )


@st.composite
def grounding(draw: st.DrawFn) -> Step:
    found = draw(st.lists(st.tuples(boxes(), names), min_size=1, max_size=3, unique=True))
    kinds = st.sampled_from(["", "text", "icon"])
    elements = tuple(Element(box, text, draw(kinds), box.centre) for box, text in found)
    first = elements[0]
    return Step(draw(screenshots), (act.Click(first.at),), first.text, "", first.box, elements)


navigation_actions = st.one_of(
    st.builds(act.Click, points),
    st.builds(act.Hover, points),
    st.builds(act.TypeText, texts, st.none() | points),
    st.builds(act.Select, texts, points),
    st.just(act.PressKeys(("Enter",))),
    st.builds(act.Scroll, st.sampled_from(["up", "down", "left", "right"])),
    st.builds(act.Swipe, points, points),
    st.builds(act.Drag, points, points),
    st.builds(act.Answer, texts),
    st.just(act.Back()),
    st.just(act.Home()),
    st.builds(act.Finish, st.sampled_from(["success", "failure"])),
)
any_actions = st.one_of(
    navigation_actions,
    st.builds(act.LongPress, points),
    st.builds(act.Wait, st.floats(0, 60)),
    st.builds(act.Visit, texts),
    st.builds(act.Click, points, st.sampled_from(["left", "right"]), st.integers(1, 2)),
)
seeclick_actions = st.one_of(
    st.builds(act.Click, points),
    st.builds(act.TypeText, texts),
    st.builds(act.Scroll, st.sampled_from(["up", "down", "left", "right"])),
    st.sampled_from([act.Back(), act.Home(), act.PressKeys(("Enter",)), act.Finish("success")]),
)


forge_actions = st.one_of(
    st.builds(act.Click, points),
    st.builds(act.Click, points, st.just("right")),
    st.builds(act.Click, points, st.just("left"), st.just(2)),
    st.builds(act.LongPress, points),
    st.builds(act.Hover, points),
    st.builds(act.Drag, points, points),
    st.builds(act.Swipe, points, points),
    st.builds(act.TypeText, texts),
    st.builds(
        act.Scroll,
        st.sampled_from(["up", "down", "left", "right"]),
        st.none() | points,
        st.none() | st.integers(1, 300).map(lambda amount: amount / 100),
    ),
    st.builds(act.Wait, st.integers(0, 60).map(float)),
    st.builds(act.OpenApp, names),
    st.builds(act.Answer, names.filter(lambda text: text not in ("success", "failure", "fail"))),
    st.sampled_from([act.Back(), act.Home(), act.PressKeys(("Control", "a")), act.Finish("failure")]),
)


operations = st.one_of(
    navigation_actions.filter(lambda action: not isinstance(action, act.Drag)),
    st.builds(act.LongPress, points),
    st.builds(act.Wait, st.floats(0, 60)),
    st.builds(act.Operate, st.sampled_from(["ZOOM", "SEGMENT"]), texts, st.none() | points),
)


@st.composite
def everything(draw: st.DrawFn) -> Step:
    step = draw(grounding())
    facts = draw(st.dictionaries(names, st.none() | fractions | texts | st.lists(texts), max_size=2))
    window = draw(st.none() | boxes())
    shot = dataclasses.replace(step.screenshot, window=window)
    memory = draw(st.none() | st.dictionaries(names, texts, max_size=2))
    more = tuple(draw(st.lists(any_actions, max_size=2)))
    return dataclasses.replace(
        step,
        screenshot=shot,
        facts=facts,
        memory=memory,
        thought=draw(texts),
        actions=(*step.actions, *more),
    )


def steps_of(actions: st.SearchStrategy[act.Action]) -> st.SearchStrategy[Step]:
    return st.builds(lambda shot, action: Step(shot, (action,)), screenshots, actions)


def thoughtful() -> st.SearchStrategy[Step]:
    return st.builds(
        lambda shot, action, thought: Step(shot, (action,), thought=thought),
        screenshots,
        forge_actions,
        texts,
    )


def episodes_of(
    steps: st.SearchStrategy[Step], most_steps: int, facts: dict[str, Any]
) -> st.SearchStrategy[list[Episode]]:
    """Up to four episodes with different ids; the goal of a grounding one is its first element's text."""

    def made(drawn: list[tuple[list[Step], str]]) -> list[Episode]:
        return [
            Episode(f"e/{number}", steps[0].instruction or goal, tuple(steps), facts)
            for number, (steps, goal) in enumerate(drawn)
        ]

    one = st.tuples(st.lists(steps, min_size=1, max_size=most_steps), names)
    return st.lists(one, min_size=1, max_size=4).map(made)


@dataclass(frozen=True)
class Example:
    """A format: what it can say, and an episode as it keeps it (seen must be equal on both sides)."""

    writer: str
    episodes: st.SearchStrategy[list[Episode]]
    kept: Callable[[Step], tuple[Any, ...]]
    ids: bool = False
    joined: bool = True


def seen(step: Step) -> tuple[Any, ...]:
    return step.screenshot.read_bytes(), step.screenshot.size, step.actions


def all_of(step: Step) -> tuple[Any, ...]:
    own = ("frame_time_seconds", "action_time_seconds")
    facts = {key: value for key, value in step.facts.items() if key not in own}
    rest = step.instruction, step.thought, step.target, step.elements, step.memory, facts
    return (*seen(step), step.screenshot.window, *rest)


def rounded(step: Step) -> tuple[Any, ...]:
    """SeeClick rounds to three and then to two decimals."""
    action = act.move_points(
        step.actions[0], lambda p: Point(float(f"{round(p.x, 3):.2f}"), float(f"{round(p.y, 3):.2f}"))
    )
    return step.screenshot.read_bytes(), action


def forged(step: Step) -> tuple[Any, ...]:
    """The forge's points have four decimals; its elements have no place but their point and box."""

    def four(point: Point) -> Point:
        return Point(round(point.x, 4), round(point.y, 4))

    elements = tuple(dataclasses.replace(element, point=four(element.at)) for element in step.elements)
    actions = tuple(act.move_points(action, four) for action in step.actions)
    shot = step.screenshot
    return shot.read_bytes(), shot.size, actions, step.instruction, step.target, step.thought, elements


def operated(step: Step) -> tuple[Any, ...]:
    """Task results hold operations, in thousandths of a pixel."""
    operation = as_operation(step.actions[0])
    assert operation is not None
    at = operation.at
    place = None if at is None else (round(at.x * SIZE.width, 3), round(at.y * SIZE.height, 3))
    return step.screenshot.read_bytes(), step.screenshot.size, operation.name, operation.target, place


EXAMPLES = {
    "mds": Example("mds", episodes_of(everything(), 2, {"dataset": "any"}), all_of, ids=True),
    "showui": Example(
        "showui",
        episodes_of(grounding(), 1, {"dataset": "showui_desktop"}),
        lambda step: (*seen(step), step.instruction, step.target, step.elements),
    ),
    "showui navigation": Example("showui", episodes_of(steps_of(navigation_actions), 3, {}), seen),
    "task_results": Example("task_results", episodes_of(steps_of(operations), 3, {}), operated),
    "forge": Example("forge", episodes_of(grounding(), 1, {"dataset": "any"}), forged),
    "forge steps": Example("forge", episodes_of(thoughtful(), 3, {"stage": 2}), forged),
    "seeclick": Example("seeclick", episodes_of(steps_of(seeclick_actions), 3, {}), rounded, joined=False),
}


def write(example: Example, out: Path, episodes: list[Episode], **options: Any) -> Any:
    module = plugins.load("writers", example.writer)
    with module.open_writer(out, source=SOURCE, like=episodes[0], **options) as writer:
        for episode in episodes:
            if episode.id not in writer.finished:
                writer.write(episode)
    return writer


def read(writer: Any) -> list[Episode]:
    log = RefusalLog()
    found = []
    for episode in writer.read_back(log):
        shots = [
            dataclasses.replace(step.screenshot, source=step.screenshot.read_bytes())
            for step in episode.steps
        ]
        steps = [
            dataclasses.replace(step, screenshot=shot)
            for step, shot in zip(episode.steps, shots, strict=True)
        ]
        found.append(dataclasses.replace(episode, steps=tuple(steps)))
    assert list(log) == []
    return found


def test_every_writer_has_an_example() -> None:
    assert sorted({example.writer for example in EXAMPLES.values()}) == plugins.names("writers")


@pytest.mark.parametrize("name", sorted(plugins.names("writers")))
def test_options_are_keywords_and_say_what_they_are(name: str) -> None:
    function = plugins.load("writers", name).open_writer
    assert {"source", "like"} <= set(plugins.options_of(function))
    assert function.__doc__


@pytest.mark.parametrize("name", sorted(EXAMPLES))
@settings(max_examples=12)
@given(data=st.data())
def test_what_is_written_is_read_back(name: str, data: st.DataObject) -> None:
    example = EXAMPLES[name]
    episodes = data.draw(example.episodes)
    with tempfile.TemporaryDirectory() as folder:
        writer = write(example, Path(folder), episodes)
        found = read(writer)
        assert writer.written.steps == sum(len(episode.steps) for episode in found)
        if example.joined:
            assert len(found) == len(episodes)
            assert [episode.goal for episode in found] == [episode.goal for episode in episodes]
        if example.ids:
            assert [episode.id for episode in found] == [episode.id for episode in episodes]
        steps = [example.kept(step) for episode in found for step in episode.steps]
        assert steps == [example.kept(step) for episode in episodes for step in episode.steps]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
@settings(max_examples=8)
@given(data=st.data())
def test_broken_off_anywhere_and_continued_it_is_as_if_nothing_had_happened(
    name: str, data: st.DataObject
) -> None:
    example = EXAMPLES[name]
    episodes = data.draw(example.episodes)
    stops = data.draw(st.lists(st.integers(0, len(episodes)), max_size=3))
    module = plugins.load("writers", example.writer)
    with tempfile.TemporaryDirectory() as once, tempfile.TemporaryDirectory() as often:
        for stop in stops:
            writer = module.open_writer(Path(often), source=SOURCE, like=episodes[0])
            for episode in episodes[:stop]:
                if episode.id not in writer.finished:
                    writer.write(episode)
            writer.__exit__(InterruptedError, InterruptedError(), None)
        found = read(write(example, Path(often), episodes))
        wanted = read(write(example, Path(once), episodes))
        assert [episode.goal for episode in found] == [episode.goal for episode in wanted]
        assert [example.kept(step) for episode in found for step in episode.steps] == [
            example.kept(step) for episode in wanted for step in episode.steps
        ]


def small(example: Example) -> list[Episode]:
    """The simplest episodes of an example."""
    click = Element(Box(0.1, 0.1, 0.2, 0.2), "a")
    shot = Screenshot(IMAGES[0], SIZE)
    if example.writer == "seeclick" or "navigation" in str(example):
        return [Episode("e", "a", (Step(shot, (act.Back(),)),))]
    step = Step(shot, (act.Click(click.at),), "a", "", click.box, (click,))
    return [Episode("e", "a", (step,))]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_another_source_is_refused_and_nothing_changes(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    episodes = small(example)
    writer = write(example, tmp_path, episodes)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    module = plugins.load("writers", example.writer)
    with pytest.raises(Occupied, match=r"another source \(fingerprint was '1', is '2'\)"):
        module.open_writer(tmp_path, source={**SOURCE, "fingerprint": "2"}, like=episodes[0])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert len(read(writer)) == 1


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_two_cannot_write_the_same_at_once(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    episodes = small(example)
    module = plugins.load("writers", example.writer)
    with (
        module.open_writer(tmp_path, source=SOURCE, like=episodes[0]),
        pytest.raises(Occupied, match="another conversion is writing"),
    ):
        module.open_writer(tmp_path, source=SOURCE, like=episodes[0])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_cannot_be_read_is_refused_and_the_rest_is_written(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    (good,) = small(example)
    shot = Screenshot(tmp_path / "absent.jpg", SIZE)
    bad = dataclasses.replace(
        good, id="bad", steps=tuple(dataclasses.replace(step, screenshot=shot) for step in good.steps)
    )
    module = plugins.load("writers", example.writer)
    with module.open_writer(tmp_path / "out", source=SOURCE, like=good) as writer:
        with pytest.raises(Refused, match="image missing"):
            writer.write(bad)
        writer.write(good)
    assert len(read(writer)) == writer.written.episodes == 1
