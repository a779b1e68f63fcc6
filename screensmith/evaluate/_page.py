"""The page of a report and its parts: a head that loads nothing, sections, tables, and bars."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from screensmith.evaluate._html import escape, tag
from screensmith.evaluate.interval import Interval

# The page must not load anything, whatever a model wrote into it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, body: str) -> str:
    """A whole HTML file around content that is already HTML."""
    style = resources.files("screensmith.evaluate").joinpath("report.css").read_text("utf-8")
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )
    main = tag("main", body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{main}</body></html>\n'


def section(heading: str, content: str) -> str:
    """A part of the page under its heading."""
    return tag("section", tag("h2", escape(heading)) + content)


def note(text: str) -> str:
    """A quiet line of text, escaped."""
    return tag("p", escape(text), {"class": "note"})


def tile(name: str, value: str, below: str) -> str:
    """One large number with its name above and what it means below."""
    parts = (tag("span", escape(name)), tag("strong", escape(value)), tag("small", escape(below)))
    return tag("div", "".join(parts), {"class": "tile"})


def table(heading: Sequence[str], rows: Sequence[str], kind: str) -> str:
    """A table that scrolls in its own box where it is too wide; `rows` are HTML."""
    cells = "".join(tag("th", escape(cell), {"scope": "col"}) for cell in heading)
    inner = tag("thead", tag("tr", cells)) + tag("tbody", "".join(rows))
    return tag("div", tag("table", inner, {"class": kind}), {"class": "scroll"})


def row(name: str, cells: str, kind: str = "") -> str:
    """A row of a table: its name, escaped, and cells that are HTML."""
    attributes = {"class": kind} if kind else None
    return tag("tr", tag("th", escape(name), {"scope": "row"}) + cells, attributes)


def bar(value: float, interval: Interval | None, kind: str = "") -> str:
    """A share from 0 to 1 as a bar, its interval as a whisker above it."""
    whisker = "" if interval is None else _whisker(100 * interval.low, 100 * interval.high)
    rectangle = f'<rect width="{100 * value:.1f}" height="10"/>'
    return _drawing(f"bar {kind}".strip(), rectangle + whisker)


def difference_bar(value: float, interval: Interval | None, reach: float, kind: str = "") -> str:
    """A difference as a bar from the middle, which is nothing, to `reach` (above 0) at either end."""

    def place(share: float) -> float:
        return 50 + 50 * share / reach

    left, right = sorted((50.0, place(value)))
    whisker = "" if interval is None else _whisker(place(interval.low), place(interval.high))
    rectangle = f'<rect x="{left:.1f}" width="{right - left:.1f}" height="10"/>'
    zero = '<path class="zero" d="M50 0V10"/>'
    return _drawing(f"bar {kind}".strip(), rectangle + zero + whisker)


def _whisker(low: float, high: float) -> str:
    return f'<path d="M{low:.1f} 5H{high:.1f}M{low:.1f} 2v6M{high:.1f} 2v6"/>'


def _drawing(kind: str, shapes: str) -> str:
    attributes = f'class="{kind}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"'
    return f'<svg {attributes}><rect class="track" width="100" height="10"/>{shapes}</svg>'
