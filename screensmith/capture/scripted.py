"""Recording scripted demonstrations: an environment's `solve`, played and kept where it succeeds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from screensmith.capture.sink import EpisodeSink
from screensmith.core.episode import Episode, Step
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.environments import CannotAct, Environment, Unsolvable
from screensmith.plugins import suggest

SOURCE = "scripted"
SOLVED_REWARD = 1.0
TRIES_PER_EPISODE = 3
MOST_STEPS = 150

Progress = Callable[[str, int, int], None]
"""Called after every try with the task, the episodes kept of it so far, and how many are wanted."""

logger = logging.getLogger(__name__)


def record_scripted(
    environment: Environment,
    tasks: Sequence[str],
    *,
    episodes_per_task: int,
    first_seed: int,
    store: EpisodeSink,
    progress: Progress | None = None,
    refusals: RefusalLog,
) -> int:
    """Record demonstrations of every task and return how many episodes were kept.

    Seeds are taken in order from `first_seed`. An episode that the script does not solve is refused
    and counted, and further seeds are tried, up to TRIES_PER_EPISODE for every episode wanted. A task
    that stays short of what is wanted is logged as a warning.

    Args:
        environment: the live screen; it is not closed.
        tasks: names among `environment.tasks`.
        episodes_per_task: how many solved episodes to keep of each.
        first_seed: where the seeds begin.
        store: gets each episode as soon as it is finished.
        progress: told of every try.
        refusals: gets every refused episode, and the number of tries.

    Raises:
        screensmith.plugins.UnknownName: a task does not exist; nothing has been recorded then.
        ValueError: there are no tasks, or a number has no meaning.
    """
    _check(environment, tasks, episodes_per_task, first_seed)
    kept = 0
    for task in tasks:
        kept_of_task = 0
        for seed in range(first_seed, first_seed + TRIES_PER_EPISODE * episodes_per_task):
            refusals.consider()
            try:
                store.append(demonstrate(environment, task, seed))
            except Refused as refused:
                refusals.add(episode_id(task, seed), refused.reason, refused.detail)
            else:
                kept_of_task += 1
            if progress is not None:
                progress(task, kept_of_task, episodes_per_task)
            if kept_of_task == episodes_per_task:
                break
        else:
            logger.warning("%s: only %d of %d episodes were solved", task, kept_of_task, episodes_per_task)
        kept += kept_of_task
    return kept


def _check(environment: Environment, tasks: Sequence[str], episodes_per_task: int, first_seed: int) -> None:
    if not tasks:
        raise ValueError("recording needs at least one task")
    if episodes_per_task < 1 or first_seed < 0:
        raise ValueError(
            "episodes_per_task must be at least 1 and first_seed at least 0, "
            f"got {episodes_per_task} and {first_seed}"
        )
    for task in tasks:
        if task not in environment.tasks:
            raise suggest("task", task, list(environment.tasks))


def episode_id(task: str, seed: int) -> str:
    """The id of a demonstration, for example "click-test-00017"."""
    return f"{task}-{seed:05d}"


def demonstrate(environment: Environment, task: str, seed: int) -> Episode:
    """Play the environment's script once.

    Each step holds the screen before its action, the target and the interactive elements of that
    screen, and as facts when (seconds since 1970) the screen was seen and the action begun.

    Raises:
        Refused: the script cannot go on, an action was impossible, or the task was not solved.
    """
    offset = time.time() - time.perf_counter()  # a clock that is not set back halfway

    def now() -> float:
        return offset + time.perf_counter()

    start = environment.reset(task, seed)
    screenshot, frame_time = start.screenshot, now()
    steps: list[Step] = []
    try:
        for demonstration in environment.solve():
            if len(steps) == MOST_STEPS:
                raise Refused("too many steps", f"more than {MOST_STEPS}")
            elements = environment.elements()
            action_time = now()
            after = environment.act(demonstration.action)
            facts = {"frame_time_seconds": frame_time, "action_time_seconds": action_time}
            steps.append(
                Step(
                    screenshot,
                    (demonstration.action,),
                    target=demonstration.target,
                    elements=elements,
                    facts=facts,
                )
            )
            screenshot, frame_time = after, now()
    except Unsolvable as error:
        raise Refused("unsolvable", str(error)) from error
    except CannotAct as error:
        raise Refused("action not possible", str(error)) from error
    outcome = environment.outcome()
    if not steps or not outcome.done or outcome.reward < SOLVED_REWARD:
        state = "over" if outcome.done else "not over"
        raise Refused("not solved", f"{state} after {len(steps)} steps with reward {outcome.reward:.3f}")
    return Episode(
        episode_id(task, seed),
        start.goal,
        tuple(steps),
        {
            "task": task,
            "seed": seed,
            "reward": outcome.reward,
            "source": SOURCE,
            "environment": type(environment).__module__.rsplit(".", maxsplit=1)[-1],
        },
    )
