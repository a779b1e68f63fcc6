"""ShowUI's layout as a prompt: one conversation with a turn for each question about a screenshot.

Question k sees the earlier questions and answers, and its positions follow theirs; that is another
training text than the one an agent is asked with, and it is measured here only for its speed.
"""

from __future__ import annotations

from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Dialect


def render(sample: Sample, question: Question, dialect: Dialect, seen: Size) -> Conversation:  # noqa: ARG001
    """All turns of `sample.facts["turns"]`, which are (question, expected actions)."""
    messages = []
    for number, (ask, expected) in enumerate(sample.facts["turns"]):
        text = Text(f"Task: {ask}\n")
        messages.append(Message("user", (Image(sample.screenshot), text) if number == 0 else (text,)))
        messages.append(Message("assistant", (Text(dialect.render(expected, seen)),), learn=True))
    return Conversation(tuple(messages))
