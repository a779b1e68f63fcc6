"""The text of an answer as plain values: JSON or Python literals, and never anything that runs."""

from __future__ import annotations

import ast
import json
import math
import warnings
from typing import Any

from screensmith.dialects import Unreadable

LONGEST_ANSWER = 20_000
FENCE = "```"


def unfenced(text: str) -> str:
    """The text without blanks around it, and without a Markdown code fence around the whole of it.

    Raises:
        Unreadable: it is longer than any answer.
    """
    if len(text) > LONGEST_ANSWER:
        raise Unreadable("answer too long")
    stripped = text.strip()
    if len(stripped) < 2 * len(FENCE) or not (stripped.startswith(FENCE) and stripped.endswith(FENCE)):
        return stripped
    inside = stripped[len(FENCE) : -len(FENCE)]
    language, newline, rest = inside.partition("\n")
    named = newline and (not language.strip() or language.strip().isalnum())
    return (rest if named else inside).strip()


def read_literal(text: str) -> Any:
    """The value that a text spells: JSON, several JSON values joined by commas, or a Python literal.

    Raises:
        Unreadable: it is none of them; text around a value makes it so, too.
    """
    if len(text) > LONGEST_ANSWER:
        raise Unreadable("answer too long")
    return whole_characters(_spelled(text), text)


def _spelled(text: str) -> Any:
    with warnings.catch_warnings():  # a doubtful escape in a model's text is no fault of ours
        warnings.simplefilter("ignore")
        for read in (json.loads, ast.literal_eval):
            for spelled in (text, f"[{text}]"):
                try:
                    return read(spelled)
                except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                    continue
    raise Unreadable("neither JSON nor a literal")


def whole_characters(value: Any, text: str) -> Any:
    """The value, in which no text may hold half a character: the escape of one half of a pair in `text`.

    Raises:
        Unreadable: one does; nothing could write it to a file or show it to a model.
    """
    if "\\u" in text or "\\U" in text:
        try:
            json.dumps(value, ensure_ascii=False, skipkeys=True, default=str).encode()
        except (UnicodeEncodeError, ValueError, RecursionError) as error:
            raise Unreadable("text with half a character") from error
    return value


def finite_number(value: object, what: str) -> float:
    """A number as a float; `what` is its name for the reason.

    Raises:
        Unreadable: it is none, or infinite, or not a number by its own word.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{what} is not a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise Unreadable(f"{what} is not a number") from error
    if not math.isfinite(number):
        raise Unreadable(f"{what} is not a number")
    return number
