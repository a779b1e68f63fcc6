"""From recorded episodes to checked training samples, with everything refused counted."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screensmith import plugins
from screensmith.config.train import TrainSettings
from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.core.sample import Sample
from screensmith.data.coarseness import coarse_coordinates
from screensmith.data.samples import samples_of
from screensmith.data.split import split_episodes
from screensmith.data.trie import TokenSequence
from screensmith.dialects import Unsupported
from screensmith.model.encode import Encoder
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


def read_samples(settings: TrainSettings) -> Examples:
    """Read the episodes of a run; nothing is checked yet."""
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
    fingerprint = reader.fingerprint(
        settings.local, remote=settings.remote, cache=settings.cache, endpoint=settings.endpoint
    )
    where = settings.remote or settings.local
    samples = samples_of(training, history_steps=settings.history_steps)
    return Examples(samples, held_out, {where: fingerprint}, refusals)


def as_examples(samples: Sequence[Sample]) -> Examples:
    """Samples that are in memory already; they are told apart by their ids."""
    refusals = RefusalLog()
    refusals.consider(len(samples))
    digest = hashlib.blake2b("\n".join(sample.id for sample in samples).encode(), digest_size=16)
    return Examples(samples, (), {"samples in memory": digest.hexdigest()}, refusals)


def check(
    given: Examples, settings: TrainSettings, speaker: Speaker, encoder: Encoder, max_tokens: int
) -> Examples:
    """Check that each sample can be said in the run's dialect and fits, before anything is trained.

    Args:
        given: what was read.
        settings: of the run; refused samples are listed in its output folder.
        speaker: makes conversations of samples.
        encoder: measures them.
        max_tokens: longest sample; an image is never cut, so a longer sample is refused.

    Raises:
        UnusableData: nothing is usable, or more than `max_refused_share` was refused.
    """
    refusals = given.refusals
    samples = _usable(given.samples, speaker, encoder, max_tokens, refusals)
    _report(refusals, Path(settings.output))
    where = ", ".join(given.fingerprints)
    if not samples:
        raise UnusableData(f"{where}: no usable examples; {refusals.summary()}")
    if refusals.share > settings.max_refused_share:
        raise UnusableData(
            f"{where}: {refusals.summary()}; more than max_refused_share "
            f"({settings.max_refused_share:.0%}). See {Path(settings.output) / QUARANTINE}"
        )
    coarse = coarse_coordinates(samples, speaker.quantum)
    if coarse is not None:
        logger.warning("%s", coarse.warning)
    return Examples(samples, given.held_out, given.fingerprints, refusals)


def _usable(
    samples: Sequence[Sample],
    speaker: Speaker,
    encoder: Encoder,
    max_tokens: int,
    refusals: RefusalLog,
) -> list[Sample]:
    usable = []
    for sample in samples:
        try:
            for question in sample.questions:
                _refuse_too_long(encoder.measure(speaker.conversation(sample, question)), max_tokens)
        except Unsupported as problem:
            refusals.add(sample.id, "the dialect cannot say the action", str(problem))
        except Refused as problem:
            refusals.add(sample.id, problem.reason, problem.detail)
        else:
            usable.append(sample)
    return usable


def _refuse_too_long(sequence: TokenSequence, max_tokens: int) -> None:
    length = len(sequence.tokens)
    if length > max_tokens:
        visual = sum(span.tokens for span in sequence.images)
        raise Refused(
            "longer than max_tokens", f"{length} tokens, {visual} of them of images; {max_tokens} fit"
        )


def _report(refusals: RefusalLog, output: Path) -> None:
    logger.info("data: %s", refusals.summary())
    if refusals:
        refusals.write(output / QUARANTINE)
        logger.warning("quarantine list: %s", output / QUARANTINE)
