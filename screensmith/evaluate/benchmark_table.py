"""A benchmark's result as text: the numbers, what moves them, and what others published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from screensmith.evaluate._resampling import Difference
from screensmith.evaluate.benchmark import BenchmarkResult, Measured
from screensmith.evaluate.interval import Interval
from screensmith.evaluate.summary import NOTHING


def result_table(result: BenchmarkResult) -> str:
    """Everything a result says, for a terminal; the headline has a star."""
    return "\n".join([*_heading(result), "", figures_table(result)])


def figures_table(result: BenchmarkResult) -> str:
    """A result's numbers, and what others published, for a terminal; the headline has a star."""
    rows = [("", "value", "95 % interval", "N", "")]
    for one in result.figures:
        star = "* " if one.figure.name == result.headline else "  "
        rows.append((star + one.figure.name, *_cells(one)))
    return "\n".join([*_aligned(rows), *_published(result)])


def difference_table(differences: Sequence[Difference], better: str, other: str) -> str:
    """How much better one model is than another, a line for each figure."""
    rows = [("", f"{better} minus {other}", "95 % interval", "p", "test", "independent parts")]
    for one in differences:
        ends = NOTHING
        if one.interval_low is not None and one.interval_high is not None:
            ends = f"{100 * one.interval_low:+.1f} to {100 * one.interval_high:+.1f}"
        change = f"{100 * one.value:+.1f} points"
        rows.append((f"  {one.figure}", change, ends, f"{one.p:.3g}", one.test, str(one.clusters)))
    return "\n".join(_aligned(rows))


def _heading(result: BenchmarkResult) -> list[str]:
    origin = result.origin
    refused = sum(origin.refused.values())
    slice_words = "everything" if origin.seed is None else f"a slice, seed {origin.seed}"
    return [
        f"{result.benchmark}: {result.samples} samples ({slice_words}), data {result.data_hash}",
        f"refused rows: {refused}{reasons_text(origin.refused)}",
        *asking_lines(result),
    ]


def asking_lines(result: BenchmarkResult) -> list[str]:
    """How many answers were of use, who gave them, how it was asked, and by which rules they count."""
    origin = result.origin
    lines = [
        f"unreadable answers: {sum(result.unreadable.values())} of {result.samples}"
        f"{reasons_text(result.unreadable)}; cut off: {result.cut}",
    ]
    if origin.model:
        lines.append(f"model: {origin.model}")
    if origin.prompt:
        lines.append(
            f"asked: prompt {origin.prompt}, dialect {origin.dialect}, "
            f"places as {origin.coordinate_frame}, {origin.history_steps} steps of history"
        )
    lines.append(f"rules: {rules_text(result.policy)}")
    return lines


def rules_text(policy: Mapping[str, Any]) -> str:
    """The rules of a result in one line."""
    return ", ".join(f"{name}={value}" for name, value in policy.items()) or "none"


def reasons_text(counts: Mapping[str, int]) -> str:
    """Counts by reason in brackets, nothing where there are none."""
    if not counts:
        return ""
    return " (" + ", ".join(f"{count} {reason}" for reason, count in counts.items()) + ")"


def _cells(one: Measured) -> tuple[str, str, str, str]:
    figure = one.figure
    if figure.value is None:
        return NOTHING, "", f"0 {figure.unit}", ""
    method = "episodes drawn again" if one.method == "resampled" else one.method
    return f"{100 * figure.value:.2f}", _ends(one.interval), f"{figure.count} {figure.unit}", method


def _ends(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _published(result: BenchmarkResult) -> list[str]:
    """The published numbers by figure, the headline's first."""
    figures = dict.fromkeys(row.figure for row in result.published)
    lines = []
    for figure in sorted(figures, key=lambda name: name != result.headline):
        rows = [row for row in result.published if row.figure == figure]
        numbers = "; ".join(f"{row.model} {100 * row.value:.1f} [{row.source}]" for row in rows)
        lines.append(f"published, {figure}: {numbers}")
    return ["", *lines] if lines else []
