"""The prompt of task results: context, grounding, memories, instruction; the answer is one JSON object.

The answer holds the reasons, the action and the memories to carry on. What a file says about the right
answer never reaches the request, unless `ground_truth` asks for it by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from screensmith.core.actions import Operate
from screensmith.core.conversation import Conversation, Image, Message, Text
from screensmith.core.geometry import Size
from screensmith.core.sample import Question, Sample
from screensmith.dialects import Dialect, Unreadable
from screensmith.dialects.task_results import answer_object, entry
from screensmith.prompts import Leak, Unpacked
from screensmith.prompts._leaks import tells_answer

SHORT_TERM, LONG_TERM = "short_term", "long_term"
_IN_ANSWER = {SHORT_TERM: "Short Term", LONG_TERM: "Long Term"}


def render(
    sample: Sample,
    question: Question,
    dialect: Dialect,
    seen: Size,
    *,
    task_context: bool = True,
    grounding: bool = True,
    short_term_memory: bool = True,
    long_term_memory: bool = True,
    ground_truth: bool = False,
) -> Conversation:
    """The conversation for one step of a task.

    Args:
        sample: goal and screen; `memory` holds "short_term" and "long_term"; facts "task_id",
            "step_number", "grounding" (what is known of the screen) and "ground_truth" (of the answer).
        question: what is asked (empty: the sample's goal); the operation, reasons and memories to learn.
        dialect: how actions are written; one that writes JSON objects.
        seen: the size of the screen as the model sees it, in pixels.
        task_context: say which task and step it is.
        grounding: say what is known of the screen.
        short_term_memory: show what was noted for the next step.
        long_term_memory: show what was noted for the whole task.
        ground_truth: show what the file says about the right answer, as the first public code did. Such a
            model copies; its scores mean nothing.

    Raises:
        screensmith.prompts.Leak: the request would contain its own answer, and `ground_truth` is not set.
    """
    shown = {
        "task_context": task_context,
        "grounding": grounding,
        "ground_truth": ground_truth,
        SHORT_TERM: short_term_memory,
        LONG_TERM: long_term_memory,
    }
    blocks = [f"### {title}\n{text}" for name, title, text in _blocks(sample) if shown[name]]
    blocks.append(f"### Instruction\n{question.ask or sample.goal}\n{_how(dialect)}")
    request = "\n\n".join([*blocks, "### Response"])
    messages = [Message("user", (Image(sample.screenshot), Text(request)))]
    if question.expected:
        expected = question.expected[0]
        if not ground_truth and isinstance(expected, Operate) and tells_answer(request, expected):
            raise Leak(
                f"{sample.id}: the request would contain its own answer "
                f"({expected.name} {expected.target!r}); leave out the block that holds it "
                "(grounding=false), or set ground_truth=true to allow it"
            )
        messages.append(Message("assistant", (Text(_answer(question, dialect, seen)),), learn=True))
    return Conversation(tuple(messages))


def _blocks(sample: Sample) -> Iterator[tuple[str, str, str]]:
    """Option, heading and text of what stands before the instruction."""
    facts, memory = sample.facts, sample.memory or {}
    step = facts.get("step_number")
    if facts.get("task_id") is not None or step is not None:
        lines = [("Task ID", facts.get("task_id")), ("Step Number", step)]
        yield (
            "task_context",
            "Task Context",
            "\n".join(f"{name}: {value}" for name, value in lines if value is not None),
        )
    if facts.get("grounding"):
        yield "grounding", "Grounding", _json(facts["grounding"])
    if facts.get("ground_truth"):
        yield "ground_truth", "Ground Truth", _json({"ground_truth": facts["ground_truth"]})
    yield SHORT_TERM, "Short Term Memory", _json(memory.get(SHORT_TERM) or {})
    yield LONG_TERM, "Long Term Memory", _json(memory.get(LONG_TERM) or {})


def _how(dialect: Dialect) -> str:
    return (
        f"{dialect.describe()}\n"
        'Answer with one JSON object: "Reason", in one sentence, "Predicted" with the action as '
        '"predicted_action", and "Short Term" and "Long Term", what to remember for the next step and '
        "for the whole task."
    )


def _answer(question: Question, dialect: Dialect, seen: Size) -> str:
    action = dialect.render(question.expected, seen)
    try:
        predicted = json.loads(action)
    except ValueError:
        predicted = action
    answer: dict[str, Any] = {"Reason": question.thought} if question.thought else {}
    answer["Predicted"] = {"predicted_action": predicted}
    memory = question.memory or {}
    answer |= {name: memory[part] for part, name in _IN_ANSWER.items() if part in memory}
    return _json(answer)


def unpack(text: str) -> Unpacked:
    """The reasons and memories in an answer; memory is None where it holds none that can be read."""
    try:
        answer = answer_object(text)
    except Unreadable:
        return Unpacked()
    reason = entry(answer, "Reason")
    found = {part: entry(answer, name, f"{name} Memory") for part, name in _IN_ANSWER.items()}
    memory = {part: dict(value) for part, value in found.items() if isinstance(value, Mapping)}
    return Unpacked(reason if isinstance(reason, str) else "", memory or None)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
