"""Whether the answer's actions are of the expected kinds, in the same order."""

from __future__ import annotations

from screensmith.core.actions import kind_of
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import readable


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the kinds are equal, else 0; None where no action is expected."""
    expected = sample.questions[0].expected
    if not expected:
        return None
    kinds = [kind_of(action) for action in prediction.actions] if readable(prediction) else []
    return float(kinds == [kind_of(action) for action in expected])
