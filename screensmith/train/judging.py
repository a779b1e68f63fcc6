"""Judging a model while it learns: a score every so often, the best checkpoint, and when to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from screensmith.config.agent_card import AgentCard
from screensmith.config.train import TrainSettings
from screensmith.model.load import LoadedModel
from screensmith.model.policy import LoadedPolicy
from screensmith.model.spent import Spent

logger = logging.getLogger(__name__)


class Judge(Protocol):
    """Scores a policy on samples that are always the same; more is better, None says that none applied."""

    @property
    def name(self) -> str:
        """What the score is, for the log."""

    @property
    def longest_answer_tokens(self) -> int:
        """How long an answer may be before it is cut off."""

    def __call__(self, policy: LoadedPolicy) -> float | None:
        """The score."""


@dataclass(slots=True)
class Standing:
    """The best score so far, at which step it was, and how many scores since then were no better."""

    best: float | None = None
    best_step: int = 0
    without_better: int = 0

    def take(self, score: float | None, step: int) -> bool:
        """Note a score; returns whether it is the best."""
        if score is not None and (self.best is None or score > self.best):
            self.best, self.best_step, self.without_better = score, step, 0
            return True
        self.without_better += 1
        return False

    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class Judging:
    """When a run is judged, by whom, and what follows from it.

    Args:
        judge: the scorer.
        settings: `eval_steps` and `eval_patience`.
        steps_per_epoch: how often an epoch's end comes.
        standing: of the run that is resumed.
    """

    def __init__(
        self, judge: Judge, settings: TrainSettings, steps_per_epoch: int, standing: Standing
    ) -> None:
        self.standing = standing
        self._judge = judge
        self._every = settings.eval_steps or steps_per_epoch
        self._patience = settings.eval_patience

    @property
    def out_of_patience(self) -> bool:
        """Whether the run should stop."""
        return bool(self._patience) and self.standing.without_better >= self._patience

    def due(self, steps_done: int) -> bool:
        """Whether the model is judged after this many steps."""
        return steps_done % self._every == 0

    def score(
        self,
        loaded: LoadedModel,
        card: AgentCard,
        steps_done: int,
        *,
        log: Callable[[float], None],
        count: Callable[[Spent], None],
    ) -> bool:
        """Judge the model as it is; returns whether it is the best so far.

        Args:
            loaded: the model.
            card: how it is asked.
            steps_done: of the training.
            log: gets the score.
            count: gets what answering took.
        """
        policy = LoadedPolicy(loaded, card, max_new_tokens=self._judge.longest_answer_tokens)
        score = self._judge(policy)
        count(policy.spent)
        best = self.standing.take(score, steps_done)
        if score is not None:
            log(score)
        said = "nothing to score" if score is None else f"{score:.4f}"
        logger.info(
            "%s after step %d: %s%s",
            self._judge.name,
            steps_done,
            said,
            ", the best so far" if best else "",
        )
        if self.out_of_patience:
            logger.info(
                "no better score in %d judgements: stopping; the best was %s at step %d",
                self.standing.without_better,
                "none" if self.standing.best is None else f"{self.standing.best:.4f}",
                self.standing.best_step,
            )
        return best
