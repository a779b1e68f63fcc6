"""MiniWoB++ as SeeClick, and ShowUI after it, plays it: 55 tasks, ten episodes each, live in a browser.

An episode has at most 10 answers, on three tasks 30, and succeeds with a raw reward above 0.8, without
decay over time. The headline is the mean of the tasks' success rates. Source: formats.md 5.4;
docs/metrics.md says what differs here, and where the list of tasks comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

from screensmith import plugins
from screensmith.benchmarks import LiveBenchmark
from screensmith.benchmarks._parts import DIALECT, PROMPT_NAVIGATION, published
from screensmith.data.known_sets import known_set

HEADLINE = "mean of tasks"
EPISODES = 10
MAX_STEPS = 10
MAX_STEPS_OF = {"choose-date": 30, "guess-number": 30, "use-slider": 30}
SUCCESS_ABOVE = 0.8

# Named by a public evaluation that looks each of them up in the same release.
CONFIRMED = (
    "choose-date click-button click-button-sequence click-checkboxes click-checkboxes-large "
    "click-checkboxes-soft click-checkboxes-transfer click-collapsible click-collapsible-2 click-color "
    "click-dialog click-dialog-2 click-link click-option click-pie click-shades click-shape click-tab "
    "click-tab-2 click-tab-2-hard click-test click-test-2 click-widget count-shape enter-date "
    "grid-coordinate identify-shape navigate-tree simple-algebra simple-arithmetic text-transform "
    "tic-tac-toe unicode-test use-autocomplete use-slider"
).split()
# What is left of the tasks that the demonstrations were recorded from; the release may name others.
RECONSTRUCTED = (
    "copy-paste copy-paste-2 email-inbox email-inbox-forward-nl email-inbox-forward-nl-turk "
    "email-inbox-nl-turk enter-password enter-text enter-text-dynamic enter-time find-word focus-text "
    "focus-text-2 guess-number login-user login-user-popup multi-layouts multi-orderings search-engine "
    "use-spinner"
).split()

TASKS_FROM = (
    f"{len(CONFIRMED)} that a public evaluation names, {len(RECONSTRUCTED)} reconstructed; "
    "--data DIR takes the release's own"
)

RECALLED = "recalled from the papers, unverified"
PUBLISHED = published(
    HEADLINE, RECALLED, {"SeeClick": 67.0, "ShowUI-2B": 71.5, "ShowUI-2B, zero-shot": 27.1}
)


def benchmark(*, history_steps: int = 4, success_above: float = SUCCESS_ABOVE) -> LiveBenchmark:
    """The benchmark.

    Args:
        history_steps: how many steps before the one asked about are shown.
        success_above: the reward that a success is above; other projects count any above 0.
    """
    known = known_set("miniwob")
    return LiveBenchmark(
        name="miniwob",
        environment="miniwob",
        tasks=tuple(sorted([*CONFIRMED, *RECONSTRUCTED])),
        tasks_from=TASKS_FROM,
        read_tasks=tasks_of_release,
        episodes=EPISODES,
        max_steps=MAX_STEPS,
        max_steps_of=MAX_STEPS_OF,
        success_above=success_above,
        prompt=PROMPT_NAVIGATION,
        prompt_options={"device": known.device},
        dialect=DIALECT,
        dialect_options={"space": known.space},
        history_steps=history_steps,
        policy={"reward": "raw, without decay", "headline": "mean of the tasks' success rates"},
        published=tuple(PUBLISHED),
    )


def tasks_of_release(root: str) -> Sequence[str]:
    """The tasks that the release's demonstrations are of, in its order.

    Raises:
        ValueError: there is no such data set, or nothing in it can be used.
    """
    stream = plugins.load("readers", "miniwob").stream
    tasks = dict.fromkeys(str(episode.steps[0].facts["task"]) for episode in stream(root))
    if not tasks:
        raise ValueError(f"{root}: no usable demonstration, so no task is known from it")
    return tuple(tasks)
