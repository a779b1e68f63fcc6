"""When two places, texts and actions count as the same."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from typing import Any

from screensmith.core.actions import Action
from screensmith.core.geometry import Box, Point
from screensmith.core.prediction import Prediction
from screensmith.core.sample import Question

NEAR = 0.14
"""How far a place may lie from the expected one, in fractions of the screen without correcting for
its shape. Source: the tap threshold of action matching in Android in the Wild."""

# Dialects write two or three decimals, so an equal number comes back slightly changed.
NUMBER_TOLERANCE = 0.01


def target_of(question: Question, number: int) -> Box | None:
    """The box that the expected action `number` must hit: a target belongs to the first action."""
    return question.target if number == 0 else None


def hits(point: Point, expected: Point, target: Box | None, limit: float) -> bool:
    """Whether a place is good: inside the target where there is one, else at most `limit` away."""
    return target.contains(point) if target is not None else point.distance(expected) <= limit


def same_text(text: str, expected: str) -> bool:
    """Whether two texts are equal apart from case, white space and Unicode composition."""
    return _normal(text) == _normal(expected)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def same_action(action: Action, expected: Action, target: Box | None, limit: float) -> bool:
    """Whether two actions have the same kind and every field of one agrees with the other's.

    A field that the expected action leaves unknown (None or "" by default, as a scroll's amount)
    agrees with everything, except a place: acting at a place is not acting at the focus.
    """
    if type(action) is not type(expected):
        return False
    first = True
    for field in dataclasses.fields(expected):
        wanted, given = getattr(expected, field.name), getattr(action, field.name)
        if isinstance(wanted, Point) and isinstance(given, Point):
            if not hits(given, wanted, target if first else None, limit):
                return False
            first = False
        elif not _same_value(given, wanted, unknown=field.default):
            return False
    return True


def _same_value(given: Any, wanted: Any, unknown: Any) -> bool:
    if isinstance(given, Point) or isinstance(wanted, Point):
        return False
    if wanted == unknown and wanted in (None, ""):
        return True
    if isinstance(wanted, str) and isinstance(given, str):
        return same_text(given, wanted)
    if isinstance(wanted, float) and isinstance(given, int | float):
        return math.isclose(given, wanted, rel_tol=NUMBER_TOLERANCE, abs_tol=NUMBER_TOLERANCE)
    return bool(given == wanted)


def readable(prediction: Prediction) -> bool:
    """Whether the answer holds actions at all."""
    return bool(prediction.actions) and not prediction.problem
