"""The report of a run over task results: one HTML file that needs nothing else, no network, no script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from screensmith.core.episode import Memory, Screenshot
from screensmith.evaluate._failures import in_turn
from screensmith.evaluate._frames import Frame, Strip, strips_html
from screensmith.evaluate._html import escape, shorten, tag
from screensmith.evaluate._page import bar, difference_bar, note, page, row, section, table, tile
from screensmith.evaluate._pictures import Narrower
from screensmith.evaluate._resampling import Difference
from screensmith.evaluate.benchmark import Measured
from screensmith.evaluate.interval import Interval
from screensmith.evaluate.summary import NOTHING, percent, signed_points
from screensmith.evaluate.task_results import (
    ACTION,
    METRICS,
    PLACE,
    PROPAGATED,
    STEP,
    TARGET,
    TASK_SUCCESS,
    JudgedStep,
    ModeResult,
    TaskResults,
    summary_of,
)

REPORT = "report.html"
TASKS_SHOWN = 8
STEPS_SHOWN = 6
TASKS_IN_TABLE = 200
WORDS = {"teacher_forced": "memory of the file", "propagated": "the model's own memory"}
PARTS = {ACTION: "action", TARGET: "target", PLACE: "place"}


def write_page(folder: Path, result: TaskResults, title: str) -> Path:
    """Write `report.html`; a picture that cannot be read is replaced by the reason."""
    body = "".join(
        (
            _header(result, title),
            _figures(result),
            _differences(result),
            _groups("By action", result, {name: mode.by_action() for name, mode in result.modes.items()}),
            _groups("By task", result, {name: mode.by_task() for name, mode in result.modes.items()}),
            _circumstances(result),
            _failures(result),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT
    path.write_text(page(title, body), encoding="utf-8")
    return path


def _header(result: TaskResults, title: str) -> str:
    tiles = []
    for mode in reversed(list(result.modes.values())):
        for name in (TASK_SUCCESS, METRICS[STEP]):
            one = mode.measured(name)
            tiles.append(tile(f"{name}, {WORDS[mode.mode]}", percent(one.figure.value), _small(one)))
    tiles += [
        tile("own memory minus the file's", _points(one.value), f"{one.figure}: {_ends_of(one)}")
        for one in result.differences
        if one.figure == METRICS[STEP]
    ]
    warned = "".join(tag("p", escape(one), {"class": "skipped"}) for one in result.warnings)
    heading = tag("h1", escape(title))
    return tag("header", heading + warned + tag("div", "".join(tiles), {"class": "tiles even"}))


def _columns(result: TaskResults) -> list[str]:
    return ["", *(WORDS[name] for name in result.modes)]


def _figures(result: TaskResults) -> str:
    first = next(iter(result.modes.values()))
    rows = [
        row(
            name,
            "".join(_cell(mode.measured(name)) for mode in result.modes.values()),
            "headline" if name in (METRICS[STEP], TASK_SUCCESS) else "",
        )
        for name in (one.figure.name for one in first.figures)
    ]
    said = (
        "With the memory of the file every step is asked as if everything before had been right; with its "
        "own memory the model is shown what its answers noted since the task began, as in use. Screens are "
        "the file's in both. A step is right when its action is, and its target and place are where they "
        "are known; a task when all its steps are. Whiskers and brackets are 95 % intervals, of whole "
        "tasks drawn again where steps belong together."
    )
    return section("Figures", table(_columns(result), rows, "measures") + note(said))


def _cell(measured: Measured) -> str:
    value = measured.figure.value
    if value is None:
        return tag("td", tag("span", NOTHING, {"class": "value"}))
    text = tag("span", percent(value), {"class": "value"}) + tag("small", escape(_small(measured)))
    return tag("td", text + bar(value, measured.interval))


def _small(measured: Measured) -> str:
    figure, interval = measured.figure, measured.interval
    ends = f"[{100 * interval.low:.1f} to {100 * interval.high:.1f} %] " if interval is not None else ""
    return f"{ends}N={figure.count:,} {figure.unit}"


def _differences(result: TaskResults) -> str:
    if not result.differences:
        return ""
    ends = [end for one in result.differences for end in (one.value, one.interval_low, one.interval_high)]
    reach = max((abs(end) for end in ends if end is not None), default=0.0) or 1.0
    rows = [row(one.figure, _difference(one, reach)) for one in result.differences]
    said = (
        "The same steps in both. The interval is of the difference; p is the chance of one at least as "
        "large if it made no difference whose memory was shown, with whole tasks exchanged. The p values "
        "are not corrected for their number."
    )
    heading = ["", "own memory minus the file's", "p", "test", "tasks"]
    return section(
        "What the model's own memory costs", table(heading, rows, "measures differences") + note(said)
    )


def _difference(one: Difference, reach: float) -> str:
    interval = None
    if one.interval_low is not None and one.interval_high is not None:
        interval = Interval(one.interval_low, one.interval_high)
    value = tag("span", _points(one.value), {"class": "value"}) + tag("small", escape(_ends_of(one)))
    drawn = difference_bar(one.value, interval, reach, "worse" if one.value < 0 else "")
    others = (f"{one.p:.3g}", one.test, f"{one.clusters:,}")
    return tag("td", value + drawn) + "".join(tag("td", escape(text)) for text in others)


def _points(value: float) -> str:
    return f"{signed_points(value)} points"


def _ends_of(one: Difference) -> str:
    if one.interval_low is None or one.interval_high is None:
        return "no interval: fewer than two tasks"
    return f"[{signed_points(one.interval_low)} to {signed_points(one.interval_high)}]"


def _groups(
    heading: str, result: TaskResults, found: Mapping[str, Mapping[str, Sequence[JudgedStep]]]
) -> str:
    """Means of each group of steps, a column for each measure and mode."""
    names = list(dict.fromkeys(name for groups in found.values() for name in groups))
    measures = list(METRICS.values())
    columns = ["", "steps", *measures]
    rows = []
    for name in names[:TASKS_IN_TABLE]:
        summaries = [summary_of(groups[name]) for groups in found.values()]
        cells = tag("td", f"{summaries[0]['steps']:,}")
        for measure in measures:
            values = " / ".join(percent(summary[measure]) for summary in summaries)
            cells += tag("td", escape(values))
        rows.append(row(name or NOTHING, cells))
    said = " / ".join(WORDS[name] for name in result.modes)
    more = f" Only the first {TASKS_IN_TABLE:,} of {len(names):,}." if len(names) > TASKS_IN_TABLE else ""
    return section(heading, table(columns, rows, "tasks") + note(f"In each cell: {said}.{more}"))


def _circumstances(result: TaskResults) -> str:
    origin = result.origin
    shared: list[tuple[str, Any]] = [
        ("tasks", result.tasks),
        ("steps", result.samples),
        ("tasks with missing steps", result.tasks_with_gaps),
        ("data hash", result.data_hash),
        ("refused rows", sum(origin.refused.values())),
        *((f"refused: {reason}", count) for reason, count in origin.refused.items()),
        ("model", origin.model),
        ("prompt", origin.prompt),
        ("dialect", origin.dialect),
        ("places as", origin.coordinate_frame),
        *((name.replace("_", " "), value) for name, value in result.asked.items()),
    ]
    span = {"colspan": len(result.modes)}
    rows = [row(label, tag("td", escape(_said(value)), span)) for label, value in shared]
    modes = list(result.modes.values())
    rows += _counted("unreadable", [mode.unreadable for mode in modes])
    rows += _counted("memory", [mode.memory_notes for mode in modes])
    return section("What moves the numbers", table(_columns(result), rows, "settings"))


def _said(value: Any) -> str:
    return NOTHING if value in (None, "") else str(value)


def _counted(what: str, columns: Sequence[Mapping[str, int]]) -> list[str]:
    names = dict.fromkeys(name for column in columns for name in column)
    return [
        row(f"{what}: {name}", "".join(tag("td", f"{column.get(name, 0):,}") for column in columns))
        for name in names
    ]


def _failures(result: TaskResults) -> str:
    mode = result.modes.get(PROPAGATED) or next(iter(result.modes.values()))
    tasks = mode.by_task()
    failed = [steps for steps in tasks.values() if any(step.wrong for step in steps)]
    if not failed:
        return section("Tasks", tag("p", f"All {len(tasks):,} tasks are right."))
    shown = _chosen(failed)
    heading = f"Tasks that failed with {WORDS[mode.mode]} ({len(failed):,} of {len(tasks):,})"
    legend = (
        '<span class="key given">what the model did</span><span class="key target">what was right</span>'
    )
    some = note(f"{len(shown):,} are shown.") if len(shown) < len(failed) else ""
    strips = "".join(strips_html([_strip(steps)]) + _memories(steps, mode) for steps in shown)
    return section(heading, tag("p", legend, {"class": "legend"}) + some + strips)


def _chosen(failed: Sequence[Sequence[JudgedStep]]) -> list[Sequence[JudgedStep]]:
    """Some tasks, one for each step at which they first fail in turn: early and late failures differ."""
    by_step: dict[int, list[Sequence[JudgedStep]]] = {}
    for steps in failed:
        first = next(number for number, step in enumerate(steps) if step.wrong)
        by_step.setdefault(first, []).append(steps)
    return in_turn([by_step[number] for number in sorted(by_step)])[:TASKS_SHOWN]


def _strip(steps: Sequence[JudgedStep]) -> Strip:
    wrong = sum(step.wrong for step in steps)
    ending = f"{wrong} of {len(steps)} steps wrong"
    if len(steps) > STEPS_SHOWN:
        ending += f", the first {STEPS_SHOWN} shown"
    return Strip(steps[0].task, steps[0].sample.goal, ending, tuple(map(_frame, steps[:STEPS_SHOWN])))


def _frame(step: JudgedStep) -> Frame:
    sample, question = step.sample, step.sample.questions[0]
    size = sample.screenshot.size
    missed = [word for metric, word in PARTS.items() if step.scores[metric] == 0.0]
    wrong = f"wrong: {', '.join(missed)}" if step.wrong else ""
    return Frame(
        name=f"step {sample.facts.get('step_number', sample.id.rpartition('#')[2])}",
        screenshot=Screenshot(Narrower(sample.screenshot), size),
        answer=step.prediction.text,
        actions=step.prediction.actions,
        reason=step.prediction.problem or wrong,
        expected=question.expected if step.wrong else (),
        target=question.target,
    )


def _memories(steps: Sequence[JudgedStep], mode: ModeResult) -> str:
    """What was remembered at each step, folded away."""
    rows = [
        row(
            f"step {step.sample.facts.get('step_number', number)}",
            tag("td", _memory(step.sample.memory))
            + tag("td", _memory(step.carried if mode.mode == PROPAGATED else step.prediction.memory))
            + tag("td", escape("; ".join(step.notes) or NOTHING)),
        )
        for number, step in enumerate(steps[:STEPS_SHOWN], start=1)
    ]
    inner = table(["", "shown to the model", "after its answer", "notes"], rows, "settings")
    return tag("details", tag("summary", "Memory at each step") + inner)


def _memory(memory: Memory | None) -> str:
    return escape(shorten(json.dumps(memory, ensure_ascii=False, default=str))) if memory else NOTHING
