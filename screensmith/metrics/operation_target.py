"""Whether the answer's operation is done on what is expected, in words."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import same_text
from screensmith.metrics._operations import expected_operation, given_operation, has_target


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the targets are equal apart from case, white space and Unicode composition, else 0.

    None where no target is expected. The operation's name does not count.
    """
    expected = expected_operation(sample)
    if expected is None or not has_target(expected):
        return None
    given = given_operation(prediction)
    return float(given is not None and same_text(given.target, expected.target))
