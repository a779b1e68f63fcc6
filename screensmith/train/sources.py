"""Where a run's samples come from, and how those of each source are asked and answered."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screensmith import plugins
from screensmith.config.agent_card import Skill
from screensmith.config.train import TrainSettings
from screensmith.core.conversation import Conversation
from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog
from screensmith.core.sample import Sample
from screensmith.data.grounding import Grounding, elements_of
from screensmith.data.known_sets import KnownSet, known_set
from screensmith.data.order import Draw, generator_at
from screensmith.data.pixels import ImageGeometry
from screensmith.data.samples import samples_of
from screensmith.model.policy import Speaker

GROUNDING_PROMPT = "showui_grounding"
EACH_ELEMENT = Grounding(uniform_sentence=True, own_too=True)
"""A click for each element, for prompts that know no other question; screens without any keep their own."""


@dataclass(frozen=True, slots=True)
class Source:
    """Samples that are asked in the same words; `grounding` makes questions of their elements."""

    name: str
    samples: Sequence[Sample]
    skill: Skill
    ratio: float = 1.0
    grounding: Grounding | None = None


class Stock:
    """The samples of all sources, numbered through in order, and the words each is asked in."""

    def __init__(self, sources: Sequence[Source], geometry: ImageGeometry, seed: int) -> None:
        self.sources = tuple(sources)
        self.sizes = tuple(len(source.samples) for source in sources)
        self.speakers = tuple(Speaker(source.skill, geometry) for source in sources)
        self._ends = list(itertools.accumulate(self.sizes))
        self._seed = seed

    def conversations(self, draw: Draw, position: int) -> list[Conversation]:
        """What is learned from one draw; the position in the run decides what chance decides."""
        source, speaker, sample = self._find(draw.sample)
        if source.grounding is not None:
            generator = generator_at(self._seed, position)
            sample = source.grounding.vary(sample, draw.visit, self._seed, generator)
        return [speaker.conversation(sample, question) for question in sample.questions]

    def _find(self, number: int) -> tuple[Source, Speaker, Sample]:
        place = bisect.bisect_right(self._ends, number)
        source = self.sources[place]
        return source, self.speakers[place], source.samples[number - self._ends[place] + self.sizes[place]]


def grounding_of(settings: TrainSettings) -> Grounding:
    """How elements become questions, by the settings."""
    return Grounding(
        questions=settings.num_turn,
        joined=settings.joined_turns,
        weights=(settings.text2point, settings.text2bbox, settings.point2text, settings.bbox2text),
        uniform_sentence=settings.uniform_prompt,
        shuffle_image=settings.shuffle_image_token,
        smallest_crop=settings.crop_min,
        largest_crop=settings.crop_max,
    )


def skill_for(known: KnownSet, settings: TrainSettings) -> Skill:
    """How a known data set is asked and answered."""
    if known.kind == "grounding":
        return skill_of(
            GROUNDING_PROMPT, {}, "showui", {"space": known.space, "thousandths": settings.xy_int}, 0
        )
    shown = {
        "device": known.device,
        "interleaved_history": settings.interleaved_history,
        "learn_history": settings.learn_history,
    }
    return skill_of("showui_navigation", shown, "showui", {"space": known.space}, settings.history_steps)


def skill_of(
    prompt: str,
    prompt_options: dict[str, object],
    dialect: str,
    dialect_options: dict[str, object],
    history_steps: int,
) -> Skill:
    """The skill with what its dialect says of itself.

    Raises:
        screensmith.plugins.UnknownName: there is no such plug-in or option.
    """
    module = plugins.load("dialects", dialect)
    plugins.check_options(module.dialect, dialect_options, f"dialect {dialect}")
    spoken = module.dialect(**dialect_options)
    return Skill(
        prompt=prompt,
        prompt_options=prompt_options,
        dialect=dialect,
        dialect_options=dialect_options,
        coordinate_frame=spoken.coordinate_frame,
        history_steps=history_steps,
        action_names=spoken.action_names,
    )


def read_sources(settings: TrainSettings, refusals: RefusalLog) -> tuple[list[Source], dict[str, str]]:
    """Read every data set of `train_dataset`; also a fingerprint of each, by its folder and metadata.

    Raises:
        screensmith.plugins.UnknownName: there is no such data set.
        ValueError: a data set is not where it should be, or the same one is named twice.
    """
    sources: list[Source] = []
    fingerprints: dict[str, str] = {}
    count = len(settings.train_dataset)
    names = zip(
        settings.train_dataset,
        settings.train_json or ("",) * count,
        settings.train_ratio or (1.0,) * count,
        strict=True,
    )
    for name, json, ratio in names:
        known = known_set(name, json)
        label = f"{name}/{json}" if json else name
        if label in fingerprints:
            raise ValueError(f"train_dataset names {label} twice; give it once with a larger train_ratio")
        root = str(Path(settings.dataset_dir) / known.folder)
        reader = plugins.load("readers", known.reader)
        episodes: Sequence[Episode] = reader.read(root, json=json, refusals=refusals)
        skill = skill_for(known, settings)
        samples = samples_of(episodes, history_steps=skill.history_steps)
        grounding = grounding_of(settings) if known.kind == "grounding" else None
        if grounding is not None:
            samples = [sample for sample in samples if elements_of(sample)]
        fingerprints[label] = reader.fingerprint(root, json=json)
        sources.append(Source(label, samples, skill, ratio, grounding))
    return sources, fingerprints
