"""Cells of task results as plain values, and what in them tells the right answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from screensmith.core.refusals import Refused
from screensmith.dialects import Unreadable
from screensmith.dialects._literals import FENCE, LONGEST_ANSWER, whole_characters
from screensmith.dialects._loose_json import DEEPEST, read_loose
from screensmith.dialects.task_results import plain_name
from screensmith.readers._task_results_file import is_missing

LONGEST_LOOSE = 1_000_000  # characters; reading loose JSON takes a hundred times its length of memory
_TELLING = re.compile(r"groundtruth|predictedaction|originalstepdata")
_TELLING_TEXT = re.compile(
    r"ground[\s_-]*truth|predicted[\s_-]*action|original[\s_-]*step[\s_-]*data", re.IGNORECASE
)

Told = dict[str, Any]
"""What told the answer, by where it stood ("Grounding.state.ground_truth")."""


def object_of(cell: str | None, what: str) -> dict[str, Any]:
    """The object in a cell of strict or loose JSON, empty where the cell holds nothing.

    Raises:
        Refused: it is something else, is nested too deeply, or holds an infinite number.
    """
    if cell is None or is_missing(cell):
        return {}
    value = _read(cell, what)
    if isinstance(value, str):  # JSON in JSON, as a table that was saved twice has it
        value = _read(value, what)
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{what} unreadable", f"no JSON object but {value!r:.80}")
    plain: dict[str, Any] = _plain(value, what, 0)
    return plain


def _read(text: str, what: str) -> Any:
    if is_missing(text):
        return None
    try:
        if len(text) <= LONGEST_LOOSE:
            return read_loose(_unfenced(text), longest=LONGEST_LOOSE)
        return whole_characters(json.loads(_unfenced(text)), text)
    except (Unreadable, ValueError, RecursionError) as error:
        raise Refused(f"{what} unreadable", f"{error}: {text[:60]!r}") from error


def _unfenced(text: str) -> str:
    """A long text without a code fence around it; `read_loose` takes it from short ones itself."""
    if len(text) <= LONGEST_ANSWER:
        return text
    inside = text.strip()
    if not (inside.startswith(FENCE) and inside.endswith(FENCE)):
        return inside
    language, newline, rest = inside[len(FENCE) : -len(FENCE)].partition("\n")
    return (
        rest
        if newline and (not language.strip() or language.strip().isalnum())
        else language + newline + rest
    )


def _plain(value: Any, what: str, depth: int) -> Any:
    """The value with None for numbers that are none."""
    if depth > DEEPEST:
        raise Refused(f"{what} unreadable", "nested too deeply")
    if isinstance(value, dict):
        return {key: _plain(part, what, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, what, depth + 1) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        raise Refused(f"{what} unreadable", "an infinite number")
    return value


def part_answers(value: Any, place: str) -> tuple[Any, Told]:
    """The value without anything that tells the right answer, and what that was.

    Keys called ground truth, predicted action or original step data, in any spelling and at any depth,
    and texts that mention one of them.

    Args:
        value: plain JSON values.
        place: what it is called, before the first dot of where things stood.
    """
    told: Told = {}
    return _without(value, place, told), told


def tells(value: Any) -> bool:
    """Whether any part of a value would be taken for the right answer."""
    rest, told = part_answers(value, "")
    return bool(told) or rest != value


def _without(value: Any, place: str, told: Told) -> Any:
    if isinstance(value, Mapping):
        kept = {}
        for key, part in value.items():
            where = f"{place}.{key}"
            if _TELLING.search(plain_name(key)) or (isinstance(part, str) and _TELLING_TEXT.search(part)):
                told[where] = part
            else:
                kept[key] = _without(part, where, told)
        return kept
    if isinstance(value, list):
        rest = []
        for number, part in enumerate(value):
            if isinstance(part, str) and _TELLING_TEXT.search(part):
                told[f"{place}.{number}"] = part
            else:
                rest.append(_without(part, f"{place}.{number}", told))
        return rest
    return value
