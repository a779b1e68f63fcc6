"""Whether the answer types, selects or says the expected text."""

from __future__ import annotations

from collections.abc import Iterable

from screensmith.core.actions import Action, Answer, Select, TypeText
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._matching import readable, same_text


def score(prediction: Prediction, sample: Sample) -> float | None:
    """1 when the texts are equal apart from case and white space, in order, else 0.

    An empty answer to a text is wrong. None where no text is expected.
    """
    expected = _texts(sample.questions[0].expected)
    if not expected:
        return None
    given = _texts(prediction.actions) if readable(prediction) else []
    if len(given) != len(expected):
        return 0.0
    return float(all(same_text(text, wanted) for text, wanted in zip(given, expected, strict=True)))


def _texts(actions: Iterable[Action]) -> list[str]:
    texts: list[str] = []
    for action in actions:
        match action:
            case TypeText(text=text) | Answer(text=text) | Select(option=text):
                texts.append(text)
            case _:
                pass
    return texts
