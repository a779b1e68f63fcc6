"""What `screensmith evaluate --json` wrote, read back for a model card: figures, intervals, N, data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPARISON = "comparison"
NAMES: Mapping[str, str] = {
    "offline": "recorded steps",
    "live": "live tasks",
    "benchmark": "a benchmark",
    "live benchmark": "a live benchmark",
    "task_results": "task results",
    COMPARISON: COMPARISON,
}


class UnreadableResults(ValueError):
    """A file that does not hold this model's results; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure: value and ends of its 95 % interval as shares (None: cannot be said), and its N.

    `p` is that of a difference between two models, None for figures of one.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None
    count: int
    unit: str
    p: float | None = None


@dataclass(frozen=True, slots=True)
class ResultTable:
    """One evaluation of one model: its figures, and what moves them."""

    kind: str
    title: str
    model: str
    circumstances: tuple[tuple[str, str], ...]
    figures: tuple[FigureRow, ...]
    fingerprints: Mapping[str, str] | None = None


def read_results(path: Path) -> list[ResultTable]:
    """The evaluations in a file, in its order.

    Raises:
        OSError: it cannot be read.
        UnreadableResults: it holds something else.
    """
    try:
        held = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnreadableResults(f"{path} is not JSON: {error}") from error
    records = held if isinstance(held, list) else [held]
    if not records:
        raise UnreadableResults(f"{path} holds no results")
    return [_table(path, number, record) for number, record in enumerate(records, start=1)]


def _table(path: Path, number: int, record: Any) -> ResultTable:
    kind = record.get("evaluation") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in NAMES:
        raise UnreadableResults(
            f"{path}, record {number}: no result of `screensmith evaluate --json`: its `evaluation` is "
            f"{kind!r}, not one of {', '.join(NAMES)}"
        )
    makers = {"offline": _offline, "live": _live, "task_results": _task_results, COMPARISON: _comparison}
    try:
        return makers.get(kind, _benchmark)(record)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableResults(
            f"{path}, record {number} ({kind}): a part is missing or of another kind: {error!r}"
        ) from error


def _offline(record: Mapping[str, Any]) -> ResultTable:
    figures = [
        _figure(name, {**one, "value": one["mean"], "count": one["scored"], "unit": "steps"})
        for name, one in record["metrics"].items()
    ]
    return _made(record, "Recorded steps", figures, [("samples", record["samples"])])


def _live(record: Mapping[str, Any]) -> ResultTable:
    def success(name: str, one: Mapping[str, Any]) -> FigureRow:
        return _figure(
            name, {**one, "value": one["success_rate"], "count": one["episodes"], "unit": "episodes"}
        )

    figures = [success("success, mean of the tasks", record)]
    figures += [success(f"success in {name}", one) for name, one in record["tasks"].items()]
    seeds = sorted({seed for one in record["tasks"].values() for seed in one["seeds"]})
    facts = [
        ("environment", record["environment"]),
        ("most answers of an episode", record["max_steps"]),
        ("seeds", f"{seeds[0]} to {seeds[-1]}" if seeds else ""),
    ]
    return _made(record, f"Live tasks of {record['environment']}", figures, facts)


def _benchmark(record: Mapping[str, Any]) -> ResultTable:
    found = record["figures"]
    headline = record["headline"]
    names = sorted(found, key=lambda name: name != headline)
    figures = [_figure(name, found[name]) for name in names]
    facts: list[tuple[str, Any]] = [
        (name, record[name]) for name in ("samples", "episodes", "answers") if name in record
    ]
    facts += [
        ("chosen", "everything" if record["seed"] is None else f"a slice, seed {record['seed']}"),
        ("answers cut off", record["cut"]),
        *((f"rule, {name}", value) for name, value in record["policy"].items()),
        *(("departs from the protocol", one) for one in record.get("departures", ())),
    ]
    return _made(record, f"{record['benchmark']} ({record['evaluation']})", figures, facts)


def _task_results(record: Mapping[str, Any]) -> ResultTable:
    figures = [
        _figure(f"{name}, {mode.replace('_', ' ')}", one)
        for mode, held in record["modes"].items()
        for name, one in held["figures"].items()
    ]
    unreadable = {
        f"{reason}, {mode.replace('_', ' ')}": count
        for mode, held in record["modes"].items()
        for reason, count in held["unreadable"].items()
    }
    facts = [("tasks", record["tasks"]), ("samples", record["samples"])]
    return _made({**record, "unreadable": unreadable}, "Task results", figures, facts)


def _comparison(record: Mapping[str, Any]) -> ResultTable:
    figures = []
    for one in record["differences"]:
        ends = (one["interval_low"], one["interval_high"])
        interval = None if None in ends else ends
        figures.append(
            FigureRow(
                str(one["figure"]),
                _number(one["value"]),
                None if interval is None else (_number(interval[0]), _number(interval[1])),
                int(one["clusters"]),
                "independent parts",
                _number(one["p"]),
            )
        )
    title = f"{record['benchmark']}: difference to {_last(record['compared_with'])}"
    return ResultTable(COMPARISON, title, str(record["model"]), (), tuple(figures))


def _made(
    record: Mapping[str, Any], title: str, figures: Sequence[FigureRow], facts: Sequence[tuple[str, Any]]
) -> ResultTable:
    asked = [(name, record.get(name)) for name in ("data_hash", "prompt", "dialect", "coordinate_frame")]
    told = [*facts, *((name.replace("_", " "), value) for name, value in asked if value)]
    told += [(f"refused: {reason}", count) for reason, count in record.get("refused", {}).items()]
    told += [(f"unreadable: {reason}", count) for reason, count in record["unreadable"].items()]
    return ResultTable(
        record["evaluation"],
        title,
        str(record["model"]),
        tuple((name, str(value)) for name, value in told if value != ""),
        tuple(figures),
        record.get("data_fingerprints"),
    )


def _figure(name: str, one: Mapping[str, Any]) -> FigureRow:
    ends = one["interval_95"]
    return FigureRow(
        name,
        None if one["value"] is None else _number(one["value"]),
        None if ends is None else (_number(ends[0]), _number(ends[1])),
        int(one["count"]),
        str(one["unit"]),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _last(name: object) -> str:
    return Path(str(name)).name


def results_of(
    tables: Sequence[ResultTable],
    checkpoint: Path,
    *,
    evaluated_as: str = "",
    fingerprints: Mapping[str, str],
    path: Path,
) -> list[ResultTable]:
    """The tables of one file, once it is certain that they are about this checkpoint.

    A file may hold results of other models beside it, which stay in the list. A checkpoint is known by its
    name as it was given to `evaluate`: the same folder, or the same last two parts of its path.

    Args:
        tables: of the file.
        checkpoint: the folder that is published.
        evaluated_as: the model's name in the results, where it was another one.
        fingerprints: of the data that the checkpoint learned from.
        path: of the file, for messages.

    Raises:
        UnreadableResults: none of them is of this checkpoint, or it had learned from other data.
    """
    own = [table for table in tables if is_of(table, checkpoint, evaluated_as)]
    if not own:
        models = ", ".join(dict.fromkeys(table.model for table in tables))
        wanted = evaluated_as or str(checkpoint)
        raise UnreadableResults(
            f"{path} holds results of {models}, none of {wanted}; if that is this checkpoint under "
            "another name, say so with --evaluated-as NAME"
        )
    for table in own:
        if table.fingerprints is not None and dict(table.fingerprints) != dict(fingerprints):
            raise UnreadableResults(
                f"{path}: the {table.kind} result of {table.model} is of a checkpoint that learned "
                "from other data (its data_fingerprints are not those of agent.json)"
            )
    return list(tables)


def is_of(table: ResultTable, checkpoint: Path, evaluated_as: str = "") -> bool:
    """Whether a result is of this checkpoint; see `results_of`."""
    if evaluated_as:
        return table.model == evaluated_as
    own, named = checkpoint.resolve(), Path(table.model)
    if named.is_dir() and named.resolve() == own:
        return True
    return named.parts[-2:] == own.parts[-2:][-len(named.parts[-2:]) :] if named.parts else False
