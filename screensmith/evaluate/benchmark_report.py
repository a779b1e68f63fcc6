"""The report of a benchmark: one HTML file with its numbers, what moves them, and failures on screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from screensmith.benchmarks import Benchmark
from screensmith.benchmarks._figures import FORMAT_ERRORS
from screensmith.evaluate._failures import failures_of
from screensmith.evaluate._gallery import gallery
from screensmith.evaluate._html import escape, tag
from screensmith.evaluate._page import bar, difference_bar, note, page, row, section, table, tile
from screensmith.evaluate._resampling import RESAMPLED, Difference
from screensmith.evaluate.benchmark import BenchmarkResult, Measured, compare, episodes_of
from screensmith.evaluate.interval import Interval
from screensmith.evaluate.summary import NOTHING, percent, signed_points

SHOWN = 24
"""How many failures are shown."""


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """What the report of a benchmark shows: the result of one model, and that of another beside it.

    The failures shown are those of `result`, which must hold its scored samples.

    Raises:
        ValueError: the results are not of the same samples under the same rules, or hold no samples.
    """

    title: str
    benchmark: Benchmark
    result: BenchmarkResult
    other: BenchmarkResult | None = None
    shown: int = SHOWN

    def __post_init__(self) -> None:
        for result in self.results:
            if not result.scored:
                raise ValueError(f"{result.benchmark}: the result holds no scored samples to show")

    @property
    def results(self) -> tuple[BenchmarkResult, ...]:
        """The results in the order of the table's columns."""
        return (self.result,) if self.other is None else (self.other, self.result)

    @property
    def names(self) -> tuple[str, ...]:
        """Who answered, in the same order."""
        return tuple(result.origin.model or "the answers" for result in self.results)


def write_benchmark_report(path: Path, report: BenchmarkReport) -> None:
    """Write the report as one HTML file; a picture that cannot be read is replaced by the reason.

    Raises:
        OSError: the file cannot be written.
        ValueError: two results are not of the same samples under the same rules.
    """
    differences = compare(report.result, report.other) if report.other is not None else []
    body = "".join(
        (
            _header(report, differences),
            _figures(report),
            _differences(report, differences),
            _published(report),
            _circumstances(report),
            _failures(report),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report.title, body), encoding="utf-8")


def _header(report: BenchmarkReport, differences: Sequence[Difference]) -> str:
    result, other = report.result, report.other
    measured = result.measured(result.headline)
    name = result.headline if other is None else f"{result.headline}, {report.names[-1]}"
    tiles = [tile(name, percent(measured.figure.value), _small(measured, method=False))]
    if other is not None:
        before = other.measured(other.headline)
        tiles.append(
            tile(
                f"{result.headline}, {report.names[0]}",
                percent(before.figure.value),
                _small(before, method=False),
            )
        )
    tiles += [
        tile("difference", signed_points(one.value), f"points {_difference_ends(one)}, p = {one.p:.3g}")
        for one in differences
        if one.figure == result.headline
    ]
    unreadable = sum(result.unreadable.values())
    below = f"of {_number(result.samples)}, {_number(result.cut)} of them cut off"
    tiles.append(tile("unreadable answers", _number(unreadable), below))
    heading = tag("h1", escape(report.title))
    return tag("header", heading + tag("div", "".join(tiles), {"class": "tiles even"}))


# --- The numbers. ---


def _figures(report: BenchmarkReport) -> str:
    columns = [{one.figure.name: one for one in result.figures} for result in report.results]
    names = dict.fromkeys(name for column in columns for name in column)
    headline = report.result.headline
    rows = [
        row(
            name,
            "".join(_cell(column.get(name), name) for column in columns),
            "headline" if name == headline else "",
        )
        for name in sorted(names, key=lambda name: name != headline)
    ]
    said = (
        "The first row is the headline. Whiskers and brackets are 95 % intervals: Wilson's for independent "
        "samples, else of whole episodes drawn again. N is what the figure is a mean of."
    )
    return section("Figures", table(["", *report.names], rows, "measures") + note(said))


def _cell(measured: Measured | None, name: str) -> str:
    if measured is None or measured.figure.value is None:
        return tag("td", tag("span", NOTHING, {"class": "value"}))
    value = tag("span", percent(measured.figure.value), {"class": "value"})
    said = tag("small", escape(_small(measured)))
    drawn = bar(measured.figure.value, measured.interval, "bad" if name == FORMAT_ERRORS else "")
    return tag("td", value + said + drawn)


def _small(measured: Measured, *, method: bool = True) -> str:
    """The interval, how many it is of, and how it was found where not in the usual way."""
    figure = measured.figure
    ends = f"[{_ends(measured.interval)}] " if measured.interval is not None else ""
    found = ", episodes drawn again" if method and measured.method == RESAMPLED else ""
    return f"{ends}N={_number(figure.count)} {figure.unit}{found}"


def _ends(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def _number(count: int) -> str:
    return f"{count:,}"


# --- Two models. ---


def _differences(report: BenchmarkReport, differences: Sequence[Difference]) -> str:
    if report.other is None:
        return ""
    other, name = report.names
    if not differences:
        return section("Paired differences", note("No figure holds values of single samples to compare."))
    ends = [abs(end) for one in differences for end in (one.interval_low, one.interval_high) if end]
    reach = max([*ends, *(abs(one.value) for one in differences)]) or 1.0
    rows = [
        row(one.figure, _difference(one, reach), "headline" if one.figure == report.result.headline else "")
        for one in differences
    ]
    columns = ["", f"{name} minus {other}", "p", "test", "independent parts"]
    said = (
        "Both models answered the same samples. The interval is of the difference; p is the chance of one "
        "at least as large if it made no difference which of the two answered. The p values are not "
        "corrected for their number."
    )
    return section("Paired differences", table(columns, rows, "differences") + note(said))


def _difference(one: Difference, reach: float) -> str:
    interval = None
    if one.interval_low is not None and one.interval_high is not None:
        interval = Interval(one.interval_low, one.interval_high)
    # Of format errors less is better, so that a bar to the right is not good there.
    kind = "worse" if (one.value < 0) != (one.figure == FORMAT_ERRORS) else ""
    value = tag("span", _points(one.value), {"class": "value"}) + tag(
        "small", escape(_difference_ends(one))
    )
    cells = (value + difference_bar(one.value, interval, reach, kind), f"{one.p:.3g}", one.test)
    first, *others = cells
    texts = [*others, _number(one.clusters)]
    return tag("td", first) + "".join(tag("td", escape(text)) for text in texts)


def _points(value: float) -> str:
    return f"{signed_points(value)} points"


def _difference_ends(one: Difference) -> str:
    if one.interval_low is None or one.interval_high is None:
        return "no interval: fewer than two independent parts"
    return f"[{signed_points(one.interval_low)} to {signed_points(one.interval_high)}]"


# --- What others reached. ---


def _published(report: BenchmarkReport) -> str:
    """Published numbers by figure, the headline's first, ours above them."""
    published, headline = report.result.published, report.result.headline
    if not published:
        return ""
    rows = []
    for figure in sorted(dict.fromkeys(one.figure for one in published), key=lambda name: name != headline):
        span = {"colspan": 3, "scope": "colgroup"}
        rows.append(tag("tr", tag("th", escape(figure), span), {"class": "group"}))
        rows += [
            row(name, _published_cell(found.figure.value, found) + tag("td", "this report"), "headline")
            for name, result in zip(report.names, report.results, strict=True)
            for found in result.figures
            if found.figure.name == figure and found.figure.value is not None
        ]
        known = sorted((one for one in published if one.figure == figure), key=lambda one: -one.value)
        rows += [
            row(one.model, _published_cell(one.value) + tag("td", escape(one.source))) for one in known
        ]
    said = (
        "Published numbers are as their sources give them; prompts and picture sizes differ between them."
    )
    if report.result.origin.seed is not None:
        said += " Ours are of a slice, theirs of everything."
    return section("Published numbers", table(["", "value", "source"], rows, "published") + note(said))


def _published_cell(value: float, measured: Measured | None = None) -> str:
    shown = tag("span", percent(value), {"class": "value"})
    if measured is None:
        return tag("td", shown + bar(value, None, "others"))
    return tag("td", shown + bar(value, measured.interval) + tag("small", escape(_small(measured))))


# --- What moves the number. ---


def _circumstances(report: BenchmarkReport) -> str:
    columns = [dict(_circumstances_of(result)) for result in report.results]
    labels = dict.fromkeys(label for column in columns for label in column)
    rows = []
    for label in labels:
        values = [column.get(label, "0" if ": " in label else NOTHING) for column in columns]
        rows.append(row(label, "".join(tag("td", escape(value)) for value in values)))
    return section("What moves the number", table(["", *report.names], rows, "settings"))


def _circumstances_of(result: BenchmarkResult) -> list[tuple[str, str]]:
    origin = result.origin
    counts = [
        ("samples", _number(result.samples)),
        ("episodes", _number(episodes_of([one.sample for one in result.scored]))),
        ("chosen", "everything" if origin.seed is None else f"a slice, seed {origin.seed}"),
        ("data hash", result.data_hash),
        ("refused rows", _number(sum(origin.refused.values()))),
        *((f"refused: {reason}", _number(count)) for reason, count in origin.refused.items()),
        ("unreadable answers", _number(sum(result.unreadable.values()))),
        *((f"unreadable: {reason}", _number(count)) for reason, count in result.unreadable.items()),
        ("cut off answers", _number(result.cut)),
    ]
    asked = [
        ("model", origin.model),
        ("prompt", origin.prompt),
        ("dialect", origin.dialect),
        ("places as", origin.coordinate_frame),
        ("steps of history", str(origin.history_steps) if origin.prompt else ""),
    ]
    rules = [(f"rule, {name.replace('_', ' ')}", str(value)) for name, value in result.policy.items()]
    return [*counts, *((label, value or NOTHING) for label, value in asked), *rules]


# --- Failures. ---


def _failures(report: BenchmarkReport) -> str:
    result = report.result
    failures = failures_of(report.benchmark, result.scored)
    if not failures:
        return section("Failures", tag("p", f"None of the {_number(result.samples)} samples is wrong."))
    also, other_name = None, ""
    lead = ""
    if report.other is not None:
        other_name, name = report.names
        also = {one.sample.id for one in failures_of(report.benchmark, report.other.scored)}
        own = {one.sample.id for one in failures}
        lead = tag(
            "p",
            f"Wrong by both models: {len(own & also):,}. Only by {escape(name)}: {len(own - also):,}. "
            f"Only by {escape(other_name)}: {len(also - own):,}.",
        )
    heading = f"Failures ({len(failures):,} of {result.samples:,})"
    return section(heading, lead + gallery(failures, report.shown, other_name, also))
