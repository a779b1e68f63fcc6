"""AGUVIS' prompt: a plan for everybody, and then code for the operating system.

The assistant's header names who a message is meant for: "all" (observation, thought, and the action in
words) does not end the turn, "os" (code) does. Which header a request begins the answer with decides
what a model does, so that a mode is part of what a checkpoint promises.
"""

from __future__ import annotations

from typing import Literal

from screensmith.core.conversation import (
    ANSWER_END_MARK,
    RECIPIENT_MARK,
    Conversation,
    Image,
    Message,
    Opening,
    Part,
    Text,
)
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Dialect
from screensmith.dialects.pyautogui import split_answer
from screensmith.prompts import Unpacked
from screensmith.prompts._previous import previous_actions

Mode = Literal["self-plan", "force-plan", "grounding", "low-level"]
ADDED_MARKS = (RECIPIENT_MARK, ANSWER_END_MARK)
"""Control tokens that a model needs for this prompt."""

EVERYBODY, SYSTEM = "all", "os"
GROUNDING = "You see a screen and an instruction. Answer with the pyautogui code that carries it out there."
AGENT = (
    "You operate a screen towards a goal, one step at a time. Where it helps, say what you see, think and "
    "do; then answer with the code of the next action.\n"
)


def render(
    sample: Sample,
    question: Question,
    dialect: Dialect,
    seen: Size,
    *,
    mode: Mode = "self-plan",
) -> Conversation:
    """The conversation for one question of a sample.

    Args:
        sample: goal and screen; facts "observation" and "action_text" go with the expected answer,
            "previous_actions" (or its history) says what was done before.
        question: what is asked (empty: the sample's goal), the actions to learn, the thought before them.
        dialect: how code is written.
        seen: the size of the screen as the model sees it, in pixels.
        mode: "self-plan" leaves it to the model whether it plans; "force-plan" has it begin with a thought;
            "grounding" has it write code at once; "low-level" gives it the action in words
            (`facts["action_text"]`, else what is asked) and asks for its code.
    """
    asked = question.ask or sample.goal
    system = GROUNDING if mode == "grounding" else AGENT + dialect.describe()
    request = f"What is the next move?\n\nInstruction: {asked}\n\nPrevious actions:\n"
    request += "\n".join(previous_actions(sample, dialect, seen)) or "None"
    if mode == "grounding":
        request = asked
    parts: tuple[Part, ...] = (Image(sample.screenshot), Text(request))
    messages = [Message("system", (Text(system),)), Message("user", parts)]
    if not question.expected:
        return Conversation(tuple(messages), _opening(mode, sample, asked))
    plan = _plan(sample, question, mode, asked)
    if plan:
        messages.append(Message("assistant", (Text(plan),), True, EVERYBODY, ends_turn=False))
    code = dialect.render(question.expected, seen)
    messages.append(Message("assistant", (Text(code),), True, SYSTEM))
    return Conversation(tuple(messages))


def _opening(mode: Mode, sample: Sample, asked: str) -> Opening:
    if mode == "grounding":
        return Opening(SYSTEM)
    if mode == "force-plan":
        # Without the blank that AGUVIS has here: tokens hold a blank and the word after it, so that one
        # at the end would begin the answer as no training text ever does.
        return Opening(EVERYBODY, "Thought:")
    if mode == "low-level":
        return Opening(EVERYBODY, f"Action: {sample.facts.get('action_text') or asked}\n")
    return Opening("")


def _plan(sample: Sample, question: Question, mode: Mode, asked: str) -> str:
    """What is said to everybody before the code, "" for nothing."""
    said = sample.facts.get("action_text", "")
    if mode == "grounding":
        return ""
    if mode == "low-level":
        return f"Action: {said or asked}\n"
    lines = [
        ("Observation", sample.facts.get("observation", "") if mode == "self-plan" else ""),
        ("Thought", question.thought),
        ("Action", said),
    ]
    return "".join(f"{label}: {text}\n" for label, text in lines if text)


def unpack(text: str) -> Unpacked:
    """The thought in an answer."""
    return Unpacked(split_answer(text)[0])
