"""Whether the answer's operation is done inside the target's box."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._operations import given_operation, known_place


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the place lies inside the box, edges included, else 0; without a place 0.

    None where the sample does not know both a box and an expected place in it. The operation's name
    does not count.
    """
    box = known_place(sample)
    if box is None:
        return None
    given = given_operation(prediction)
    return float(given is not None and given.at is not None and box.contains(given.at))
