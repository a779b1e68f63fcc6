"""How to use a published checkpoint: our commands, plain transformers or peft, and a real question."""

from __future__ import annotations

import json
import shlex
from typing import Any

from screensmith import plugins
from screensmith.config.agent_card import AgentCard, Skill
from screensmith.core.conversation import Conversation, Text
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Unsupported
from screensmith.evaluate._card_base import Base
from screensmith.evaluate._card_words import fenced

GOAL = "Open the settings"
EXAMPLE_SIZE = Size(1280, 720)
TASK_RESULTS = "task_results"  # the dialect that `screensmith predict` speaks
LONGEST_EXAMPLE_CHARACTERS = 6000


def use_lines(name: str, folder: str, base: Base, card: AgentCard | None, *, adapter: bool) -> list[str]:
    """The section on use.

    Args:
        name: the model's name on the hub, "" where it is not known.
        folder: what it is called on disk.
        base: of the checkpoint.
        card: its `agent.json`, None for a model without one.
        adapter: whether the folder holds an adapter.
    """
    lines = []
    if name:
        lines += [*fenced(f"hf download {name} --local-dir {shlex.quote(folder)}", "sh"), ""]
    if card is not None:
        lines += ["With screensmith, which asks it in the words that it learned:", ""]
        lines += [*fenced("\n".join(_commands(folder, card)), "sh"), ""]
    lines += [f"With {'peft' if adapter else 'plain transformers'}:", ""]
    lines += [*fenced(_program(folder, base, adapter, _request(card)), "python"), ""]
    if adapter and not base.hub:
        lines += ["The adapter's base is no model of the hub that this card knows; put its folder in.", ""]
    return lines


def _commands(folder: str, card: AgentCard) -> list[str]:
    dialects = {card.dialect, *(skill.dialect for skill in card.others.values())}
    place = shlex.quote(" ".join(folder.split("\n")))
    lines = [f"screensmith evaluate {place} --data data/mds"]
    if TASK_RESULTS in dialects:
        lines.append(f'screensmith predict --model-path {place} --images screenshots --goal "{GOAL}"')
    if dialects != {TASK_RESULTS}:
        address = "https://example.org"
        lines.append(f'screensmith act --checkpoint {place} --url {address} --goal "{GOAL}"')
    return lines


def _program(folder: str, base: Base, adapter: bool, messages: list[dict[str, Any]]) -> str:
    peft = ["from peft import PeftModel"] if adapter else []
    start = base.hub or "PATH/OF/THE/BASE"
    place = json.dumps(folder)
    model = (
        [
            f'base = AutoModelForImageTextToText.from_pretrained("{start}")',
            f"model = PeftModel.from_pretrained(base, {place})",
        ]
        if adapter
        else [f"model = AutoModelForImageTextToText.from_pretrained({place})"]
    )
    return "\n".join(
        [
            *peft,
            "from PIL import Image",
            "from transformers import AutoModelForImageTextToText, AutoProcessor",
            "",
            f"processor = AutoProcessor.from_pretrained({place})",
            *model,
            'screen = Image.open("screen.png").convert("RGB")',
            "messages = [",
            *(f"    {message!r}," for message in messages),
            "]",
            "text = processor.apply_chat_template(messages, add_generation_prompt=True)",
            'inputs = processor(text=[text], images=[screen], return_tensors="pt")',
            "answer = model.generate(**inputs, max_new_tokens=128, do_sample=False)",
            'answer = answer[:, inputs["input_ids"].shape[1] :]',
            "print(processor.batch_decode(answer, skip_special_tokens=True)[0])",
        ]
    )


def _request(card: AgentCard | None) -> list[dict[str, Any]]:
    """A question as the library's chat template takes it."""
    asked = None if card is None else example(card)
    if asked is None:
        return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": GOAL}]}]
    return [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part.text} if isinstance(part, Text) else {"type": "image"}
                for part in message.parts
            ],
        }
        for message in asked.messages
    ]


def example(skill: Skill) -> Conversation | None:
    """A first question in the words that a checkpoint learned, about one screen without history.

    None where they cannot be had here: the prompt or the dialect is no longer known, asks for more than a
    goal, or begins the answer itself.
    """
    sample = Sample("example", f"{GOAL}.", Screenshot(b"", EXAMPLE_SIZE), (Question(),))
    try:
        prompt = plugins.load("prompts", skill.prompt)
        dialect = plugins.load("dialects", skill.dialect).dialect(**skill.dialect_options)
        asked: Conversation = prompt.render(
            sample, Question(), dialect, EXAMPLE_SIZE, **skill.prompt_options
        )
    except (ValueError, KeyError, TypeError, LookupError, Unsupported):
        return None
    length = sum(len(message.text) for message in asked.messages)
    whole = len(asked.screenshots) == 1 and length <= LONGEST_EXAMPLE_CHARACTERS
    return asked if whole and not asked.opening.text and not asked.opening.recipient else None
