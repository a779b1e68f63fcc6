"""Results as numbers in a row: for the terminal, for the report's table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from screensmith.evaluate.interval import Interval, wilson
from screensmith.evaluate.live import LiveResult
from screensmith.evaluate.offline import MetricResult, OfflineResult

HELD_OUT = "held-out steps"
LIVE = "live success"
MEANINGS: Mapping[str, str] = {
    "kind": "right kind of action",
    "click": "click within target or distance",
    "text": "right text",
    "whole": "whole action right",
}
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Identity:
    """What was judged, so that a number can be had again; see the fields of `agent.json`."""

    model: str
    prompt: str
    dialect: str = ""
    coordinate_frame: str = ""
    data_fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """One policy and how it did; either kind of evaluation may be missing."""

    name: str
    offline: OfflineResult | None = None
    live: LiveResult | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a table: what it is, its value from 0 to 1 (None: never applied), and its N."""

    group: str
    label: str
    value: float | None
    interval: Interval | None
    count: int


def measures(judged: Judged) -> list[Measure]:
    """Every number of one policy, in reading order."""
    found: list[Measure] = []
    if judged.offline is not None:
        found += [_offline_measure(result) for result in judged.offline.metrics.values()]
        found.append(
            _share(HELD_OUT, "unreadable answers", judged.offline.unreadable, judged.offline.samples)
        )
    if judged.live is not None:
        live = judged.live
        found += [
            Measure(LIVE, task.task, task.success_rate, task.interval, task.episodes)
            for task in live.tasks.values()
        ]
        found.append(
            Measure(LIVE, "mean of the tasks", live.success_rate, live.interval, len(live.rollouts))
        )
        full = sum(task.nearly_full for task in live.tasks.values())
        episodes = len(live.rollouts)
        interval = wilson(full, episodes)
        found.append(Measure(LIVE, "reward of at least 0.8", full / episodes, interval, episodes))
        found.append(_share(LIVE, "unreadable answers", live.unreadable, live.answers))
    return found


def _offline_measure(result: MetricResult) -> Measure:
    return Measure(
        group=HELD_OUT,
        label=MEANINGS.get(result.metric, result.metric),
        value=result.mean,
        interval=_interval(result),
        count=result.scored,
    )


def _interval(result: MetricResult) -> Interval | None:
    return wilson(result.hits, result.scored) if result.scored and result.hits is not None else None


def _share(group: str, label: str, reasons: Mapping[str, int], count: int) -> Measure:
    hits = sum(reasons.values())
    return Measure(group, label, hits / count, wilson(hits, count), count)


def percent(value: float | None) -> str:
    """A share as text, one decimal at most; 0 % and 100 % only where nothing and everything counted."""
    if value is None:
        return NOTHING
    rounded = round(100 * value, 1)
    if 0.0 < value < 1.0:
        rounded = min(max(rounded, 0.1), 99.9)
    return f"{rounded:.0f} %" if rounded == round(rounded) else f"{rounded:.1f} %"


def signed_points(value: float) -> str:
    """A difference of two shares in percentage points, "+1.5", its minus as wide as a plus."""
    return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")


def interval_text(interval: Interval | None) -> str:
    """An interval as text, in whole per cent."""
    return "" if interval is None else f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def comparison_rows(judged: Sequence[Judged]) -> list[tuple[str, str, list[Measure | None]]]:
    """Group, label and one measure of each policy (None where it has none), in reading order."""
    tables = [{(found.group, found.label): found for found in measures(one)} for one in judged]
    keys = dict.fromkeys(key for table in tables for key in table)
    ordered = sorted(keys, key=lambda key: key[0] != HELD_OUT)
    return [(group, label, [table.get((group, label)) for table in tables]) for group, label in ordered]


def text_table(judged: Sequence[Judged]) -> str:
    """The policies side by side, for a terminal: value, 95 % interval and N of every measure."""
    heading = ["", *(f"{one.name}" for one in judged)]
    rows: list[list[str]] = []
    group = ""
    for found_group, label, found in comparison_rows(judged):
        if found_group != group:
            group = found_group
            rows.append([group])
        rows.append([f"  {label}", *(_cell(measure) for measure in found)])
    widths = [
        max(len(row[column]) for row in [heading, *rows] if column < len(row))
        for column in range(len(heading))
    ]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in [heading, *rows]
    ]
    return "\n".join(lines)


def _cell(measure: Measure | None) -> str:
    if measure is None or measure.value is None:
        return NOTHING
    interval = interval_text(measure.interval)
    return f"{percent(measure.value)}{f' [{interval}]' if interval else ''} N={measure.count}"


def offline_record(
    result: OfflineResult, identity: Identity, *, refused: Mapping[str, int], seed: int | None = None
) -> dict[str, Any]:
    """An offline result as plain JSON values.

    `refused` counts by reason what never became a sample; `seed` is the seed of the held-out split.
    """
    return {
        "evaluation": "offline",
        **asdict(identity),
        "seed": seed,
        "samples": result.samples,
        "refused": dict(refused),
        "unreadable": dict(result.unreadable),
        "failed": len(result.failures),
        "metrics": _metric_records(result.metrics),
        "tasks": {task: _metric_records(found) for task, found in result.tasks.items()},
    }


def _metric_records(results: Mapping[str, MetricResult]) -> dict[str, Any]:
    return {
        name: {**asdict(result), "interval_95": _ends(_interval(result))}
        for name, result in results.items()
    }


def live_record(
    result: LiveResult, identity: Identity, *, environment: str, max_steps: int, history_steps: int
) -> dict[str, Any]:
    """A live result as plain JSON values, with the seeds played and the ending of every episode."""
    return {
        "evaluation": "live",
        **asdict(identity),
        "environment": environment,
        "max_steps": max_steps,
        "history_steps": history_steps,
        "episodes": len(result.rollouts),
        "success_rate": result.success_rate,
        "interval_95": _ends(result.interval),
        "answers": result.answers,
        "unreadable": dict(result.unreadable),
        "not_performed": dict(result.not_performed),
        "endings": dict(result.endings),
        "tasks": {
            name: {
                **asdict(task),
                "seeds": list(task.seeds),
                "episodes": task.episodes,
                "success_rate": task.success_rate,
                "interval_95": _ends(task.interval),
            }
            for name, task in result.tasks.items()
        },
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
