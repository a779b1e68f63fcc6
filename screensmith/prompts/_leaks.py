"""Whether a request tells its own answer: the worst way for a number to be good."""

from __future__ import annotations

import re

from screensmith.core.actions import Operate

_SIGNS = re.compile(r"[\s\"'\\]+")
GROUND_TRUTH = "ground_truth"


def tells_answer(request: str, expected: Operate) -> bool:
    """Whether a request holds the expected operation as a record, or something called ground truth.

    Spacing, quotes, escapes and case make no difference. Records of what was done before are told apart
    by their names ("last_action").
    """
    plain = _plain(request)
    if GROUND_TRUTH in plain:
        return True
    name, target = _plain(expected.name), _plain(expected.target)
    ways = [f"action:{name},target:{target}", f"target:{target},action:{name}"]
    if not target:
        ways.append(f"action:{name}")
    return any(
        re.search(rf"(?<![a-z0-9_]){re.escape(way)}(?=[,}}\]]|$)", plain) is not None for way in ways
    )


def _plain(text: str) -> str:
    return _SIGNS.sub("", text.lower())
