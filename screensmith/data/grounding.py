"""Questions about the elements of a screenshot: which point has this text, which text is at this place."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from screensmith.core.actions import Answer, Click
from screensmith.core.episode import Element
from screensmith.core.geometry import Box
from screensmith.core.sample import Question, Sample
from screensmith.data.crops import random_crop

FORMS = ("text2point", "text2bbox", "point2text", "bbox2text")
IMAGE_PLACES = ("before", "between", "after")
SENTENCE, IMAGE_PLACE = "sentence", "image_place"
"""Facts of a sample that the prompt reads: the number of a sentence, and where the image stands."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How elements become questions.

    Args:
        questions: about one screenshot at a time, 0 for all. Over its visits every element is asked
            about once before any is twice.
        joined: in one conversation, instead of each for itself.
        weights: how often each of `FORMS` is drawn.
        uniform_sentence: always the prompt's own sentence, instead of drawing one.
        shuffle_image: draw the image's place instead of the prompt's own.
        smallest_crop, largest_crop: of the screenshot's sides; 1 and 1 for none.
        own_too: leave a screenshot without a list of elements its own question.
    """

    questions: int = 0
    joined: bool = False
    weights: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    uniform_sentence: bool = False
    shuffle_image: bool = False
    smallest_crop: float = 1.0
    largest_crop: float = 1.0
    own_too: bool = False

    def plain(self, sample: Sample) -> Sample:
        """Every element in every form that can be drawn, each question for itself: what must fit."""
        if self._leaves(sample):
            return sample
        forms = [form for form, weight in zip(FORMS, self.weights, strict=True) if weight]
        return _asking(sample, [question_about(e, form) for form in forms for e in elements_of(sample)])

    def longest(self, sample: Sample, tokens: Sequence[int]) -> Question | None:
        """The longest conversation that joined questions can make, None where each stands for itself.

        Args:
            sample: as `plain` gave it.
            tokens: how long each of its questions is by itself.
        """
        count = len(elements_of(sample))
        if not self.joined or not count or self._leaves(sample):
            return None
        # `plain` goes through the elements once for each form; of each element the longest form counts.
        forms = range(0, len(sample.questions), count)
        longest = [max((tokens[form + number], form + number) for form in forms) for number in range(count)]
        chosen = sorted(longest, reverse=True)[: self.questions or count]
        first, *then = (sample.questions[number] for _, number in chosen)
        return dataclasses.replace(first, then=tuple(then))

    def vary(self, sample: Sample, visit: int, seed: int, generator: np.random.Generator) -> Sample:
        """What is asked at one visit of a screenshot.

        Args:
            sample: with the screenshot's elements.
            visit: how often the screenshot was to be seen before.
            seed: of the run.
            generator: of this place in the run; decides forms, sentence, image place and crop.
        """
        if self._leaves(sample):
            return sample
        chosen = self._chosen(sample, visit, seed)
        screenshot, chosen = random_crop(
            sample.screenshot, chosen, self.smallest_crop, self.largest_crop, generator
        )
        odds = np.asarray(self.weights) / sum(self.weights)
        forms = [FORMS[number] for number in generator.choice(len(FORMS), size=len(chosen), p=odds)]
        questions = [question_about(element, form) for element, form in zip(chosen, forms, strict=True)]
        facts = dict(sample.facts)
        if not self.uniform_sentence:
            facts[SENTENCE] = int(generator.integers(2**31))
        if self.shuffle_image:
            facts[IMAGE_PLACE] = IMAGE_PLACES[generator.integers(len(IMAGE_PLACES))]
        varied = dataclasses.replace(sample, screenshot=screenshot, elements=tuple(chosen), facts=facts)
        if self.joined:
            questions = [dataclasses.replace(questions[0], then=tuple(questions[1:]))]
        return _asking(varied, questions)

    def _leaves(self, sample: Sample) -> bool:
        return self.own_too and not _named(sample)

    def _chosen(self, sample: Sample, visit: int, seed: int) -> Sequence[Element]:
        elements = elements_of(sample)
        if not self.questions or self.questions >= len(elements):
            return elements
        parts = -(-len(elements) // self.questions)
        passed, part = divmod(visit, parts)
        order = _own_order(sample.id, len(elements), seed, passed)
        start = part * self.questions
        return [elements[number] for number in order[start : start + self.questions]]


def question_about(element: Element, form: str) -> Question:
    """The question in one of `FORMS`; the target of those that ask for a text is the place asked about."""
    if form == "text2point":
        return Question(element.text, (Click(element.at),), element.box, form)
    if form == "text2bbox":
        return Question(element.text, (Click(element.box.centre),), element.box, form)
    at = element.at
    place = Box(at.x, at.y, at.x, at.y) if form == "point2text" else element.box
    return Question("", (Answer(element.text),), place, form)


def elements_of(sample: Sample) -> tuple[Element, ...]:
    """The screenshot's named elements, or its one target where the data set has no list of them."""
    named = _named(sample)
    if named:
        return named
    question = sample.questions[0]
    click = question.expected[0] if question.expected else None
    if question.target is None or not isinstance(click, Click):
        return ()
    return (Element(question.target, question.ask or sample.goal, point=click.at),)


def _named(sample: Sample) -> tuple[Element, ...]:
    return tuple(element for element in sample.elements if element.text.strip())


def _asking(sample: Sample, questions: Sequence[Question]) -> Sample:
    return dataclasses.replace(sample, questions=tuple(questions))


def _own_order(id: str, count: int, seed: int, passed: int) -> list[int]:
    """An order of a screenshot's elements that depends on nothing but its id, the seed and the pass."""
    digest = hashlib.blake2b(f"{seed}:{passed}:{id}".encode(), digest_size=16).digest()
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big")))
    return [int(number) for number in generator.permutation(count)]
