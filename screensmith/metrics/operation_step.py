"""Whether a step of a task is right as a whole: name, target, and place where it is known."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics import operation_name, operation_place, operation_target


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the name is right, and the target and the place are where they are known, else 0.

    None where not exactly one operation with a name is expected.
    """
    named = operation_name.score(prediction, sample)
    if named is None:
        return None
    parts = (operation_target.score(prediction, sample), operation_place.score(prediction, sample))
    return float(named == 1.0 and all(part in (None, 1.0) for part in parts))
