"""The report of a run: one HTML file that needs nothing else, no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from screensmith.agent.rollout import Rollout, Turn
from screensmith.evaluate._curve import loss_curve, loss_points
from screensmith.evaluate._frames import Frame, Strip, strips_html
from screensmith.evaluate._html import escape, tag
from screensmith.evaluate._page import bar, page, row, section, table, tile
from screensmith.evaluate.live import LiveResult, is_success
from screensmith.evaluate.offline import OfflineResult, ScoredSample
from screensmith.evaluate.summary import (
    HELD_OUT,
    MEANINGS,
    NOTHING,
    Judged,
    Measure,
    comparison_rows,
    interval_text,
    percent,
)

SUCCESSES_SHOWN = 4
WRONG: Mapping[str, str] = {"kind": "kind of action", "click": "place"}
ENDINGS: Mapping[str, str] = {
    "done": "ended by the environment",
    "answered": "the model declared the end",
    "out of steps": "out of steps",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a report shows.

    `losses` are the records of the training loop, of which those with "step" and "loss" are drawn;
    `settings` are names and values; `live_skipped` says why nothing was played live. The failures
    shown are those of `trained`; of `untrained` only numbers are shown.
    """

    title: str
    trained: Judged
    untrained: Judged | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    losses: Sequence[Mapping[str, Any]] = ()
    live_skipped: str = ""

    @property
    def judged(self) -> tuple[Judged, ...]:
        """The policies in the order of the table's columns."""
        return (self.trained,) if self.untrained is None else (self.untrained, self.trained)


def write_report(path: Path, report: Report) -> None:
    """Write the report as one HTML file; a picture that cannot be read is replaced by the reason.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report.title, _body(report)), encoding="utf-8")


def _body(report: Report) -> str:
    return "".join(
        (
            _header(report),
            _comparison(report),
            _loss(report),
            _held_out_tasks(report.trained.offline),
            _counts(report),
            _settings(report),
            _episodes(report.trained.live),
            _held_out_failures(report.trained.offline),
        )
    )


def _header(report: Report) -> str:
    tiles = []
    trained, untrained = report.trained, report.untrained
    if trained.live is not None:
        before = untrained.live.success_rate if untrained and untrained.live else None
        note = f"{len(trained.live.rollouts)} episodes, {len(trained.live.tasks)} tasks"
        tiles.append(_tile("live success", trained.live.success_rate, before, note))
    if trained.offline is not None and "whole" in trained.offline.metrics:
        before = untrained.offline.mean("whole") if untrained and untrained.offline else None
        note = f"{trained.offline.samples} steps"
        tiles.append(_tile("held-out actions", trained.offline.mean("whole"), before, note))
    skipped = f"Live evaluation was skipped: {escape(report.live_skipped)}" if report.live_skipped else ""
    return tag(
        "header",
        tag("h1", escape(report.title))
        + (tag("p", skipped, {"class": "skipped"}) if skipped else "")
        + (tag("div", "".join(tiles), {"class": "tiles"}) if tiles else ""),
    )


def _tile(name: str, value: float | None, before: float | None, below: str) -> str:
    compared = f"untrained {percent(before)} · {below}" if before is not None else below
    return tile(name, percent(value), compared)


def _comparison(report: Report) -> str:
    rows = []
    group = ""
    for found_group, label, found in comparison_rows(report.judged):
        if found_group != group:
            group = found_group
            span = {"colspan": 1 + len(found), "scope": "colgroup"}
            rows.append(tag("tr", tag("th", escape(group), span), {"class": "group"}))
        cells = "".join(_measure(measure, label) for measure in found)
        rows.append(row(label, cells))
    if not rows:
        return ""
    heading = ["", *(judged.name for judged in report.judged)]
    note = "Bars show the value, whiskers and brackets Wilson's 95 % interval, N how many were counted."
    name = "Before and after" if report.untrained else "Results"
    return section(name, table(heading, rows, "measures") + tag("p", note, {"class": "note"}))


def _measure(measure: Measure | None, label: str) -> str:
    if measure is None or measure.value is None:
        return tag("td", tag("span", NOTHING, {"class": "value"}))
    interval = interval_text(measure.interval)
    note = f"{f'[{interval}] ' if interval else ''}N={measure.count}"
    text = tag("span", percent(measure.value), {"class": "value"}) + tag("small", escape(note))
    kind = "bad" if label.startswith("unreadable") else ""
    return tag("td", text + bar(measure.value, measure.interval, kind))


def _loss(report: Report) -> str:
    points, not_finite = loss_points(report.losses)
    if not points and not not_finite:
        return ""
    content = loss_curve(points) if points else ""
    note = "Thin: the loss of every step. Thick: its running mean." if points else ""
    if not_finite:
        note += f" {not_finite} {'step' if not_finite == 1 else 'steps'} had no finite loss."
    return section("Loss", content + tag("p", note.strip(), {"class": "note"}))


def _held_out_tasks(offline: OfflineResult | None) -> str:
    if offline is None or not offline.tasks:
        return ""
    names = list(offline.metrics)
    rows = []
    for task, found in offline.tasks.items():
        cells = "".join(
            tag("td", tag("span", percent(found[name].mean)) + tag("small", f"N={found[name].scored}"))
            for name in names
        )
        rows.append(row(task, cells))
    heading = ["task", *(MEANINGS.get(name, name) for name in names)]
    return section("Held-out steps by task", table(heading, rows, "tasks"))


def _counts(report: Report) -> str:
    """What could not be read or done, and how episodes ended, counted by reason."""
    columns = [_counted(judged) for judged in report.judged]
    keys = dict.fromkeys(key for column in columns for key in column)
    if not keys:
        return ""
    rows = [
        tag(
            "tr",
            tag("th", f"{escape(kind)} {tag('small', escape(reason))}", {"scope": "row"})
            + "".join(tag("td", str(column.get((kind, reason), 0))) for column in columns),
        )
        for kind, reason in sorted(keys)
    ]
    heading = ["", *(judged.name for judged in report.judged)]
    return section("Counts", table(heading, rows, "counts"))


def _counted(judged: Judged) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    if judged.offline is not None:
        found |= {(f"{HELD_OUT}: unreadable", reason): n for reason, n in judged.offline.unreadable.items()}
    if judged.live is not None:
        live = judged.live
        found |= {("live: unreadable", reason): n for reason, n in live.unreadable.items()}
        found |= {("live: not performed", reason): n for reason, n in live.not_performed.items()}
        found |= {("live: episodes", ENDINGS.get(end, end)): n for end, n in live.endings.items()}
    return found


def _settings(report: Report) -> str:
    if not report.settings:
        return ""
    rows = [row(name, tag("td", escape(value))) for name, value in report.settings.items()]
    return section("Settings", table(["setting", "value"], rows, "settings"))


def _legend(with_target: bool) -> str:
    text = '<span class="key given">what the model did</span>'
    if with_target:
        text += '<span class="key target">what was right</span>'
    return tag("p", text, {"class": "legend"})


def _episodes(live: LiveResult | None) -> str:
    if live is None:
        return ""
    failed = live.failures
    total = len(live.rollouts)
    if failed:
        heading, shown = f"Failed live episodes ({len(failed)} of {total})", failed
        lead = ""
    else:
        first_of_task = {rollout.assignment.task: rollout for rollout in reversed(live.rollouts)}
        shown = tuple(reversed(first_of_task.values()))[:SUCCESSES_SHOWN]
        heading = "Live episodes"
        lead = tag("p", f"None of the {total} episodes failed. Here are {len(shown)} that succeeded.")
    strips = strips_html(_live_strip(rollout) for rollout in shown)
    return section(heading, lead + _legend(with_target=False) + strips)


def _live_strip(rollout: Rollout) -> Strip:
    frames = [_live_frame(number, turn) for number, turn in enumerate(rollout.turns, start=1)]
    frames.append(Frame("the end", rollout.final))
    verdict = "success" if is_success(rollout) else "failed"
    return Strip(
        name=f"{rollout.assignment.task}, seed {rollout.assignment.seed}",
        goal=rollout.goal,
        ending=f"{verdict}: {ENDINGS[rollout.ending]}, reward {rollout.outcome.reward:.3g}",
        frames=tuple(frames),
    )


def _live_frame(number: int, turn: Turn) -> Frame:
    return Frame(
        name=f"step {number}",
        screenshot=turn.screenshot,
        answer=turn.prediction.text,
        actions=turn.prediction.actions,
        reason=turn.problem,
    )


def _held_out_failures(offline: OfflineResult | None) -> str:
    if offline is None:
        return ""
    if not offline.failures:
        return section("Held-out steps", tag("p", f"All {offline.samples} held-out steps are right."))
    by_episode: dict[str, list[ScoredSample]] = {}
    for scored in offline.failures:
        by_episode.setdefault(scored.sample.id.rpartition("#")[0] or scored.sample.id, []).append(scored)
    strips = strips_html(_held_out_strip(name, found) for name, found in by_episode.items())
    heading = f"Wrong held-out steps ({len(offline.failures)} of {offline.samples})"
    return section(heading, _legend(with_target=True) + strips)


def _held_out_strip(name: str, failures: Sequence[ScoredSample]) -> Strip:
    frames = tuple(_held_out_frame(scored) for scored in failures)
    task = str(failures[0].sample.facts.get("task", ""))
    steps = "1 step wrong" if len(failures) == 1 else f"{len(failures)} steps wrong"
    return Strip(f"{task}, {name}" if task else name, failures[0].sample.goal, steps, frames)


def _held_out_frame(scored: ScoredSample) -> Frame:
    question = scored.sample.questions[0]
    failed = [name for name, score in scored.scores.items() if score is not None and score < 1.0]
    parts = [WRONG.get(name, name) for name in failed if name != "whole"] or ["another detail"]
    return Frame(
        name=_step_name(scored.sample.id),
        screenshot=scored.sample.screenshot,
        answer=scored.prediction.text,
        actions=scored.prediction.actions,
        reason=scored.prediction.problem or f"wrong: {', '.join(parts)}",
        expected=question.expected,
        target=question.target,
    )


def _step_name(sample_id: str) -> str:
    """The place in its episode of a sample such as "episode#2", else the id itself."""
    number = sample_id.rpartition("#")[2]
    return f"step {int(number) + 1}" if number.isdecimal() else sample_id
