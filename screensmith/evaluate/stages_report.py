"""Two stages of one model on the same screens, side by side: their answers, their thoughts, and a test.

The page answers one question first: did the second stage change what is measured?
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from screensmith.benchmarks import Scored
from screensmith.benchmarks._figures import FORMAT_ERRORS
from screensmith.core.episode import Screenshot
from screensmith.evaluate._failures import in_turn
from screensmith.evaluate._frames import Frame, Strip, describe, strips_html
from screensmith.evaluate._html import escape, tag
from screensmith.evaluate._page import bar, difference_bar, note, page, row, section, table, tile
from screensmith.evaluate._pictures import Narrower
from screensmith.evaluate._resampling import Difference
from screensmith.evaluate.benchmark import BenchmarkResult, Measured, compare
from screensmith.evaluate.interval import Interval
from screensmith.evaluate.summary import NOTHING, percent, signed_points

SURE = 0.05
"""A difference counts where chance alone gives one as large in fewer than one of twenty such tests."""

ThoughtOf = Callable[[str], str]


def no_thought(text: str) -> str:  # noqa: ARG001
    """For answers that hold none."""
    return ""


@dataclass(frozen=True, slots=True)
class Answered:
    """How one stage did on one set of samples; `thought_of` finds the thought in an answer's text."""

    name: str
    result: BenchmarkResult
    thought_of: ThoughtOf = field(default=no_thought)


@dataclass(frozen=True, slots=True)
class Part:
    """One set of samples that every stage answered, under a heading of its own.

    `metric` names the score that says whether one answer is right, and `what` that which is measured,
    in a word for the sentence: "grounding".
    """

    heading: str
    what: str
    metric: str
    stages: tuple[Answered, ...]


def write_stages_report(path: Path, title: str, parts: Sequence[Part], *, shown: int) -> None:
    """Write the page as one HTML file that loads nothing.

    Args:
        path: of the file.
        title: of the page.
        parts: one or more sets of samples, each with the answers of one stage or of two.
        shown: how many screens of each part are drawn.

    Raises:
        OSError: the file cannot be written.
        ValueError: the stages of a part did not answer the same samples under the same rules.
    """
    body = tag("header", tag("h1", escape(title)) + _tiles(parts[0]) + _verdicts(parts))
    for part in parts:
        body += section(part.heading, _figures(part) + _differences(part))
        body += section(f"{part.heading}: the screens", _screens(part, shown))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(title, body), encoding="utf-8")


def verdict(part: Part) -> str:
    """One sentence: whether the last stage changed the headline, by how much, and how sure that is.

    Raises:
        ValueError: the part has no two stages, or they cannot be compared.
    """
    before, after = part.stages
    found = headline_difference(part)
    old, new = (percent(one.result.score) for one in part.stages)
    scores = f"{old} after {before.name}, {new} after {after.name}"
    said = after.name[:1].upper() + after.name[1:]
    if found is None:
        return f"Whether {after.name} changed {part.what} cannot be said: {scores}, without paired values."
    if found.p < SURE:
        how = f"{said} {'improved' if found.value > 0 else 'worsened'} {part.what}"
    else:
        how = f"No change of {part.what} by {after.name} could be shown"
    return (
        f"{how}: {scores}, a difference of {signed_points(found.value)} points ({_ends(found)}; "
        f"p = {found.p:.3g}, {found.test}; N = {after.result.samples:,} {_unit(part)} that both answered)."
    )


def _unit(part: Part) -> str:
    """What the headline counts, in its own word, for the sentence."""
    unit = part.stages[-1].result.measured(part.stages[-1].result.headline).figure.unit
    return "samples" if unit == "cells" else unit


def headline_difference(part: Part) -> Difference | None:
    """The paired difference of the headline, None where the headline holds no single values."""
    before, after = (one.result for one in part.stages)
    return next((one for one in compare(after, before) if one.figure == after.headline), None)


def _verdicts(parts: Sequence[Part]) -> str:
    said = [verdict(part) for part in parts if len(part.stages) > 1]
    return "".join(tag("p", escape(sentence), {"class": "verdict"}) for sentence in said)


def _ends(one: Difference) -> str:
    if one.interval_low is None or one.interval_high is None:
        return "no interval, for fewer than two independent parts"
    return f"95 % interval {signed_points(one.interval_low)} to {signed_points(one.interval_high)}"


# --- The numbers. ---


def _tiles(part: Part) -> str:
    tiles = []
    for stage in part.stages:
        result = stage.result
        measured = result.measured(result.headline)
        tiles.append(
            tile(f"{result.headline}, {stage.name}", percent(measured.figure.value), _small(measured))
        )
    if len(part.stages) > 1 and (found := headline_difference(part)) is not None:
        tiles.append(
            tile("difference", signed_points(found.value), f"points, {_ends(found)}, p = {found.p:.3g}")
        )
    return tag("div", "".join(tiles), {"class": "tiles even"})


def _small(measured: Measured) -> str:
    figure, interval = measured.figure, measured.interval
    ends = ""
    if interval is not None:
        ends = f"[{100 * interval.low:.1f} to {100 * interval.high:.1f} %] "
    return f"{ends}N={figure.count:,} {figure.unit}"


def _figures(part: Part) -> str:
    columns = [{one.figure.name: one for one in stage.result.figures} for stage in part.stages]
    headline = part.stages[-1].result.headline
    names = sorted({name: None for column in columns for name in column}, key=lambda name: name != headline)
    rows = [
        row(
            name,
            "".join(_cell(column.get(name)) for column in columns),
            "headline" if name == headline else "",
        )
        for name in names
    ]
    unreadable = [_unreadable(stage.result) for stage in part.stages]
    rows.append(row("unreadable answers", "".join(tag("td", escape(text)) for text in unreadable)))
    said = (
        "The first row is the headline; brackets and whiskers are 95 % intervals. "
        f"Asked as {_words(part)}; the samples' hash is {part.stages[0].result.data_hash}."
    )
    return table(["", *(stage.name for stage in part.stages)], rows, "measures") + note(said)


def _words(part: Part) -> str:
    return " and as ".join(dict.fromkeys(one.result.origin.prompt or "given" for one in part.stages))


def _unreadable(result: BenchmarkResult) -> str:
    reasons = "; ".join(f"{count:,} {reason}" for reason, count in result.unreadable.items())
    return f"{sum(result.unreadable.values()):,} of {result.samples:,}" + (
        f" ({reasons})" if reasons else ""
    )


def _cell(measured: Measured | None) -> str:
    if measured is None or measured.figure.value is None:
        return tag("td", tag("span", NOTHING, {"class": "value"}))
    value = tag("span", percent(measured.figure.value), {"class": "value"})
    kind = "bad" if measured.figure.name == FORMAT_ERRORS else ""
    drawn = bar(measured.figure.value, measured.interval, kind)
    return tag("td", value + tag("small", escape(_small(measured))) + drawn)


def _differences(part: Part) -> str:
    if len(part.stages) < 2:
        return ""
    before, after = part.stages
    found = compare(after.result, before.result)
    if not found:
        return note("No figure holds values of single samples to compare.")
    ends = [abs(end) for one in found for end in (one.interval_low, one.interval_high) if end]
    reach = max([*ends, *(abs(one.value) for one in found)]) or 1.0
    rows = []
    for one in found:
        interval = None
        if one.interval_low is not None and one.interval_high is not None:
            interval = Interval(one.interval_low, one.interval_high)
        # Of format errors less is better, so that a bar to the right is not good there.
        worse = "worse" if (one.value < 0) != (one.figure == FORMAT_ERRORS) else ""
        drawn = tag("span", f"{signed_points(one.value)} points", {"class": "value"})
        drawn += tag("small", escape(_ends(one))) + difference_bar(one.value, interval, reach, worse)
        cells = (f"{one.p:.3g}", one.test, f"{one.clusters:,}")
        kind = "headline" if one.figure == after.result.headline else ""
        rows.append(row(one.figure, tag("td", drawn) + "".join(tag("td", escape(t)) for t in cells), kind))
    heading = ["", f"{after.name} minus {before.name}", "p", "test", "independent parts"]
    said = "The p values are not corrected for their number; the headline's is the one that was asked for."
    return table(heading, rows, "differences") + note(said)


# --- The screens. ---


def _screens(part: Part, shown: int) -> str:
    by_id = [{one.sample.id: one for one in stage.result.scored} for stage in part.stages]
    groups: dict[str, list[str]] = {}
    for id in sorted(by_id[0], key=_place):
        groups.setdefault(_outcome(part, by_id, id), []).append(id)
    order = [name for name in _outcomes(part) if name in groups]
    turns = in_turn([[(name, id) for id in groups[name]] for name in order])[:shown]
    text = '<span class="key given">what the model did</span><span class="key target">what was right</span>'
    content = [tag("p", text, {"class": "legend"})]
    for name in order:
        chosen = [id for own, id in turns if own == name]
        said = f"{len(groups[name]):,}" + (
            f", {len(chosen):,} shown" if len(chosen) < len(groups[name]) else ""
        )
        heading = f"{escape(name)} {tag('span', said, {'class': 'ending'})}"
        content.append(tag("h3", heading, {"class": "kind"}))
        content.append(strips_html(_strip(part, by_id, id) for id in chosen))
    return "".join(content)


def _outcomes(part: Part) -> tuple[str, ...]:
    if len(part.stages) < 2:
        return ("wrong", "right")
    before, after = (stage.name for stage in part.stages)
    return (
        f"only right after {before}",
        f"only right after {after}",
        "wrong after both",
        "right after both",
    )


def _outcome(part: Part, by_id: Sequence[Mapping[str, Scored]], id: str) -> str:
    right = [answers[id].scores[part.metric] == 1.0 for answers in by_id]
    if len(right) < 2:
        return _outcomes(part)[right[0]]
    kinds = {(True, False): 0, (False, True): 1, (False, False): 2, (True, True): 3}
    return _outcomes(part)[kinds[(right[0], right[1])]]


def _place(id: str) -> bytes:
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _strip(part: Part, by_id: Sequence[Mapping[str, Scored]], id: str) -> Strip:
    sample = by_id[0][id].sample
    frames = tuple(
        _frame(stage, answers[id], part.metric) for stage, answers in zip(part.stages, by_id, strict=True)
    )
    cell = " ".join(str(sample.facts[key]) for key in ("platform", "data_type") if sample.facts.get(key))
    return Strip(id, sample.questions[0].ask or sample.goal, cell, frames)


def _frame(stage: Answered, one: Scored, metric: str) -> Frame:
    sample, question, text = one.sample, one.sample.questions[0], one.prediction.text
    thought = stage.thought_of(text)
    right = one.scores[metric] == 1.0
    wrong = "" if right else one.prediction.problem or f"wrong: {_given(one)}"
    return Frame(
        name=f"{stage.name}: {'right' if right else 'wrong'}",
        screenshot=Screenshot(Narrower(sample.screenshot), sample.screenshot.size),
        answer=text.replace(thought, "…", 1) if thought else text,
        actions=one.prediction.actions,
        reason=wrong,
        expected=() if right else question.expected,
        target=question.target,
        thought=thought,
    )


def _given(one: Scored) -> str:
    return "; ".join(describe(action) for action in one.prediction.actions) or "no action"
