"""From recorded episodes to checked training samples, with everything refused counted."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from screensmith import plugins
from screensmith.config.train import TrainSettings
from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.core.sample import Sample
from screensmith.data.coarseness import coarse_coordinates
from screensmith.data.grounding import elements_of
from screensmith.data.samples import samples_of
from screensmith.data.split import split_episodes
from screensmith.data.trie import TokenSequence
from screensmith.dialects import Unsupported
from screensmith.model.encode import Encoder
from screensmith.model.policy import Speaker
from screensmith.readers import task_results
from screensmith.train.sources import (
    EACH_ELEMENT,
    GROUNDING_PROMPT,
    Source,
    Stock,
    grounding_of,
    read_sources,
    skill_of,
)

logger = logging.getLogger(__name__)
QUARANTINE = "quarantine.jsonl"


class UnusableData(ValueError):
    """Training data that a run must not start on; the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a run learns from: its sources, the episodes kept back, and what the data was."""

    sources: Sequence[Source]
    held_out: Sequence[Episode]
    fingerprints: dict[str, str]
    refusals: RefusalLog

    @property
    def samples(self) -> int:
        """Samples of all sources together."""
        return sum(len(source.samples) for source in self.sources)


def read_examples(settings: TrainSettings) -> Examples:
    """Read the data sets of a run, or its captured episodes where it names none; nothing is checked yet."""
    refusals = RefusalLog()
    if settings.train_dataset:
        try:
            sources, fingerprints = read_sources(settings, refusals)
        except ValueError as problem:
            if type(problem) is not ValueError:  # an error of ours says all that there is to say
                raise
            raise UnusableData(f"train_dataset: {problem}") from problem
        return Examples(sources, (), fingerprints, refusals)
    if settings.train_csv:
        return _task_results(settings, refusals)
    if settings.reader != "mds":
        return _read_by(settings, refusals)
    return _recorded(settings, refusals)


def _recorded(settings: TrainSettings, refusals: RefusalLog) -> Examples:
    """Captured episodes, of a folder or of a bucket."""
    reader = plugins.load("readers", "mds")
    episodes: Sequence[Episode] = reader.read(
        settings.local,
        remote=settings.remote,
        cache=settings.cache,
        endpoint=settings.endpoint,
        pair=settings.pair,
        max_lag_seconds=settings.max_lag_seconds,
        refusals=refusals,
    )
    fingerprint = reader.fingerprint(
        settings.local, remote=settings.remote, cache=settings.cache, endpoint=settings.endpoint
    )
    return _split(settings, episodes, {settings.remote or settings.local: fingerprint}, refusals)


def _read_by(settings: TrainSettings, refusals: RefusalLog) -> Examples:
    """What another reader finds at `local`."""
    reader = plugins.load("readers", settings.reader)
    options = plugins.check_options(reader.read, settings.reader_options, f"reader {settings.reader}")
    try:
        episodes: Sequence[Episode] = reader.read(settings.local, **options, refusals=refusals)
        fingerprint = reader.fingerprint(settings.local, **options)
    except ValueError as problem:
        if type(problem) is not ValueError:
            raise
        raise UnusableData(f"{settings.reader}: {problem}") from problem
    return _split(settings, episodes, {settings.local: fingerprint}, refusals)


def _split(
    settings: TrainSettings,
    episodes: Sequence[Episode],
    fingerprints: dict[str, str],
    refusals: RefusalLog,
) -> Examples:
    training, held_out = split_episodes(episodes, settings.held_out_share, settings.seed)
    samples = samples_of(training, history_steps=settings.history_steps)
    return Examples([_captured(settings, samples)], held_out, fingerprints, refusals)


def _task_results(settings: TrainSettings, refusals: RefusalLog) -> Examples:
    """The tasks of a CSV file; whole tasks are kept back, never single rows."""
    try:
        training, held_out = split_tasks(settings, refusals)
        fingerprint = task_results.fingerprint(settings.train_csv)
    except ValueError as problem:
        if type(problem) is not ValueError:
            raise
        raise UnusableData(f"train_csv: {problem}") from problem
    samples = samples_of(training, history_steps=settings.history_steps)
    return Examples([_captured(settings, samples)], held_out, {settings.train_csv: fingerprint}, refusals)


def split_tasks(
    settings: TrainSettings, refusals: RefusalLog
) -> tuple[Sequence[Episode], Sequence[Episode]]:
    """The tasks of `train_csv` that are learned from, and those that are judged on.

    Raises:
        ValueError: there is no such file, or it cannot be read.
    """
    tasks = task_results.read(
        settings.train_csv,
        images=settings.image_dir,
        task_start=settings.task_start or None,
        task_end=settings.task_end or None,
        refusals=refusals,
    )
    return split_episodes(tasks, settings.held_out_share, settings.seed)


def _captured(settings: TrainSettings, samples: Sequence[Sample]) -> Source:
    """Samples that are asked in the words the settings name."""
    skill = skill_of(
        settings.prompt,
        settings.prompt_options,
        settings.dialect,
        settings.dialect_options,
        settings.history_steps,
    )
    grounding = grounding_of(settings) if settings.prompt == GROUNDING_PROMPT else None
    if grounding is not None:
        samples = [sample for sample in samples if elements_of(sample)]
    elif settings.every_element:
        grounding = dataclasses.replace(EACH_ELEMENT, questions=settings.num_turn)
    return Source("captured", samples, skill, grounding=grounding)


def as_examples(samples: Sequence[Sample], settings: TrainSettings) -> Examples:
    """Samples that are in memory already; they are told apart by their ids."""
    refusals = RefusalLog()
    refusals.consider(len(samples))
    digest = hashlib.blake2b("\n".join(sample.id for sample in samples).encode(), digest_size=16)
    source = _captured(settings, samples)
    return Examples([source], (), {"samples in memory": digest.hexdigest()}, refusals)


def check(given: Examples, settings: TrainSettings, encoder: Encoder, max_tokens: int) -> Examples:
    """Check that each sample can be said in its source's dialect and fits, before anything is trained.

    Args:
        given: what was read.
        settings: of the run; refused samples are listed in its output folder.
        encoder: measures them.
        max_tokens: longest sample; an image is never cut, so a longer sample is refused.

    Raises:
        UnusableData: nothing is usable, or more than `max_refused_share` was refused.
    """
    refusals = given.refusals
    stock = Stock(given.sources, encoder.geometry, settings.seed)
    sources = [
        dataclasses.replace(source, samples=_usable(source, speaker, encoder, max_tokens, refusals))
        for source, speaker in zip(given.sources, stock.speakers, strict=True)
    ]
    _report(refusals, Path(settings.output))
    where = ", ".join(given.fingerprints)
    empty = [source.name for source in sources if not source.samples]
    if empty:
        raise UnusableData(f"{where}: no usable examples in {', '.join(empty)}; {refusals.summary()}")
    if refusals.share > settings.max_refused_share:
        raise UnusableData(
            f"{where}: {refusals.summary()}; more than max_refused_share "
            f"({settings.max_refused_share:.0%}). See {Path(settings.output) / QUARANTINE}"
        )
    for source, speaker in zip(sources, stock.speakers, strict=True):
        coarse = coarse_coordinates(map(_all_asked(source), source.samples), speaker.quantum)
        if coarse is not None:
            logger.warning("%s: %s", source.name, coarse.warning)
    return Examples(sources, given.held_out, given.fingerprints, refusals)


def _all_asked(source: Source) -> Callable[[Sample], Sample]:
    return (lambda sample: sample) if source.grounding is None else source.grounding.plain


def _usable(
    source: Source,
    speaker: Speaker,
    encoder: Encoder,
    max_tokens: int,
    refusals: RefusalLog,
) -> list[Sample]:
    usable = []
    every = _all_asked(source)
    for sample in source.samples:
        try:
            asked = every(sample)
            lengths = [
                _fitting(encoder.measure(speaker.conversation(sample, question)), max_tokens)
                for question in asked.questions
            ]
            joined = None if source.grounding is None else source.grounding.longest(asked, lengths)
            if joined is not None:
                _fitting(encoder.measure(speaker.conversation(sample, joined)), max_tokens)
        except Unsupported as problem:
            refusals.add(sample.id, "the dialect cannot say the action", str(problem))
        except Refused as problem:
            refusals.add(sample.id, problem.reason, problem.detail)
        else:
            usable.append(sample)
    return usable


def _fitting(sequence: TokenSequence, max_tokens: int) -> int:
    """The length of a sequence that fits; raises Refused for a longer one."""
    length = len(sequence.tokens)
    if length > max_tokens:
        visual = sum(span.tokens for span in sequence.images)
        raise Refused(
            "longer than max_tokens", f"{length} tokens, {visual} of them of images; {max_tokens} fit"
        )
    return length


def _report(refusals: RefusalLog, output: Path) -> None:
    logger.info("data: %s", refusals.summary())
    if refusals:
        refusals.write(output / QUARANTINE)
        logger.warning("quarantine list: %s", output / QUARANTINE)
