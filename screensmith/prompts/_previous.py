"""What was done before a step, as numbered lines."""

from __future__ import annotations

from screensmith.core.episode import Step
from screensmith.core.geometry import Size
from screensmith.core.sample import Sample
from screensmith.dialects import Dialect


def previous_actions(sample: Sample, dialect: Dialect, seen: Size) -> list[str]:
    """A line for each action before a sample: in the record's own words, or else of the steps it shows."""
    recorded = sample.facts.get("previous_actions")
    if recorded is None:
        recorded = [_in_words(step, dialect, seen) for step in sample.history]
    return [f"Step {number}: {words}" for number, words in enumerate(recorded, start=1)]


def _in_words(step: Step, dialect: Dialect, seen: Size) -> str:
    said = step.facts.get("action_text")
    return str(said) if said else dialect.render(step.actions, seen).replace("\n", " ")
