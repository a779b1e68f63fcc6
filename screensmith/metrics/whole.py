"""Whether the answer is right as a whole: kinds, places, texts and every other field."""

from __future__ import annotations

from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import NEAR, readable, same_action, target_of


def score(prediction: Prediction, sample: Sample, *, limit: float = NEAR) -> float | None:
    """1 when every action agrees with the expected one at its place in the order, else 0.

    Places are judged as by the metric `click`, texts apart from case and white space. None where no
    action is expected.
    """
    question = sample.questions[0]
    if not question.expected:
        return None
    if not readable(prediction) or len(prediction.actions) != len(question.expected):
        return 0.0
    pairs = enumerate(zip(prediction.actions, question.expected, strict=True))
    return float(
        all(
            same_action(given, wanted, target_of(question, number), limit)
            for number, (given, wanted) in pairs
        )
    )
