"""PLUG-IN: a sample and a dialect become a conversation.

A prompt file has one function, `render(sample, question, dialect, seen, *, ...) -> Conversation`;
its keyword arguments are its options. With an expected answer the conversation ends in a learned
assistant message, without one it ends where the model should go on. Laws
(tests/contracts/test_prompts.py): deterministic; each learned message parses back to the expected
actions (an answer that names what is at a place is plain text); the request is a prefix of the
training text. A prompt whose answers hold more than actions also has `unpack(text) -> Unpacked`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an answer holds beside its actions; `memory` is None where none can be read."""

    thought: str = ""
    memory: Mapping[str, Any] | None = None


class Leak(ValueError):
    """A request that would contain its own answer."""
