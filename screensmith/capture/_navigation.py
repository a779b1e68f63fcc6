"""Which page loads a person asked for, told from the browser's own history: pure rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from screensmith.capture._reports import REDACTED

CAUSED_SECONDS = 1.0
"""A reload or a step in the history this soon after input in the page was done by that input."""

ASKED_FOR = frozenset({"typed", "auto_bookmark", "generated", "keyword", "keyword_generated"})
ADDRESSES = ("http://", "https://", "file://", "data:")
SECRET_PARAMETER = re.compile(r"pass(word|wd|phrase|code)?|pwd|secret|token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class History:
    """A tab's history: the entries' numbers, the current one's place, address and how it came about."""

    numbers: tuple[int, ...]
    index: int
    address: str
    transition: str


def read_history(answer: Mapping[str, Any]) -> History:
    """The DevTools protocol's `Page.getNavigationHistory` answer."""
    entries, index = answer["entries"], int(answer["currentIndex"])
    current = entries[index]
    return History(
        numbers=tuple(int(entry["id"]) for entry in entries),
        index=index,
        address=str(current.get("userTypedURL") or current["url"]),
        transition=str(current["transitionType"]),
    )


def classify(
    navigation_type: str, before: History, after: History, *, since_input_seconds: float
) -> tuple[str, str] | None:
    """What a person did to the browser itself: ("visit", address), ("back", ""), ... or None.

    Links, forms and scripts also load pages; those follow from actions in the page that are recorded
    themselves. `since_input_seconds` is the time from the last input in the page to the start of the load.
    """
    by_input = since_input_seconds <= CAUSED_SECONDS
    if navigation_type.startswith("reload"):
        return None if by_input else ("reload", "")
    current = after.numbers[after.index]
    if navigation_type.startswith("history") or current in before.numbers[: before.index]:
        if by_input or current == before.numbers[before.index]:
            return None
        return (_direction(before, after), "")
    if after.transition in ASKED_FOR and after.address.startswith(ADDRESSES):
        return ("visit", without_secrets(after.address))
    return None


def _direction(before: History, after: History) -> str:
    """Which way a step in the history went.

    At an end of the history there is one way only. That is looked at first, because on a slow machine
    `after` may have been asked for when yet another page had been loaded.
    """
    if before.index == len(before.numbers) - 1:
        return "back"
    if before.index == 0:
        return "forward"
    return "back" if after.index < before.index else "forward"


def without_secrets(address: str) -> str:
    """The address without a user's password and without the values of parameters named like secrets."""
    try:
        parts = urlsplit(address)
        password = parts.password
    except ValueError:
        return address.partition("?")[0]
    place = parts.netloc
    if password:
        place = place.replace(f":{password}@", f":{REDACTED}@", 1)
    query = parts.query
    if SECRET_PARAMETER.search(query):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode(
            [(name, REDACTED if SECRET_PARAMETER.search(name) else value) for name, value in pairs]
        )
    if place == parts.netloc and query == parts.query:
        return address
    return urlunsplit((parts.scheme, place, parts.path, query, parts.fragment))
