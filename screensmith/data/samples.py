"""Episodes become samples: one decision each, with the steps before it as history."""

from __future__ import annotations

from collections.abc import Sequence

from screensmith.core.episode import Episode
from screensmith.core.sample import Question, Sample

ONLY_HISTORY = "only_history"


def samples_of(episodes: Sequence[Episode], *, history_steps: int) -> list[Sample]:
    """Every step of every episode as a sample, in order; pixels stay unread.

    A step with the fact "only_history" is shown as history and is no sample: a data set's row told of it,
    and has no row for it.

    Args:
        episodes: where the steps come from.
        history_steps: how many of the steps before a step it is shown with; 0 for none.
    """
    return [
        _sample(episode, number, history_steps)
        for episode in episodes
        for number, step in enumerate(episode.steps)
        if not step.facts.get(ONLY_HISTORY)
    ]


def _sample(episode: Episode, number: int, history_steps: int) -> Sample:
    step = episode.steps[number]
    return Sample(
        id=f"{episode.id}#{number}",
        goal=episode.goal,
        screenshot=step.screenshot,
        questions=(
            Question(
                step.instruction,
                step.actions,
                step.target,
                thought=step.thought,
                memory=step.memory_after,
            ),
        ),
        history=episode.steps[max(0, number - history_steps) : number] if history_steps else (),
        elements=step.elements,
        memory=step.memory,
        facts={**episode.facts, **step.facts},
    )
