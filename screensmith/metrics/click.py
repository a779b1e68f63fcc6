"""Whether the answer points at the right places, whatever it does there."""

from __future__ import annotations

from screensmith.core.actions import points_of
from screensmith.core.geometry import Box, Point
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import NEAR, hits, readable, target_of


def score(prediction: Prediction, sample: Sample, *, limit: float = NEAR) -> float | None:
    """1 when the answer names as many places as expected and each is good, else 0.

    The first place of the first action is good inside the question's target (edges included) where
    the target is known; every other place is good at most `limit` away from the expected one, in
    fractions of the screen. None where no expected action names a place.
    """
    question = sample.questions[0]
    expected: list[tuple[Point, Box | None]] = []
    for number, action in enumerate(question.expected):
        for order, point in enumerate(points_of(action)):
            expected.append((point, target_of(question, number) if order == 0 else None))
    if not expected:
        return None
    if not readable(prediction):
        return 0.0
    given = [point for action in prediction.actions for point in points_of(action)]
    if len(given) != len(expected):
        return 0.0
    pairs = zip(given, expected, strict=True)
    return float(all(hits(point, wanted, target, limit) for point, (wanted, target) in pairs))
