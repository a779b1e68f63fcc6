"""Where in a model's answer the calls are, and what is thought around them.

The answer is looked for in this order; the first place that holds a call is it.

1. The whole text, where it is nothing but calls (with blanks, `;`, comments between them).
2. `<code>` blocks, closed or not, outside of thoughts.
3. Markdown fences, outside of thoughts.
4. Lines that are calls, after a bullet or `Action:` or not.
5. A single place in the prose.

A thought is what `<think>` encloses (until `</think>`; if that is missing, until the last `<code>`, else
the last line that begins with `Action:`, else the end), what stands before a lone `</think>`, and what
follows `Thought:` or `Observation:` at the start of a line (until `Action:`, or, where no `Action:` comes,
until a line that is a call). Calls that a thought mentions are never the answer. Different calls in
several places of the same rank are no answer either: nobody knows which is meant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from screensmith.dialects import Unreadable
from screensmith.dialects._calls import CALL, NAME, Call, end_of_call, parsed_program, read_call
from screensmith.dialects._literals import LONGEST_ANSWER

MOST_BROKEN = 20
_CONTROL = r"<\|\w+\|>|</s>|<end_of_utterance>"
_IMPORT = r"(?<![^\n;])[ \t]*import[ \t]+(?:pyautogui|time)[ \t]*(?=[;\n]|\Z)"
_BLANK = rf"[\s;]++|\#[^\n]*+|{_CONTROL}|{_IMPORT}"
_GAP = re.compile(rf"(?:{_BLANK})*+")
_FENCED_GAP = re.compile(rf"(?:{_BLANK}|```(?:python|py)?(?!\w))*+")
_TURN_END = re.compile(_CONTROL)
_THINKING = re.compile(r"<(/?)think>", re.IGNORECASE)
_CODE = re.compile(r"<code>", re.IGNORECASE)
_CODE_END = re.compile(r"</code>", re.IGNORECASE)
_FENCE = re.compile(r"```(?:(?:python|py|tool_code|code|plaintext|text)\b)?")
_LABEL = re.compile(
    r"^[ \t]*+[#*_]*+[ \t]*+(observation|thought|action)s?[*_]*+:[*_]*+[ \t]*+",
    re.IGNORECASE | re.MULTILINE,
)
_LINE = re.compile(
    r"^[ \t]*+(?:(?:[-*>]|>>>|[0-9]{1,3}[.)])[ \t]++)?(?:[*_]*+action[*_]*+:[*_]*+[ \t]*+)?(?:`|\*\*)?"
    rf"(?P<call>(?P<name>{NAME})\()",
    re.IGNORECASE | re.MULTILINE,
)
_LINE_END = re.compile(
    rf"(?:[ \t;`]|\*\*|{_CONTROL}|</code>|\.(?=\s|\Z))*+(?:\#[^\n]*+)?(?=\r?\n|\Z)", re.IGNORECASE
)
_BETWEEN = re.compile(r"[ \t;]*+")
# Lines that may stand between the last word of a thought and the first call.
_OPENING_LINE = re.compile(
    r"[ \t]*(?:[-*>]|>>>|\*\*|[0-9]{1,3}[.)]|```\w*|import[ \t]+(?:pyautogui|time))[ \t]*", re.ASCII
)
_HIDDEN = "\0"
_LIST_MARK = re.compile(r"\s*[-+]\s")


@dataclass(frozen=True, slots=True)
class Found:
    """Calls that stand together, from `start` to `end` of the text."""

    calls: tuple[Call, ...]
    start: int
    end: int


def find_calls(text: str, names: Set[str]) -> Found:
    """The calls that a text answers with; `names` are those of the dialect.

    Raises:
        Unreadable: there are none, or it is not clear which; the message is a short, countable reason.
    """
    if len(text) > LONGEST_ANSWER:
        raise Unreadable("answer too long")
    whole = _whole(text, names)
    if whole is not None:
        return whole
    if not text.strip():
        raise Unreadable("empty answer")
    spoken = _without_thoughts(text)
    coded = _one(list(_blocks(spoken, _CODE, _CODE_END, names)))
    if coded is not None:
        return coded
    if _CODE.search(spoken):
        raise Unreadable("no call in the code block")
    _refuse_programs(spoken, names)
    spoken = _without_labelled_thoughts(spoken, names)
    lines = _Lines(spoken, names)
    found = (
        _one(list(_blocks(spoken, _FENCE, _FENCE, names))) or _one(lines.found) or _mentioned(spoken, names)
    )
    if found is None:
        raise Unreadable(
            lines.problem
            or ("no call" if spoken.replace(_HIDDEN, "").strip() else "a thought without an answer")
        )
    return found


def split(text: str, names: Set[str]) -> tuple[str, str]:
    """What an answer thinks, without labels and tags, and its calls as they are written.

    The calls are "" where there are none, or where it is not clear which are meant; then a text that is
    only broken calls is no thought either. Nothing is raised.
    """
    try:
        found = find_calls(text, names)
    except Unreadable:
        thought = _thought(text)
        return ("" if CALL.search(thought) and thought == text.strip() else thought), ""
    return _thought(text[: found.start]), text[found.start : found.end]


def sections_of(text: str) -> dict[str, str]:
    """What follows `Observation:`, `Thought:` and `Action:` at the start of a line, by the lower-case word.

    A section ends at the next of the three words; the same words inside a sentence are only words.
    """
    labels = list(_LABEL.finditer(text))
    sections: dict[str, str] = {}
    for number, label in enumerate(labels):
        end = labels[number + 1].start() if number + 1 < len(labels) else len(text)
        name, part = label[1].lower(), text[label.end() : end].strip()
        sections[name] = f"{sections[name]}\n{part}" if name in sections else part
    return sections


def _whole(text: str, names: Set[str]) -> Found | None:
    begin = _GAP.match(text)
    start = begin.end() if begin else 0
    if not CALL.match(text, start):
        return None
    try:
        found, _ = _sequence(text, start, names, None)
    except Unreadable:
        return None
    return found


def _sequence(
    text: str, start: int, names: Set[str], stop: re.Pattern[str] | None
) -> tuple[Found | None, int]:
    """The calls from `start` to `stop` or the end of the text, nothing else being there; and its end."""
    calls: list[Call] = []
    first = last = position = start
    while True:
        gap = (_FENCED_GAP if stop is _CODE_END else _GAP).match(text, position)
        position = gap.end() if gap else position
        closing = stop.match(text, position) if stop else None
        if closing or position == len(text):
            found = Found(tuple(calls), first, last) if calls else None
            return found, closing.end() if closing else position
        opening = CALL.match(text, position)
        if opening is None:
            raise Unreadable("text after a call" if calls else "code that is no call")
        if calls and _TURN_END.search(text, last, position):
            raise Unreadable("different calls in several places")
        call, last = _read(text, opening, names)
        first = first if calls else position
        calls.append(call)
        position = last


def _read(text: str, opening: re.Match[str], names: Set[str]) -> tuple[Call, int]:
    if opening[1] not in names:
        raise Unreadable(f"unknown call {opening[1][:40]!r}")
    end = end_of_call(text, opening.end() - 1)
    return read_call(text[opening.start() : end]), end


def _blocks(text: str, start: re.Pattern[str], stop: re.Pattern[str], names: Set[str]) -> Iterator[Found]:
    """The calls of each block; a block without anything like a call is passed over."""
    position = 0
    while begin := start.search(text, position):
        try:
            found, position = _sequence(text, begin.end(), names, stop)
        except Unreadable:
            closing = stop.search(text, begin.end())
            if CALL.search(text, begin.end(), closing.start() if closing else len(text)):
                raise
            if closing is None:
                return
            found, position = None, closing.end()
        if found is not None:
            yield found


def _one(found: list[Found]) -> Found | None:
    if any(other.calls != found[0].calls for other in found):
        raise Unreadable("different calls in several places")
    return found[0] if found else None


def _hidden(text: str, start: int, end: int, sign: str = " ") -> str:
    """The text with a part overwritten, so that all positions stay."""
    return text[:start] + re.sub(r"[^\n]", sign, text[start:end]) + text[end:]


def _without_thoughts(text: str) -> str:
    first = _THINKING.search(text)
    code = _CODE.search(text)
    if first is None or (code and code.start() < first.start() and not _CODE.search(text, first.end())):
        return text  # what comes after the code is no thought before it
    if first[1]:
        return _hidden(text, 0, first.end())
    end_of_thoughts = 0
    while begin := _THINKING.search(text, end_of_thoughts):
        closing = next((tag for tag in _THINKING.finditer(text, begin.end()) if tag[1]), None)
        end = closing.end() if closing else _end_of_open_thought(text, begin.end())
        text = _hidden(text, begin.start(), end)
        end_of_thoughts = end
        after = _CODE.search(text, end)
        if closing is None or (after and not _THINKING.search(text, end, after.start())):
            break
    return text


def _end_of_open_thought(text: str, start: int) -> int:
    codes = [code.start() for code in _CODE.finditer(text, start)]
    actions = [label.start() for label in _LABEL.finditer(text, start) if label[1].lower() == "action"]
    return (codes or actions or [len(text)])[-1]


def _without_labelled_thoughts(text: str, names: Set[str]) -> str:
    labels = list(_LABEL.finditer(text))
    actions = [label.start() for label in labels if label[1].lower() == "action"]
    for number, label in enumerate(labels):
        if label[1].lower() == "action":
            continue
        end = labels[number + 1].start() if number + 1 < len(labels) else len(text)
        if not actions or actions[-1] < label.start():
            lines = (line for line in _LINE.finditer(text, label.end(), end) if line["name"] in names)
            starts = [
                match.start()
                for match in (next(lines, None), _FENCE.search(text, label.end(), end))
                if match
            ]
            end = min([*starts, end])
        text = _hidden(text, label.start(), end, _HIDDEN)  # no blank: what it parts stays apart
    return text


def _refuse_programs(text: str, names: Set[str]) -> None:
    """Refuse what is Python as a whole but not only calls: loops, functions, calls inside of calls."""
    if "(" not in text or _LABEL.search(text) or _LIST_MARK.match(text):
        return
    program = parsed_program(text.strip())
    if program is None or not any(isinstance(node, ast.Call) for node in ast.walk(program)):
        return
    found, _ = _sequence(text, 0, names, None)
    if found is None:
        raise Unreadable("no call")


class _Lines:
    """Lines that are calls, and the first reason why a line that looks like one is none."""

    def __init__(self, text: str, names: Set[str]) -> None:
        self.found: list[Found] = []
        self.problem = ""
        self._names = names
        position, broken = 0, 0
        while broken < MOST_BROKEN and (line := _LINE.search(text, position)):
            position = line.end()
            if not self._is_candidate(text, line):
                continue
            try:
                spans = self._calls_of_line(text, line)
                calls = tuple(read_call(text[start:end]) for start, end in spans)
            except Unreadable as problem:
                broken += 1
                self.problem = self.problem or str(problem)
                if self._is_code(text, line):
                    raise
                continue
            if spans:
                self._add(text, line, Found(calls, spans[0][0], spans[-1][1]))
                position = spans[-1][1]
        if broken == MOST_BROKEN:
            raise Unreadable("too many broken calls")

    def _is_candidate(self, text: str, line: re.Match[str]) -> bool:
        """Whether the line may be a call; an unknown word is one only right below a call, and alone."""
        if line["name"] in self._names or "." in line["name"]:
            return True
        return _rest_of_line(text, line.end()).endswith(")") and self._follows(text, line.start())

    def _calls_of_line(self, text: str, line: re.Match[str]) -> list[tuple[int, int]]:
        """The spans of the calls that fill the line, or none where it has other words."""
        spans: list[tuple[int, int]] = []
        opening: re.Match[str] | None = CALL.match(text, line.start("call"))
        while opening:
            if opening[1] not in self._names:
                raise Unreadable(f"unknown call {opening[1][:40]!r}")
            end = end_of_call(text, opening.end() - 1)
            spans.append((opening.start(), end))
            if _LINE_END.match(text, end):
                return spans
            gap = _BETWEEN.match(text, end)
            opening = CALL.match(text, gap.end() if gap else end)
        return []

    def _is_code(self, text: str, line: re.Match[str]) -> bool:
        """Whether a broken line is meant as a call: otherwise it is prose that begins like one."""
        return bool(
            "." in line["name"]
            or "\n" not in text[line.end() :]
            or _rest_of_line(text, line.end()).endswith(")")
            or self._follows(text, line.start())
        )

    def _follows(self, text: str, start: int) -> bool:
        if not self.found:
            return False
        end = self.found[-1].end
        rest = _LINE_END.match(text, end)
        return not (text[rest.end() if rest else end : start].strip() or _TURN_END.search(text, end, start))

    def _add(self, text: str, line: re.Match[str], found: Found) -> None:
        if self._follows(text, line.start()):
            before = self.found.pop()
            found = Found((*before.calls, *found.calls), before.start, found.end)
        self.found.append(found)


def _rest_of_line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start : end if end >= 0 else len(text)].rstrip(" \t\r;`.*")


def _mentioned(text: str, names: Set[str]) -> Found | None:
    """The one place in the prose with calls; words before parentheses that are no calls stay words."""
    found: list[Found] = []
    problem, broken, position = "", 0, 0
    while broken < MOST_BROKEN and (opening := CALL.search(text, position)):
        position = opening.end()
        if opening[1] not in names and "." not in opening[1]:
            continue
        inside = re.search(r"\w\($", text[max(0, opening.start() - 2) : opening.start()])
        try:
            if inside:
                raise Unreadable("a call as an argument")
            call, position = _read(text, opening, names)
            if re.match(r"\.\w|\[", text[position:]):
                raise Unreadable("not a plain call")
        except Unreadable as reason:
            if "." in opening[1] or inside:
                raise
            broken += 1
            problem = problem or str(reason)
            continue
        if found and not text[found[-1].end : opening.start()].strip(" \t\n\r;"):
            before = found.pop()
            found.append(Found((*before.calls, call), before.start, position))
        else:
            found.append(Found((call,), opening.start(), position))
    if broken == MOST_BROKEN:
        raise Unreadable("too many broken calls")
    if not found and problem:
        raise Unreadable(problem)
    return _one(found)


def _thought(before: str) -> str:
    """The thought in what stands before the calls."""
    blocks = re.findall(r"<think>(.*?)(?:</think>|<code>|\Z)", before, re.DOTALL | re.IGNORECASE)
    lone = re.match(r"(.*?)</think>", before, re.DOTALL | re.IGNORECASE)
    if not blocks and lone:
        blocks = [lone[1]]
    text = "\n".join(block.strip() for block in blocks) if blocks else before
    label = _LABEL.search(text)
    if label:
        return sections_of(text).get("thought", text[: label.start()].strip())
    return text if blocks else _without_opening(text)


def _without_opening(text: str) -> str:
    """The text without the tags, fences and marks at its end that open code."""
    while True:
        text = text.rstrip(" \t\r\n`")
        line = text.rfind("\n") + 1
        if text[-6:].lower() == "<code>":
            text = text[:-6]
        elif _OPENING_LINE.fullmatch(text, line):
            text = text[:line]
        else:
            return text.strip()
