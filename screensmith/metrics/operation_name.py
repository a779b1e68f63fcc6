"""Whether the answer is an operation with the expected name ("CLICK", "ZOOM")."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import same_text
from screensmith.metrics._operations import expected_operation, given_operation


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the names are equal apart from case and white space, else 0.

    None where not exactly one operation with a name is expected: an answer without a name is never
    right.
    """
    expected = expected_operation(sample)
    if expected is None:
        return None
    given = given_operation(prediction)
    return float(given is not None and same_text(given.name, expected.name))
