"""How many words the target of the answer's operation shares with the expected one."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._operations import expected_operation, given_operation, has_target, words_f1


def score(prediction: Prediction, sample: Sample) -> float | None:
    """F1 of the two targets as bags of words, 0 to 1, without case and punctuation.

    None where no target is expected. The operation's name does not count.
    """
    expected = expected_operation(sample)
    if expected is None or not has_target(expected):
        return None
    given = given_operation(prediction)
    return 0.0 if given is None else words_f1(given.target, expected.target)
