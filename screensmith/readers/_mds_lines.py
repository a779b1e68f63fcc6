"""The two ndjson members of an episode, in both on-disk dialects, as typed lines.

First dialect: frames `{"i", "ts", "file"}`, actions `{"ts", "action", "raw"?}`. Older dialect: frames
`{"frame_id", "filename", "timestamp", ...}` with names relative to `frames/`, actions
`{"timestamp", "action"}`.
Lines of our own writing may also hold "target", "elements", "instruction", "thought", "memory",
"memory_after", "window", "frame" and "facts", which other readers ignore.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from screensmith.core.episode import Element
from screensmith.core.geometry import Box, Point
from screensmith.core.refusals import Refused


@dataclass(frozen=True, slots=True)
class Frame:
    """One recorded screen: when it was asked for (epoch seconds) and which member holds it."""

    time_seconds: float
    member: str
    elements: tuple[Element, ...] = ()
    window: Box | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class ActionLine:
    """One recorded action line: its number (from 1), when it was received, and what it says."""

    number: int
    time_seconds: float
    record: Mapping[str, Any]


Line = tuple[int, Mapping[str, Any] | Refused]


def lines_of(data: bytes) -> Iterator[Line]:
    """Every line that is not blank, with its number from 1: its object, or why it is refused."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            try:
                yield number, parse_object(line)
            except Refused as refused:
                yield number, refused


def parse_object(data: bytes) -> Mapping[str, Any]:
    """One JSON object; NaN, infinities and text that is no Unicode are refused with the rest."""
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
        if b"\\ud" in data.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate fails here
    except (ValueError, RecursionError) as error:
        raise Refused("JSON corrupt", str(error)) from error
    if not isinstance(value, dict):
        raise Refused("JSON corrupt", "not an object")
    return value


def frame_of(record: Mapping[str, Any], names: frozenset[str]) -> Frame:
    """The frame a line describes; its member may still be missing in the archive.

    Raises:
        Refused: the time, the file name or an optional key is unreadable.
    """
    name = record.get("file", record.get("filename"))
    if not isinstance(name, str) or not name:
        raise Refused("frame without a file", "no file or filename")
    inside = f"frames/{name}"
    member = inside if name not in names and inside in names else name
    elements = record.get("elements") or ()
    if not isinstance(elements, list | tuple):
        raise Refused("elements unreadable", "not a list")
    window = box_of(record["window"], "window") if record.get("window") is not None else None
    final = record.get("final") is True
    return Frame(time_of(record), member, tuple(_element(value) for value in elements), window, final)


def time_of(record: Mapping[str, Any]) -> float:
    """The line's time in epoch seconds: a number, or ISO 8601 text (UTC where it names no zone)."""
    value = record.get("ts", record.get("timestamp"))
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise Refused("time unreadable", repr(value[:40])) from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    try:
        number = (
            float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        )
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused("time unreadable", repr(value)[:40])
    return number


def box_of(value: Any, what: str) -> Box:
    """The box in `[left, top, right, bottom]`, fractions of the screen."""
    try:
        left, top, right, bottom = (float(part) for part in value)
        return Box(left, top, right, bottom)
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(f"{what} off the screen or unreadable", str(error)) from error


def text_of(record: Mapping[str, Any], key: str) -> str:
    """An optional text; refused when it is something else."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise Refused(f"{key} unreadable", "not text")
    return value or ""


def mapping_of(record: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """An optional object; refused when it is something else."""
    value = record.get(key)
    if value is not None and not isinstance(value, dict):
        raise Refused(f"{key} unreadable", "not an object")
    return value


def _element(value: Any) -> Element:
    if not isinstance(value, dict):
        raise Refused("elements unreadable", "not an object")
    box = box_of(value.get("box"), "element")
    point = None
    if value.get("point") is not None:
        try:
            point = Point(*(float(part) for part in value["point"]))
        except (TypeError, ValueError, OverflowError) as error:
            raise Refused("element off the screen or unreadable", str(error)) from error
    return Element(box, text_of(value, "text"), text_of(value, "kind"), point)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
