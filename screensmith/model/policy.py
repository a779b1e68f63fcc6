"""One policy: the prompt that was trained is the prompt that is scored and deployed."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from screensmith import plugins
from screensmith.config.agent_card import AgentCard, Skill
from screensmith.core.actions import move_points
from screensmith.core.conversation import Conversation
from screensmith.core.frames import Chain, Crop, Resize
from screensmith.core.geometry import Point
from screensmith.core.prediction import Prediction
from screensmith.core.refusals import Refused
from screensmith.core.sample import Question, Sample
from screensmith.data.pixels import ImageGeometry, window_size
from screensmith.dialects import Dialect, Unreadable
from screensmith.model.answer import Asked, generate
from screensmith.model.encode import Encoder, Screens
from screensmith.model.images import read_screens
from screensmith.model.load import LoadedModel, load_model
from screensmith.model.skipping import skipping
from screensmith.model.spent import Meter, Spent
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.prompts import Unpacked

ROW_TOKENS = 4096


class Speaker:
    """What stands between samples and text: prompt, dialect and the size at which screens are seen."""

    def __init__(self, skill: Skill, geometry: ImageGeometry) -> None:
        prompt = plugins.load("prompts", skill.prompt)
        dialect = plugins.load("dialects", skill.dialect)
        plugins.check_options(prompt.render, skill.prompt_options, f"prompt {skill.prompt}")
        plugins.check_options(dialect.dialect, skill.dialect_options, f"dialect {skill.dialect}")
        self.skill = skill
        self.geometry = geometry
        self.dialect: Dialect = dialect.dialect(**skill.dialect_options)
        self._render = prompt.render
        self._unpack: Callable[[str], Unpacked] | None = getattr(prompt, "unpack", None)

    def conversation(self, sample: Sample, question: Question) -> Conversation:
        """The conversation of one question.

        Raises:
            Unsupported: the dialect has no words for an action.
            Refused: an action's place lies outside the part of the screen that is shown.
        """
        chain = self.chain(sample)
        if chain.steps[:-1]:  # places are written in the frame of what the model is shown
            question = _as_shown(question, chain)
        result: Conversation = self._render(
            sample, question, self.dialect, chain.size, **self.skill.prompt_options
        )
        return result

    def chain(self, sample: Sample) -> Chain:
        """The way from the sample's screenshot to what the model sees of it."""
        screenshot = sample.screenshot
        cut = () if screenshot.window is None else (Crop(screenshot.window),)
        return Chain(screenshot.size, (*cut, Resize(self.geometry.seen(window_size(screenshot)))))

    def quantum(self, sample: Sample) -> tuple[float, float]:
        """One step of the dialect's coordinates, in fractions of the sample's whole screenshot."""
        chain = self.chain(sample)
        across, down = self.dialect.quantum(chain.size)
        return across * chain.shown.width, down * chain.shown.height

    def read(self, text: str, sample: Sample) -> Prediction:
        """The prediction in an answer's text, places back on the whole screen; never executed."""
        chain = self.chain(sample)
        more = Unpacked() if self._unpack is None else self._unpack(text)
        try:
            actions = self.dialect.parse(text, chain.size)
        except Unreadable as problem:
            return Prediction(text, (), str(problem), more.thought, more.memory)
        moved = tuple(move_points(action, chain.back) for action in actions)
        return Prediction(text, moved, "", more.thought, more.memory)


def _as_shown(question: Question, chain: Chain) -> Question:
    """The question with its places in the frame of the last image, those asked after it, too."""
    target = question.target
    return dataclasses.replace(
        question,
        expected=tuple(move_points(action, partial(_shown, chain)) for action in question.expected),
        target=None if target is None else chain.forward_box(target),
        then=tuple(_as_shown(later, chain) for later in question.then),
    )


def _shown(chain: Chain, point: Point) -> Point:
    moved = chain.forward(point)
    if moved is None:
        raise Refused("target outside the window", f"({point.x:.4f}, {point.y:.4f})")
    return moved


class LoadedPolicy:
    """A checkpoint that answers samples; `card` says what it was trained to see and say.

    `spent` grows with every answer. Requests are read in rows of `row_tokens`: what begins alike shares
    them, and where nothing does, shorter rows cost less attention.
    """

    def __init__(
        self, loaded: LoadedModel, card: AgentCard, *, max_new_tokens: int, row_tokens: int = ROW_TOKENS
    ) -> None:
        self.card = card
        self.name = loaded.name
        self.max_new_tokens = max_new_tokens
        self.spent = Spent()
        model: Any = loaded.model.eval()
        geometry = loaded.family.geometry(model.config, card.min_pixels, card.max_pixels)
        self._tokenizer = loaded.processor.tokenizer
        self._meter = Meter(model, loaded.family)
        self._encoder = Encoder(loaded.family, self._tokenizer, geometry)
        self._geometry = geometry
        self._speaker = Speaker(card, geometry)
        self._skipping = skipping(
            card.skip_layers,
            card.skip_ratio,
            card.skip_threshold,
            geometry=geometry,
            layers=len(loaded.family.language(model).layers),
        )
        self._asked = Asked(
            model,
            loaded.family,
            geometry,
            turn_end=self._encoder.turn_end,
            padding=self._encoder.padding,
            max_new_tokens=max_new_tokens,
            row_tokens=row_tokens,
            selecting_layers=self._skipping.layers if self._skipping else (),
        )

    def speaking(self, skill: Skill) -> LoadedPolicy:
        """The same model, asked in another prompt and answering in another dialect; weights are shared."""
        other = copy.copy(self)
        other._speaker = Speaker(skill, self._geometry)
        return other

    def __call__(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Answer the first question of each sample, in one batch; common beginnings are read once."""
        if not samples:
            return []
        screens: Screens = {}
        requests = []
        end = self._encoder.turn_end
        for sample in samples:
            asked = dataclasses.replace(sample.questions[0], expected=(), then=())
            conversation = self._speaker.conversation(sample, asked)
            requests.append(self._encoder.request(conversation, screens))
            end = self._encoder.end_of_answer(conversation)  # the same for all of one prompt
        patches = read_screens(screens, self._asked.geometry)
        keep = None
        if self._skipping is not None:
            spans = [span for request in requests for span in request.images]
            keep = self._skipping.keep(
                patches, {str(span.key): (span.rows, span.columns) for span in spans}
            )
        answers = generate(dataclasses.replace(self._asked, turn_end=end), requests, patches, keep)
        self.spent += self._meter.of(requests, answers, sum(map(len, patches.values())))
        return [
            self._prediction(answer, end, sample) for answer, sample in zip(answers, samples, strict=True)
        ]

    def _prediction(self, answer: list[int], end: int, sample: Sample) -> Prediction:
        if answer[-1] != end:
            return Prediction(self._tokenizer.decode(answer), problem="answer cut off")
        text = self._encoder.answer_text(self._tokenizer.decode(answer[:-1]))
        return self._speaker.read(text, sample)


def load_policy(
    checkpoint: str,
    *,
    card: AgentCard | None = None,
    device: str | None = None,
    max_new_tokens: int = 128,
) -> LoadedPolicy:
    """The policy in a checkpoint folder.

    Args:
        checkpoint: folder with `agent.json`, or any model together with `card`.
        card: for a model without a card of its own, for example an untrained one.
        device: "cpu", "cuda", "mps"; None takes the best there is.
        max_new_tokens: longer answers are cut off and count as unreadable.

    Raises:
        UnsuitableModel: it cannot be loaded, has no card, or its card contradicts `card`.
    """
    target = device or best_device()
    # Many CPUs have no fast bfloat16; float32 holds the same weights exactly.
    loaded = load_model(checkpoint, dtype=torch.float32 if target == "cpu" else None, device=target)
    own = loaded.card
    if own is None and card is None:
        raise UnsuitableModel(
            f"{checkpoint} has no agent.json, so its prompt and dialect are unknown; "
            "give a checkpoint that screensmith trained"
        )
    if own is not None and card is not None and _promise(own) != _promise(card):
        raise UnsuitableModel(f"{checkpoint} was trained for another prompt or dialect")
    chosen = own or card
    assert chosen is not None  # noqa: S101 - one of the two is, see above
    return LoadedPolicy(loaded, chosen, max_new_tokens=max_new_tokens)


def _promise(card: AgentCard) -> tuple[Any, ...]:
    return (card.family, card.prompt, card.prompt_options, card.dialect, card.dialect_options)


def best_device() -> str:
    """The name of the fastest device here: cuda or mps where there is one, else cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
