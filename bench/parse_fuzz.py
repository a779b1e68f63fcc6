"""Hostile answers for the dialects of code: none may crash, hang or run.

    python bench/parse_fuzz.py [--texts 100000] [--seed 0]

Texts are pieces of calls, tags, fences, quotes and programs in random order, broken renderings, and a
few long repetitions. While they are read, an audit hook counts every attempt to run, open, import or
start anything; what Python itself does to tell of a mistake in a source is left out: it looks for a file
named "<unknown>". Prints counts by reason, the slowest text, and typical strings read a second.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
import unicodedata  # noqa: F401  (Python imports it to read "\\N{DASH}"; here before anything is watched)
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from screensmith.core.actions import Action
from screensmith.core.geometry import Size
from screensmith.dialects import Unreadable, forge, pyautogui

SIZE = Size(1280, 800)
PIECES = [
    "pyautogui.click(x=0.1, y=0.2)", "click(x=0.3, y=0.4)", "type('it\\'s')",
    "pyautogui.write(message=", "mobile.", "os.system('x')",
    "__import__('os').system('touch /tmp/x')", "eval(", "exec('1')", "open('/etc/passwd')",
    "lambda: ", "f'{x}'", "[x for x in y]", "{", "}", "(", ")", "[", "]", "'", "\"", "'''",
    "\"\"\"", "\\", "\\u", "\\ud800", "\\x", "\\N{DASH}", "\0", "\ud800", "\n", "\r", "\t", " ",
    ";", ",", "=", ":", "#", "`", "```", "```python\n", "<think>", "</think>", "<code>", "</code>",
    "Thought: ", "\nAction: ", "\nObservation:", "<|im_end|>", "click", "type(", "press(",
    "scroll(", "drag(from_coord=[0.1, 0.2], to_coord=", "final_answer(", "x=", "y=", "1e999", "0x",
    "1_0", "00", "-", "--", "+", "*", "**", "not ", "if ", "else ", "1if 1else 2", "None", "True",
    "...", "b'x'", "é", "中", "import os\n", "import pyautogui\n", "def f():\n", "class A: pass",
    "@", ":=", "await ", "yield ", "word(s) ", "see click(", ".foo",
    "9" * 50,
]  # fmt: skip
FORBIDDEN = (
    "exec",
    "open",
    "import",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "shutil.",
    "code.__new__",
)
TYPICAL = {
    "pyautogui": [
        "pyautogui.click(x=0.8018, y=0.6183)",
        "pyautogui.write(message='hello world')",
        "pyautogui.scroll(page=-0.1)",
        "pyautogui.moveTo(x=0.1, y=0.2)\npyautogui.dragTo(x=0.3, y=0.4)",
        "Thought: the search field is empty\nAction: Click the search field\npyautogui.click(x=0.5, y=0.1)",
        "mobile.swipe(from_coord=[0.5, 0.8], to_coord=[0.5, 0.2])",
    ],
    "forge": [
        "click(x=0.8018, y=0.6183)",
        "Action: click(x=0.8018, y=0.6183)",
        "type('hello world')",
        "scroll(direction='down', amount=10)",
        "<think>\nThe field is empty, so I click it.\n</think>\n<code>\nclick(x=0.5, y=0.1)\n</code>",
    ],
}
DIALECTS: dict[str, Any] = {"pyautogui": pyautogui.dialect(), "forge": forge.dialect()}
PASSES, AT_ONCE = 5, 5_000


class Watch:
    """Counts what is attempted while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.attempts: Counter[str] = Counter()

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event.startswith(FORBIDDEN) and arguments[:1] != ("<unknown>",):
            self.attempts[f"{event} {arguments[:1]}"[:80]] += 1


def hostile(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.02:  # as long as answers may be
        piece = chance.choice(PIECES) + chance.choice(PIECES)
        return (piece * 20_000)[: chance.randrange(20_000)]
    if kind < 0.3:  # a good answer with a piece put in
        text = chance.choice(chance.choice(list(TYPICAL.values())))
        cut, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        return text[:cut] + chance.choice(PIECES) + text[chance.choice((cut, end)) :]
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 25)))


def read(parse: Callable[[str, Size], tuple[Action, ...]], text: str) -> str:
    try:
        return "" if parse(text, SIZE) else "no action and no reason"
    except Unreadable as problem:
        return str(problem)


def rates() -> dict[str, dict[str, float]]:
    """Strings read a second of CPU time: each typical one, and all in turn."""
    found: dict[str, dict[str, float]] = {}
    for name, texts in TYPICAL.items():
        parse = DIALECTS[name].parse
        found[name] = {
            (text if len(several) == 1 else "all"): rate(parse, several)
            for several in [*([text] for text in texts), texts]
            for text in several[:1]
        }
    return found


def rate(parse: Callable[[str, Size], tuple[Action, ...]], texts: list[str]) -> float:
    rounds = AT_ONCE // len(texts)
    seconds = []
    for _ in range(PASSES):
        begin = time.process_time()
        for _ in range(rounds):
            for text in texts:
                parse(text, SIZE)
        seconds.append(time.process_time() - begin)
    return round(rounds * len(texts) / statistics.median(seconds))


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--texts", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=0)
    arguments = asked.parse_args()
    for name, dialect in DIALECTS.items():  # what is imported once is imported before watching
        for text in TYPICAL[name]:
            dialect.parse(text, SIZE)
    watch = Watch()
    sys.addaudithook(watch)
    chance = random.Random(arguments.seed)
    reasons: Counter[str] = Counter()
    slowest, slowest_text = 0.0, ""
    begin = time.perf_counter()
    for _ in range(arguments.texts):
        text = hostile(chance)
        for dialect in DIALECTS.values():
            started = time.perf_counter()
            watch.on = True
            reason = read(dialect.parse, text)
            watch.on = False
            spent = time.perf_counter() - started
            if spent > slowest:
                slowest, slowest_text = spent, text
            reasons[reason.split("'")[0] or "read"] += 1
    result = {
        "texts": arguments.texts,
        "seconds": round(time.perf_counter() - begin, 1),
        "forbidden": dict(watch.attempts),
        "slowest_milliseconds": round(slowest * 1000, 1),
        "slowest_text": slowest_text[:120],
        "reasons": dict(reasons.most_common()),
        "typical_per_cpu_second": rates(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
