"""JSON as people and models write it: single quotes, trailing commas, Python's words, fences, prose around.

A reader of its own, because what it must accept is neither JSON nor Python; nothing is ever executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from screensmith.dialects import Unreadable
from screensmith.dialects._literals import LONGEST_ANSWER, unfenced, whole_characters

DEEPEST = 60
_BLANKS = re.compile(r"\s*")
_STRING = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w.])")
_WORD = re.compile(r"[A-Za-z]+")
_WORDS = {"true": True, "false": False, "null": None, "none": None, "nan": None}
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
LONGEST_NUMBER = 300


def read_loose(text: str, *, longest: int = LONGEST_ANSWER) -> Any:
    """The value that the whole text spells, in strict or loose JSON, perhaps in a Markdown fence.

    Raises:
        Unreadable: it is longer than `longest` characters, or spells none.
    """
    if len(text) > longest:
        raise Unreadable("answer too long")
    stripped = text.strip() if len(text) > LONGEST_ANSWER else unfenced(text)
    try:
        return whole_characters(json.loads(stripped), stripped)
    except (ValueError, RecursionError):
        value, end = _value(stripped, _skip(stripped, 0), 0)
        if _skip(stripped, end) != len(stripped):
            raise Unreadable("text after the JSON") from None
        return whole_characters(value, stripped)


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost object in a text, whatever stands around it, in order.

    Raises:
        Unreadable: the text is longer than any answer, or holds half a character.
    """
    if len(text) > LONGEST_ANSWER:
        raise Unreadable("answer too long")
    start = text.find("{")
    while start >= 0:
        try:
            value, end = _value(text, start, 0)
        except Unreadable:
            start = text.find("{", start + 1)
            continue
        yield whole_characters(value, text[start:end])
        start = text.find("{", end)


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > DEEPEST:
        raise Unreadable("JSON nested too deeply")
    sign = text[at : at + 1]
    if sign == "{":
        return _mapping(text, at + 1, depth + 1)
    if sign == "[":
        return _sequence(text, at + 1, depth + 1)
    if sign in _STRING:
        return _string(text, at)
    return _plain(text, at)


def _plain(text: str, at: int) -> tuple[Any, int]:
    number = _NUMBER.match(text, at)
    if number:
        spelled = number.group()
        if len(spelled) > LONGEST_NUMBER:
            raise Unreadable("a number that is too long")
        return (float(spelled) if set(spelled) & set(".eE") else int(spelled)), number.end()
    word = _WORD.match(text, at)
    if word and word.group().lower() in _WORDS:
        return _WORDS[word.group().lower()], word.end()
    raise Unreadable("not JSON")


def _string(text: str, at: int) -> tuple[str, int]:
    match = _STRING[text[at]].match(text, at)
    if not match:
        raise Unreadable("text without its closing quote")
    return _paired(_ESCAPE.sub(_unescaped, match.group(1))), match.end()


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) == 5:  # u and four digits
        return chr(int(code[1:], 16))
    return _SIMPLE_ESCAPES.get(code, code)


def _paired(text: str) -> str:
    """The text with each two halves of one character joined."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise Unreadable("text with half a character") from error


def _mapping(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        if text[at : at + 1] not in _STRING:
            raise Unreadable("a name in an object has no quotes")
        name, at = _string(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise Unreadable("a name in an object has no value")
        found[name], at = _value(text, _skip(text, at + 1), depth)
        at = _next(text, at, "}")


def _sequence(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return found, at + 1
        value, at = _value(text, at, depth)
        found.append(value)
        at = _next(text, at, "]")


def _next(text: str, at: int, closing: str) -> int:
    """Where the next entry begins: after a comma, or at the closing sign."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return at + 1
    if text[at : at + 1] == closing:
        return at
    raise Unreadable("JSON that does not close")
