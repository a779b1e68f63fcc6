"""Render the screens that the starting model learns to see from, and store them as MDS episodes.

    python examples/starter/render.py --out data/starter

Every page comes from `screensmith.environments._widget_pages`, as a function of its task and seed,
drawn by a real Chromium. Unlike `screensmith capture --environment widgets`, nothing is acted out:
one picture a step is all that is needed, which is several times faster.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from screensmith.capture.payload import COLUMNS, sample_of
from screensmith.core.actions import Click, TypeText
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.environments._chromium import chromium
from screensmith.environments._widget_pages import HEIGHT_PIXELS, MAKERS, WIDTH_PIXELS, make_page

SIZE = Size(WIDTH_PIXELS, HEIGHT_PIXELS)
CLIP = {"x": 0, "y": 0, "width": WIDTH_PIXELS, "height": HEIGHT_PIXELS}
LEFT_OUT = ("button", "form")  # reading words and copying text take longer to learn than the rest
# (first seed, seed after the last, tasks in turn)
SCHEDULE = ((1_000, 11_000, tuple(sorted(MAKERS))),)
JPEG_QUALITY = 85
EDGES = """id => {
  const box = document.getElementById(id).getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom];
}"""


def planned() -> Iterator[tuple[str, int]]:
    """Every (task, seed) that is rendered."""
    for first, stop, tasks in SCHEDULE:
        for seed in range(first, stop):
            task = tasks[seed % len(tasks)]
            if task not in LEFT_OUT:
                yield task, seed


def box_of(edges: list[float]) -> Box:
    """A box in pixels as fractions, cut at the screen."""
    left, top, right, bottom = (min(max(edge, 0.0), 1e9) for edge in edges)
    return Box(
        min(left / SIZE.width, 1.0),
        min(top / SIZE.height, 1.0),
        min(right / SIZE.width, 1.0),
        min(bottom / SIZE.height, 1.0),
    )


def render(page: Any, task: str, seed: int) -> Episode:
    """The episode of one page: a click on each item in turn, and a text after the first."""
    made = make_page(task, seed)
    page.set_content(made.html)
    steps = []
    for number, id in enumerate(made.clicks):
        box = box_of(page.evaluate(EDGES, id))
        steps.append(Step(picture(page), (Click(box.centre),), target=box))
        if number == 0 and made.text:
            page.click(f"#{id}")
            steps.append(Step(picture(page), (TypeText(made.text),)))
            page.keyboard.type(made.text)
    return Episode(f"{task}-{seed:06}", made.goal, tuple(steps), {"task": task, "seed": seed})


def picture(page: Any) -> Screenshot:
    """The page as JPEG."""
    return Screenshot(page.screenshot(type="jpeg", quality=JPEG_QUALITY, clip=CLIP), SIZE)


def main() -> None:
    """Render everything that is planned."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/starter"))
    parser.add_argument("--pages", type=int, help="only the first so many")
    arguments = parser.parse_args()
    out: Path = arguments.out
    if out.exists():
        raise SystemExit(f"{out} exists already; choose another folder")

    from streaming import MDSWriter

    # One writer for all: these pages can be rendered again, so they need no store that survives a crash.
    writer = MDSWriter(out=str(out), columns=dict(COLUMNS), compression="zstd:6", hashes=["sha1"])
    with chromium() as browser, writer:
        page = browser.new_page(viewport={"width": 300, "height": 300})
        for task, seed in islice(planned(), arguments.pages):
            writer.write(sample_of(render(page, task, seed), SIZE, JPEG_QUALITY))


if __name__ == "__main__":
    main()
