"""Memories that stay small: plain JSON values made to fit a number of characters, in one fixed way."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

LONG_STRINGS = 8
"""Of a part that is too long, strings above one eighth of its limit are cut first."""
CUT = "…"


def length(value: Any) -> int:
    """Characters of a plain JSON value as text."""
    return len(json.dumps(value, ensure_ascii=False))


def plain(value: Any) -> Any:
    """The value as plain JSON: text as names, lists for sequences, None for numbers that are not finite.

    Raises:
        ValueError: it holds something that JSON has no word for.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    raise ValueError(f"a memory holds plain JSON values, not a {type(value).__name__}")


def fitted(part: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """A part of a memory in at most `longest` characters of JSON (at least 2, for an empty object).

    One that fits stays as it is. Otherwise its long strings are cut; if that is not enough, the oldest
    entries are dropped, which are the first ones of an object and of a list.
    """
    if length(part) <= longest:
        return dict(part)
    cut: dict[str, Any] = _with_short_strings(part, max(longest // LONG_STRINGS, len(CUT)))
    found: dict[str, Any] = _newest(cut, longest)
    return found


def _with_short_strings(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - len(CUT)] + CUT
    if isinstance(value, Mapping):
        return {name: _with_short_strings(one, longest) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_short_strings(one, longest) for one in value]
    return value


def _newest(value: Any, longest: int) -> Any:
    """The value without the oldest of its entries; the newest one is itself made to fit if it must be."""
    if length(value) <= longest:
        return value
    if isinstance(value, dict):
        return _newest_of_object(value, longest)
    if isinstance(value, str):
        return _beginning(value, longest)
    return _newest_of_list(value, longest) if isinstance(value, list) else None


def _beginning(text: str, longest: int) -> str:
    """As much of a text as fits with its quotes and escapes."""
    kept = max(longest - 2 - len(CUT), 0)
    while kept and length(text[:kept] + CUT) > longest:
        kept -= 1
    return text[:kept] + CUT if kept else ""


def _newest_of_object(value: dict[str, Any], longest: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    room = longest - 2  # the braces
    for name in reversed(value):
        around = length(name) + 2 + (2 if kept else 0)  # the colon, and the comma, each with a space
        if not kept and around + length(value[name]) > room:
            one = _newest(value[name], room - around)
            return {name: one} if around + length(one) <= room else {}
        room -= around + length(value[name])
        if room < 0:
            break
        kept[name] = value[name]
    return dict(reversed(kept.items()))


def _newest_of_list(value: list[Any], longest: int) -> list[Any]:
    kept: list[Any] = []
    room = longest - 2
    for one in reversed(value):
        around = 2 if kept else 0
        if not kept and length(one) > room:
            short = _newest(one, room)
            return [short] if length(short) <= room else []
        room -= around + length(one)
        if room < 0:
            break
        kept.append(one)
    return kept[::-1]
