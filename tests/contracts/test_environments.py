"""The laws of screensmith/environments/__init__.py, for every environment there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from screensmith.core.actions import points_of
from screensmith.environments import Environment
from screensmith.plugins import UnknownName, load, names, options_of

SAMPLED_TASKS = 6
SEEDS = (0, 3)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=names("environments"))
def environment(request: pytest.FixtureRequest) -> Iterator[Environment]:
    with load("environments", request.param).open() as environment:
        yield environment


def sample(environment: Environment) -> list[str]:
    """Some of the tasks, evenly spread."""
    tasks = sorted(environment.tasks)
    return tasks[:: max(len(tasks) // SAMPLED_TASKS, 1)][:SAMPLED_TASKS]


def some_start(environment: Environment) -> Any:
    return environment.reset((*environment.tasks, "look")[0], 0)


@pytest.mark.parametrize("name", names("environments"))
def test_an_environment_is_opened_with_options_only(name: str) -> None:
    open_environment = load("environments", name).open
    assert "headless" in options_of(open_environment)


def test_tasks_are_unique_and_unknown_ones_are_refused(environment: Environment) -> None:
    assert len(set(environment.tasks)) == len(environment.tasks)
    if environment.tasks:
        with pytest.raises(UnknownName):
            environment.reset("no such task", 0)


def test_doing_nothing_scores_nothing(environment: Environment) -> None:
    some_start(environment)
    assert environment.outcome().reward == 0.0
    for task in sample(environment):
        environment.reset(task, SEEDS[0])
        outcome = environment.outcome()
        assert (outcome.done, outcome.reward) == (False, 0.0), task


def test_the_script_solves_every_task_and_hits_its_targets(environment: Environment) -> None:
    for task in sample(environment):
        for seed in SEEDS:
            environment.reset(task, seed)
            for demonstration in environment.solve():
                points = points_of(demonstration.action)
                if points and demonstration.target is not None:
                    assert demonstration.target.contains(points[0]), (task, seed, demonstration)
                environment.act(demonstration.action)
            outcome = environment.outcome()
            assert (outcome.done, outcome.reward) == (True, 1.0), (task, seed)


def test_the_same_seed_gives_the_same_first_screen(environment: Environment) -> None:
    some_start(environment)
    for task in sample(environment):
        first, other = environment.reset(task, 11), environment.reset(task, 12)
        again = environment.reset(task, 11)
        assert again.goal == first.goal
        assert again.screenshot.size == first.screenshot.size == other.screenshot.size
        assert again.screenshot.read_bytes() == first.screenshot.read_bytes(), task


def test_elements_lie_on_the_screen_and_say_what_they_are(environment: Environment) -> None:
    count = 0
    for task in sample(environment):
        environment.reset(task, SEEDS[0])
        found = environment.elements()
        assert all(element.kind for element in found), task
        assert all(element.box.right > element.box.left for element in found), task
        count += len(found)
    assert count or not environment.tasks
