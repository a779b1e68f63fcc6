"""From recorded episodes to checked training samples, with everything refused counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screensmith import plugins
from screensmith.config.train import TrainSettings
from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.core.sample import Sample
from screensmith.data.samples import samples_of
from screensmith.data.split import split_episodes
from screensmith.dialects import Unsupported
from screensmith.model.policy import Speaker

logger = logging.getLogger(__name__)
QUARANTINE = "quarantine.jsonl"


class UnusableData(ValueError):
    """Training data that a run must not start on; the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a run learns from: samples, the episodes kept back, and what the data was."""

    samples: Sequence[Sample]
    held_out: Sequence[Episode]
    fingerprints: dict[str, str]
    refusals: RefusalLog


def read_examples(settings: TrainSettings, speaker: Speaker) -> Examples:
    """Read the episodes of a run and check that each sample can be said in its dialect.

    Raises:
        UnusableData: nothing is usable, or more than `max_refused_share` was refused.
    """
    reader = plugins.load("readers", "mds")
    refusals = RefusalLog()
    episodes: Sequence[Episode] = reader.read(
        settings.local,
        remote=settings.remote,
        cache=settings.cache,
        endpoint=settings.endpoint,
        pair=settings.pair,
        max_lag_seconds=settings.max_lag_seconds,
        refusals=refusals,
    )
    training, held_out = split_episodes(episodes, settings.held_out_share, settings.seed)
    samples = _sayable(samples_of(training, history_steps=settings.history_steps), speaker, refusals)
    _report(refusals, Path(settings.output))
    where = settings.remote or settings.local
    if not samples:
        raise UnusableData(f"{where}: no usable examples; {refusals.summary()}")
    if refusals.share > settings.max_refused_share:
        raise UnusableData(
            f"{where}: {refusals.summary()}; more than max_refused_share "
            f"({settings.max_refused_share:.0%}). See {Path(settings.output) / QUARANTINE}"
        )
    fingerprint = reader.fingerprint(
        settings.local, remote=settings.remote, cache=settings.cache, endpoint=settings.endpoint
    )
    return Examples(samples, held_out, {where: fingerprint}, refusals)


def _sayable(samples: list[Sample], speaker: Speaker, refusals: RefusalLog) -> list[Sample]:
    usable = []
    for sample in samples:
        try:
            for question in sample.questions:
                speaker.conversation(sample, question)
        except Unsupported as problem:
            refusals.add(sample.id, "the dialect cannot say the action", str(problem))
        except Refused as problem:
            refusals.add(sample.id, problem.reason, problem.detail)
        else:
            usable.append(sample)
    return usable


def _report(refusals: RefusalLog, output: Path) -> None:
    logger.info("data: %s", refusals.summary())
    if refusals:
        refusals.write(output / QUARANTINE)
        logger.warning("quarantine list: %s", output / QUARANTINE)
