"""The laws of readers; every file in screensmith/readers must have an example here."""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.core.actions import Click, Drag, TypeText, points_of
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog


def write_mds(folder: Path) -> int:
    """Two good episodes and one of which nothing can be used; returns how many are good."""
    from screensmith.capture.store import EpisodeStore

    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), "teal").save(buffer, "PNG")
    screenshot = Screenshot(buffer.getvalue(), Size(80, 60))
    click = Step(screenshot, (Click(Point(0.2, 0.9)),), target=Box(0.1, 0.8, 0.3, 1.0))
    drag = Step(screenshot, (Drag(Point(0, 0), Point(1, 1)), TypeText("x")), target=Box(0, 0, 0.1, 0.1))
    beside = Step(screenshot, (Click(Point(0.2, 0.9)),), target=Box(0, 0, 0.1, 0.1))
    with EpisodeStore(folder) as store:
        store.append(Episode("a", "press", (click, drag)))
        store.append(Episode("a", "press again", (click,)))
        store.append(Episode("b", "miss", (beside,)))
    return 2


EXAMPLES: dict[str, Callable[[Path], int]] = {"mds": write_mds}


def test_every_reader_has_an_example():
    assert sorted(EXAMPLES) == plugins.names("readers")


@pytest.fixture(params=sorted(EXAMPLES))
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader's function, and the folder of its example with the number of good episodes in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    folder = tmp_path / "data"
    good = EXAMPLES[request.param](folder)
    return plugins.load("readers", request.param).read, folder, good


def test_options_are_keywords_and_refusals_can_be_collected(example):
    read, _, _ = example
    parameters = list(inspect.signature(read).parameters.values())
    assert [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY] == [
        "root"
    ]
    assert "refusals" in plugins.options_of(read)
    assert inspect.getdoc(read)


def test_twice_the_same_and_it_can_be_sent_to_a_worker(example):
    read, folder, good = example
    first = read(str(folder))
    assert isinstance(first, Sequence)
    assert len(first) == good
    assert list(read(str(folder))) == list(first)
    assert pickle.loads(pickle.dumps(first)) == first


def test_ids_are_unique_goals_are_said_and_steps_are_there(example):
    read, folder, _ = example
    episodes = read(str(folder))
    assert len({episode.id for episode in episodes}) == len(episodes)
    assert all(episode.goal.strip() and episode.steps for episode in episodes)


def test_screenshots_can_be_read_and_have_their_size(example):
    read, folder, _ = example
    for step in (step for episode in read(str(folder)) for step in episode.steps):
        with Image.open(io.BytesIO(step.screenshot.read_bytes())) as image:
            image.load()
            assert image.size == (step.screenshot.size.width, step.screenshot.size.height)


def test_the_first_point_lies_in_the_target(example):
    read, folder, _ = example
    for step in (step for episode in read(str(folder)) for step in episode.steps):
        places = points_of(step.actions[0])
        assert step.target is None or not places or step.target.contains(places[0])


def test_what_is_refused_is_counted_with_its_reason(example):
    read, folder, _ = example
    log = RefusalLog()
    read(str(folder), refusals=log)
    assert len(log) > 0, "the example should hold something that is refused"
    assert log.considered >= len(log)
    assert all(refusal.id and refusal.reason for refusal in log)
    assert len({refusal.id for refusal in log}) == len(log)


def test_a_place_that_holds_nothing_is_an_error_that_names_it(example, tmp_path):
    read, _, _ = example
    with pytest.raises(ValueError, match="nowhere"):
        read(str(tmp_path / "nowhere"))
