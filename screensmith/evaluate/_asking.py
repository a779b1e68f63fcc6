"""Asking a policy in batches, so that a sample it has no words for costs one answer and not the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.refusals import Refused
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Unsupported

NOT_ASKED = "cannot be asked"
"""How the problem of a sample begins that the checkpoint's dialect or prompt has no words for."""


class Asking:
    """Asks in batches of at most `batch` and tells `on_batch` how many of `total` samples are answered.

    What is expected of a sample does not reach the policy.
    """

    def __init__(
        self, policy: BatchPolicy, batch: int, total: int, on_batch: Callable[[int, int], None] | None
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch must be at least 1, got {batch}")
        self._policy, self._batch, self._total, self._on_batch = policy, batch, total, on_batch
        self._answered = 0

    def __call__(self, samples: Sequence[Sample]) -> list[Prediction]:
        """The answers, in the order of the samples.

        Raises:
            ValueError: the policy gave another number of answers than it was asked for.
        """
        found: list[Prediction] = []
        for start in range(0, len(samples), self._batch):
            asked = [_without_answer(sample) for sample in samples[start : start + self._batch]]
            found += answers_of(self._policy, asked)
            self._answered += len(asked)
            if self._on_batch is not None:
                self._on_batch(self._answered, self._total)
        return found


def answers_of(policy: BatchPolicy, samples: Sequence[Sample]) -> list[Prediction]:
    """The policy's answers; a sample that cannot be put into its words is wrong and counted, not an end.

    Raises:
        ValueError: the policy gave another number of answers than it was asked for.
    """
    try:
        predictions = policy(samples)
    except (Unsupported, Refused) as error:
        if len(samples) == 1:
            reason = error.reason if isinstance(error, Refused) else str(error)
            return [Prediction("", problem=f"{NOT_ASKED}: {reason}")]
        return [answer for sample in samples for answer in answers_of(policy, [sample])]
    if len(predictions) != len(samples):
        raise ValueError(f"the policy gave {len(predictions)} answers to {len(samples)} samples")
    return predictions


def _without_answer(sample: Sample) -> Sample:
    question = sample.questions[0]
    return replace(sample, questions=(Question(question.ask, form=question.form),))
