"""The forge's prompt: an instruction about a screen, answered with an action, or reasons and an action.

Stage 1 (grounding) answers `Action: click(x=0.91, y=0.05)`; stage 2 (reasoning) answers
`<think>reasons</think>` and then `<code>calls</code>`. Training and evaluation ask in the same words.
"""

from __future__ import annotations

from screensmith.core.conversation import Conversation, Image, Message, Part, Text
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Dialect
from screensmith.dialects.forge import split_answer
from screensmith.prompts import Unpacked
from screensmith.prompts._previous import previous_actions

GROUNDING = "You see a screen. Carry out the instruction with one action on it."
REASONING = (
    "You operate a computer or a phone by its screen. First think about what the screen shows and what the "
    "task needs next, between <think> and </think>. Then write the next action between <code> and </code>."
)


def render(
    sample: Sample,
    question: Question,
    dialect: Dialect,
    seen: Size,
    *,
    thinking: bool = False,
    history: bool = True,
) -> Conversation:
    """The conversation for one question of a sample.

    Args:
        sample: goal and screen; what was done before is `facts["previous_actions"]`, or its history.
        question: what is asked (empty: the sample's goal), the actions to learn, the thought before them.
        dialect: how actions are written.
        seen: the size of the screen as the model sees it, in pixels.
        thinking: the second stage: reasons before the action. A step without recorded reasons is learned as
            its action alone.
        history: with `thinking`, name the previous actions; the grounding stage knows none.
    """
    system = f"{REASONING}\n{dialect.describe()}" if thinking else GROUNDING
    request = f"Instruction: {question.ask or sample.goal}"
    if thinking and history:
        lines = previous_actions(sample, dialect, seen)
        request += "\n\nPrevious actions:\n" + ("\n".join(lines) or "None")
    parts: tuple[Part, ...] = (Image(sample.screenshot), Text(request))
    messages = [Message("system", (Text(system),)), Message("user", parts)]
    if question.expected:
        action = dialect.render(question.expected, seen)
        answer = _reasoned(question.thought, action) if thinking else f"Action: {action}"
        messages.append(Message("assistant", (Text(answer),), learn=True))
    return Conversation(tuple(messages))


def _reasoned(thought: str, action: str) -> str:
    code = f"<code>{action}</code>"
    return f"<think>{thought}</think>\n{code}" if thought else code


def unpack(text: str) -> Unpacked:
    """The reasons in an answer."""
    return Unpacked(split_answer(text)[0])
