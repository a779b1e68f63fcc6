from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from PIL import Image

from screensmith.core.actions import Back, Click, Finish, Home, TypeText, Visit, points_of
from screensmith.core.geometry import Point, Size
from screensmith.environments import CannotAct, Outcome, Unsolvable, miniwob
from screensmith.environments._chromium import chromium
from screensmith.environments._miniwob_solvers import SOLVERS
from screensmith.environments.miniwob import MiniWoB
from screensmith.plugins import UnknownName

SIZE = Size(160, 210)


@pytest.fixture(scope="module")
def environment() -> Iterator[MiniWoB]:
    with miniwob.open() as environment:
        yield environment


def play(environment: MiniWoB, task: str, seed: int) -> Outcome:
    """Solve the task, checking that every action is on its target."""
    environment.reset(task, seed)
    for demonstration in environment.solve():
        points = points_of(demonstration.action)
        if points and demonstration.target is not None:
            assert demonstration.target.contains(points[0]), demonstration
        shot = environment.act(demonstration.action)
        assert shot.size == SIZE
    return environment.outcome()


def test_at_least_a_hundred_tasks_have_a_page_and_a_script() -> None:
    pages = miniwob._pages_folder()
    assert len(SOLVERS) >= 100
    assert [task for task in SOLVERS if not (pages / f"{task}.html").is_file()] == []


def test_a_viewport_that_would_change_the_page_is_refused() -> None:
    with pytest.raises(ValueError, match=r"viewport of 160x320.*larger than 160x210"):
        miniwob.open(viewport_width=160)


@pytest.mark.browser
def test_the_screen_is_the_task_area_and_nothing_else(environment: MiniWoB) -> None:
    start = environment.reset("click-test-2", 7)
    assert start.goal == "Click button ONE."
    assert start.screenshot.size == SIZE
    with Image.open(io.BytesIO(start.screenshot.read_bytes())) as image:
        assert (image.format, image.size) == ("PNG", (160, 210))
        assert image.convert("RGB").getpixel((80, 40)) == (255, 255, 0)  # the goal's yellow
        assert image.convert("RGB").getpixel((159, 209)) == (255, 255, 255)
    assert [(each.kind, each.text) for each in environment.elements()] == [
        ("button", "ONE"),
        ("button", "TWO"),
    ]


@pytest.mark.browser
def test_a_wrong_answer_ends_the_episode_with_nothing(environment: MiniWoB) -> None:
    environment.reset("click-test-2", 7)
    wrong = next(each for each in environment.elements() if each.text == "TWO")
    environment.act(Click(wrong.box.centre))
    assert environment.outcome() == Outcome(done=True, reward=0.0)
    right = next(each for each in environment.elements() if each.text == "ONE")
    environment.act(Click(right.box.centre))
    assert environment.outcome() == Outcome(done=True, reward=0.0)


@pytest.mark.browser
def test_giving_up_ends_the_episode(environment: MiniWoB) -> None:
    environment.reset("enter-text", 0)
    environment.act(Finish("success"))
    assert environment.outcome() == Outcome(done=True, reward=0.0)
    environment.reset("enter-text", 0)
    assert environment.outcome() == Outcome(done=False, reward=0.0)


@pytest.mark.browser
def test_there_is_nowhere_to_go(environment: MiniWoB) -> None:
    environment.reset("click-test", 0)
    for action in (Back(), Home(), Visit("https://example.org")):
        with pytest.raises(CannotAct):
            environment.act(action)
    assert environment.outcome() == Outcome(done=False, reward=0.0)


@pytest.mark.browser
def test_leaving_the_page_ends_the_episode_with_nothing(environment: MiniWoB) -> None:
    environment.reset("guess-number", 3)
    environment._page.goto("about:blank")
    environment.act(TypeText("x"))
    assert environment.outcome() == Outcome(done=True, reward=0.0)


@pytest.mark.browser
def test_unknown_tasks_and_acting_too_early_are_said(environment: MiniWoB) -> None:
    with pytest.raises(UnknownName, match="did you mean 'click-test'"):
        environment.reset("click-tset", 0)
    with miniwob.open() as fresh, pytest.raises(RuntimeError, match="call reset"):
        fresh.act(Click(Point(0.5, 0.5)))


@pytest.mark.browser
def test_eight_screens_share_one_browser_and_nothing_else() -> None:
    with ExitStack() as resources:
        browser = resources.enter_context(chromium())
        others = len(browser.contexts)
        screens = [resources.enter_context(miniwob.open()) for _ in range(8)]
        assert len(browser.contexts) == others + 8
        goals = [screen.reset("enter-text", seed).goal for seed, screen in enumerate(screens[:3])]
        assert len(set(goals)) == 3
        for demonstration in screens[1].solve():
            screens[1].act(demonstration.action)
        assert [screen.outcome().reward for screen in screens[:3]] == [0, 1, 0]


@pytest.mark.browser
@pytest.mark.parametrize(
    "task",
    [
        "choose-list",
        "circle-center",
        "click-collapsible-2",
        "click-shape",
        "copy-paste",
        "count-sides",
        "drag-box",
        "email-inbox-forward-nl",
        "highlight-text",
        "login-user-popup",
        "navigate-tree",
        "scroll-text-2",
        "social-media",
        "use-autocomplete",
    ],
)
def test_scripts_solve_their_tasks_hitting_their_targets(environment: MiniWoB, task: str) -> None:
    assert play(environment, task, 1) == Outcome(done=True, reward=1.0)


def test_a_page_without_a_script_can_be_played_but_not_solved(environment: MiniWoB) -> None:
    assert {"click-pie", "tic-tac-toe", "drag-items"} <= set(environment.unscripted)
    assert not {"chase-circle", *environment.tasks} & set(environment.unscripted)
    start = environment.reset("tic-tac-toe", 3)
    assert "tic-tac-toe" in start.goal
    assert environment.act(Click(Point(0.5, 0.6))).size == start.screenshot.size
    assert environment.outcome().reward == 0
    with pytest.raises(Unsolvable, match="no script for tic-tac-toe"):
        next(environment.solve())
    with pytest.raises(UnknownName, match="chase-circle"):
        environment.reset("chase-circle", 0)
