"""The arguments of calls as what actions hold; numbers may be written as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable
from screensmith.dialects._coordinates import NUMBER, CoordinateFrame
from screensmith.dialects._literals import finite_number

PLAIN_NUMBER = r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,12})?"
"""Numbers as most records have them, which mean the same to `float` and to Python."""

PLACES_ARE: Mapping[str, str] = {
    "fraction": "fractions of the screen's width and height, from 0 to 1",
    "thousand": "whole numbers from 0 to 1000 across and down the screen",
    "seen_pixels": "pixels of the screenshot",
}
"""What a description says of each coordinate frame."""

ReadPlace = Callable[[object, object], Point]


def number_of(value: object, what: str) -> float:
    """A finite number, or the text of one.

    Raises:
        Unreadable: it is none, or is missing (None).
    """
    if value is None:
        raise Unreadable(f"{what} is missing")
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        value = float(value)
    return finite_number(value, what)


def seconds_of(value: object) -> float:
    """A number of seconds, not negative; raises Unreadable."""
    seconds = number_of(value, "seconds")
    if seconds < 0:
        raise Unreadable("seconds is negative")
    return seconds


def count_of(value: object, what: str, most: int) -> int:
    """A whole number from 1 to `most`; None counts as 1. Raises Unreadable."""
    number = 1.0 if value is None else number_of(value, what)
    if not number.is_integer() or not 1 <= number <= most:
        raise Unreadable(f"{what} is not a whole number from 1 to {most}")
    return int(number)


def text_of(value: object, what: str) -> str:
    """A text; a whole number is one whose quotes were forgotten. Raises Unreadable."""
    if value is None:
        raise Unreadable(f"{what} is missing")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Unreadable(f"{what} is not text")
    return value


def name_of_application(value: object) -> str:
    """A text that is not empty; raises Unreadable."""
    name = text_of(value, "app_name")
    if not name:
        raise Unreadable("app_name is empty")
    return name


def place_of(values: Mapping[str, Any], read: ReadPlace) -> Point | None:
    """The place under x and y, or the pair under x alone; None where neither is given.

    Raises:
        Unreadable: only one of them is, or they are no place on the screen.
    """
    x, y = values.get("x"), values.get("y")
    if x is None and y is None:
        return None
    if isinstance(x, list) and y is None:
        return pair_of(x, "position", read)
    if x is None or y is None:
        raise Unreadable("position needs x and y")
    return read(x, y)


def given_place_of(values: Mapping[str, Any], read: ReadPlace) -> Point:
    """The place under x and y; raises Unreadable where there is none."""
    place = place_of(values, read)
    if place is None:
        raise Unreadable("position is missing")
    return place


def pair_of(value: object, what: str, read: ReadPlace) -> Point:
    """The place that [x, y] says; raises Unreadable."""
    if value is None:
        raise Unreadable(f"{what} is missing")
    if not isinstance(value, list) or len(value) != 2:
        raise Unreadable(f"{what} is not [x, y]")
    return read(value[0], value[1])


def ends_of(values: Mapping[str, Any], read: ReadPlace) -> tuple[Point, Point]:
    """The places under from_coord and to_coord; raises Unreadable."""
    return pair_of(values.get("from_coord"), "from_coord", read), pair_of(
        values.get("to_coord"), "to_coord", read
    )


def written_place(places: CoordinateFrame, size: Size, *points: Point) -> str:
    """The numbers of one place or several in one pair of brackets: "[0.5, 0.1]"."""
    return f"[{', '.join(number for point in points for number in places.write(point, size))}]"
