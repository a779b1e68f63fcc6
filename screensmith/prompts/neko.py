"""The prompt for captured episodes: instructions, task, past actions, and the screen last.

One user message without a system turn, as the Neko agent asks its model; the learned answer is the
action text of the dialect.
"""

from __future__ import annotations

from screensmith.core.conversation import Conversation, Image, Message, Part, Text
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Dialect


def render(
    sample: Sample,
    question: Question,
    dialect: Dialect,
    seen: Size,
    *,
    instructions: bool = True,
    screen_first: bool = False,
) -> Conversation:
    """The conversation for one question of a sample.

    Args:
        sample: goal, screen, and the steps whose actions are shown as history.
        question: what is asked (empty: the sample's goal) and the actions to learn, if any.
        dialect: how actions are written.
        seen: the size of the screen as the model sees it, in pixels.
        instructions: describe the device, its actions and the answer's format; a small model that
            only ever sees one dialect learns faster without.
        screen_first: put the screen before the text, so that the questions of one screen share it.
    """
    text = f"{dialect.describe()}\n" if instructions else ""
    text += f"Task: {question.ask or sample.goal}\n"
    if sample.history:
        past = ", ".join(dialect.render(step.actions, seen) for step in sample.history)
        text += f"Action history: [{past}]\n"
    screen = Image(sample.screenshot)
    parts: tuple[Part, ...] = (screen, Text(text)) if screen_first else (Text(text), screen)
    messages = [Message("user", parts)]
    if question.expected:
        answer = dialect.render(question.expected, seen)
        messages.append(Message("assistant", (Text(answer),), learn=True))
    return Conversation(tuple(messages))
