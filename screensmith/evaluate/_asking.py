"""Asking a policy in batches, so that a sample it has no words for costs one answer and not the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from screensmith.core.prediction import BatchPolicy, Prediction
from screensmith.core.refusals import Refused
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Unsupported
from screensmith.evaluate.benchmark import NOT_ASKED


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
            found += self._answers(asked)
            self._answered += len(asked)
            if self._on_batch is not None:
                self._on_batch(self._answered, self._total)
        return found

    def _answers(self, samples: Sequence[Sample]) -> Iterator[Prediction]:
        try:
            predictions = self._policy(samples)
        except (Unsupported, Refused) as error:
            if len(samples) == 1:
                reason = error.reason if isinstance(error, Refused) else str(error)
                yield Prediction("", problem=f"{NOT_ASKED}: {reason}")
                return
            for sample in samples:
                yield from self._answers([sample])
            return
        if len(predictions) != len(samples):
            raise ValueError(f"the policy gave {len(predictions)} answers to {len(samples)} samples")
        yield from predictions


def _without_answer(sample: Sample) -> Sample:
    question = sample.questions[0]
    return replace(sample, questions=(Question(question.ask, form=question.form),))
