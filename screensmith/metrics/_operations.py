"""What an answer and its sample say as an operation, for the metrics of task results.

An operation is only judged by what the sample knows: without a name, a target or a place that was
expected there is nothing to be right about, so nothing never equals nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from screensmith.core.actions import Operate
from screensmith.core.geometry import Box
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Sample
from screensmith.metrics._answers import only_action
from screensmith.metrics._matching import same_text

_WORD = re.compile(r"\w+")


def expected_operation(sample: Sample) -> Operate | None:
    """The one operation that is expected, None where none with a name is."""
    expected = sample.questions[0].expected
    if len(expected) != 1 or not isinstance(expected[0], Operate):
        return None
    return None if same_text(expected[0].name, "") else expected[0]


def given_operation(prediction: Prediction) -> Operate | None:
    """The one operation of an answer; None when it is unreadable or something else."""
    action = only_action(prediction)
    return action if isinstance(action, Operate) else None


def has_target(operation: Operate) -> bool:
    """Whether an operation says in words what it is done on."""
    return not same_text(operation.target, "")


def known_place(sample: Sample) -> Box | None:
    """The box to hit, where both it and a place of the expected operation are known."""
    operation = expected_operation(sample)
    if operation is None or operation.at is None:
        return None
    box = sample.questions[0].target
    return box if box is not None and box.contains(operation.at) else None


def words_f1(text: str, expected: str) -> float:
    """F1 of two texts as bags of words without case and punctuation, 0 to 1.

    Where the expected text has no word at all ("+"), the texts must be equal apart from case and space.
    """
    given, wanted = _words(text), _words(expected)
    if not wanted:
        return float(same_text(text, expected))
    shared = sum((given & wanted).values())
    # One division of whole numbers: a half is a half, where precision and recall would leave noise.
    return 2 * shared / (given.total() + wanted.total())


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(unicodedata.normalize("NFC", text).casefold()))
