"""Draws the comparison's data: screenshots of an invented application, and questions with known answers.

Nothing is downloaded and nothing depends on the clock: the same seed gives the same pixels and texts.
Only Pillow and the standard library are used, so that every contender's environment can import it.

    python bench/data.py --out bench/.work/data

A set is a folder with `data.jsonl`, one line a screenshot:

    {"image": "0001.jpg", "width": 504, "height": 448, "questions": [...]}

A question has what to `ask`, the `answer` (an action as the `neko` dialect writes it), and the widget's
`point` and `box` (left, top, right, bottom) as fractions of the screenshot.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

JPEG_QUALITY = 90
CELL_PIXELS = 28  # one visual token of the Qwen2-VL family
DECIMALS = 3  # digits of a coordinate, as the `neko` dialect writes them
WORDS = (
    "account archive attach back balance calendar cancel chart close cloud compose contact copy daily "
    "delete details discard download draft edit email export filter folder forward group help history "
    "home import inbox invite invoice label list login mail menu message mute next note notice open "
    "order page password paste people photo pin plan preview print profile project read refresh reply "
    "report reset restore review save schedule search select send settings share sort star status "
    "store submit summary tag team template today trash undo update upload user view week write zoom"
).split()
PALETTES = (
    ((250, 250, 252), (255, 255, 255), (36, 99, 235), (30, 41, 59)),
    ((30, 31, 38), (44, 46, 56), (94, 129, 244), (226, 232, 240)),
    ((244, 241, 234), (255, 252, 245), (176, 84, 38), (60, 45, 36)),
    ((236, 244, 241), (250, 255, 253), (15, 118, 110), (22, 60, 55)),
)
KINDS = ("button", "link", "field", "tab", "icon")
PLACES = ("near the top", "in the middle", "near the bottom")
SIDES = ("on the left", "in the centre", "on the right")


@dataclass(frozen=True, slots=True)
class SetPlan:
    """How many screenshots of which sizes, and how many questions of how many words each."""

    screens: int
    questions: int
    sizes: tuple[tuple[int, int], ...] = ()  # pixels; empty: drawn between the limits of `visual_tokens`
    visual_tokens: tuple[int, int] = (0, 0)
    words: tuple[int, int] = (4, 12)


SETS: dict[str, SetPlan] = {
    # 18 x 16 = 288 or 17 x 18 = 306 visual tokens
    "shared": SetPlan(16, 16, sizes=((504, 448), (476, 504))),
    "mixed": SetPlan(192, 1, visual_tokens=(80, 800), words=(4, 105)),
    "images": SetPlan(24, 1, sizes=((1920, 1080),)),
}
QUICK: dict[str, SetPlan] = {
    "shared": SetPlan(4, 16, sizes=SETS["shared"].sizes),
    "mixed": SetPlan(24, 1, visual_tokens=(80, 400), words=(4, 105)),
    "images": SetPlan(3, 1, sizes=SETS["images"].sizes),
}


@dataclass(frozen=True, slots=True)
class Widget:
    """Something that can be asked for: its words, its kind and its box in pixels."""

    label: str
    kind: str
    box: tuple[int, int, int, int]


def prompt_text(ask: str) -> str:
    """What stands after the screenshot in the user's turn, for every contender.

    It is what the prompt `neko` with `instructions=False, screen_first=True` writes.
    """
    return f"Task: {ask}\n"


def read(folder: Path) -> list[dict[str, Any]]:
    """The lines of a set."""
    return [json.loads(line) for line in (folder / "data.jsonl").read_text("utf-8").splitlines()]


def draw(generator: random.Random, width: int, height: int) -> tuple[Image.Image, list[Widget]]:
    """One screenshot and its widgets, in reading order."""
    background, card, accent, ink = generator.choice(PALETTES)
    image = Image.new("RGB", (width, height), background)
    canvas = ImageDraw.Draw(image)
    _shade(canvas, width, height, background, accent)
    widgets = []
    row_pixels = max(22, min(48, height // 12))
    font = ImageFont.load_default(size=max(9, row_pixels * 0.42))
    for top in range(4, height - row_pixels, row_pixels + 6):
        left = 6
        while left < width - 60:
            label = " ".join(generator.choices(WORDS, k=generator.randint(1, 2))).capitalize()
            kind = generator.choice(KINDS)
            text_pixels = int(canvas.textlength(label, font=font))
            right = min(width - 4, left + text_pixels + generator.randint(18, 60))
            box = (left, top, right, top + row_pixels)
            _draw_widget(canvas, Widget(label, kind, box), (card, accent, ink), font)
            widgets.append(Widget(label, kind, box))
            left = right + generator.randint(6, 40)
    _draw_lines(canvas, generator, (width, height), ink)
    return image, widgets


def _shade(
    canvas: ImageDraw.ImageDraw,
    width: int,
    height: int,
    background: tuple[int, int, int],
    accent: tuple[int, int, int],
) -> None:
    """A slight gradient, so that JPEG has more than flat areas to store."""
    for y in range(height):
        part = 0.15 * y / height
        mixed = tuple(round(a * (1 - part) + b * part) for a, b in zip(background, accent, strict=True))
        canvas.line((0, y, width, y), fill=mixed)


def _draw_widget(
    canvas: ImageDraw.ImageDraw,
    widget: Widget,
    colours: tuple[tuple[int, int, int], ...],
    font: Any,
) -> None:
    card, accent, ink = colours
    left, top, right, bottom = widget.box
    filled = widget.kind in ("button", "icon")
    if widget.kind != "link":
        canvas.rounded_rectangle(widget.box, radius=5, fill=accent if filled else card, outline=ink)
    if widget.kind == "tab":
        canvas.line((left + 4, bottom - 3, right - 4, bottom - 3), fill=accent, width=3)
    if widget.kind == "link":
        canvas.line((left + 8, bottom - 5, right - 8, bottom - 5), fill=accent)
    canvas.text(
        (left + 8, top + (bottom - top) * 0.25), widget.label, fill=card if filled else ink, font=font
    )


def _draw_lines(
    canvas: ImageDraw.ImageDraw, generator: random.Random, size: tuple[int, int], ink: tuple[int, int, int]
) -> None:
    """Small print, which makes the JPEGs as heavy as those of real pages."""
    width, height = size
    font = ImageFont.load_default(size=9)
    for _ in range(width * height // 40_000):
        text = " ".join(generator.choices(WORDS, k=6))
        canvas.text((generator.randrange(width), generator.randrange(height)), text, fill=ink, font=font)


def _ask(generator: random.Random, widget: Widget, size: tuple[int, int], words: tuple[int, int]) -> str:
    """A request for a widget, padded with background to a random number of words."""
    middle_x = (widget.box[0] + widget.box[2]) / 2 / size[0]
    middle_y = (widget.box[1] + widget.box[3]) / 2 / size[1]
    place = f"{PLACES[min(2, int(middle_y * 3))]} {SIDES[min(2, int(middle_x * 3))]}"
    request = f'Click the {widget.kind} "{widget.label}" {place}.'
    wanted = generator.randint(*words)
    have = len(request.split())
    if wanted <= have:
        return request
    background = " ".join(generator.choices(WORDS, k=wanted - have))
    return f"{request} Earlier: {background}."


def question_about(
    generator: random.Random, widget: Widget, size: tuple[int, int], words: tuple[int, int]
) -> dict[str, Any]:
    left, top, right, bottom = widget.box
    point = [
        round((left + right) / 2 / size[0], DECIMALS),
        round((top + bottom) / 2 / size[1], DECIMALS),
    ]
    return {
        "ask": _ask(generator, widget, size, words),
        "answer": json.dumps({"action": "CLICK", "value": None, "position": point}),
        "point": point,
        "box": [left / size[0], top / size[1], right / size[0], bottom / size[1]],
    }


def _size(generator: random.Random, plan: SetPlan, number: int) -> tuple[int, int]:
    if plan.sizes:
        return plan.sizes[number % len(plan.sizes)]
    tokens = generator.uniform(*plan.visual_tokens)
    wide = generator.uniform(0.5, 2.0)
    columns = max(4, round((tokens * wide) ** 0.5))
    rows = max(4, round(tokens / columns))
    # Off the cell grid, as real screenshots are.
    shift = CELL_PIXELS // 3
    return (
        columns * CELL_PIXELS + generator.randint(-shift, shift),
        rows * CELL_PIXELS + generator.randint(-shift, shift),
    )


def screens(plan: SetPlan, seed: int) -> Iterator[tuple[Image.Image, list[dict[str, Any]]]]:
    """The screenshots of a set with their questions, one after the other."""
    for number in range(plan.screens):
        generator = random.Random(f"{seed}/{number}")
        size = _size(generator, plan, number)
        image, widgets = draw(generator, *size)
        chosen = [generator.choice(widgets) for _ in range(max(0, plan.questions - len(widgets)))]
        chosen += generator.sample(widgets, min(plan.questions, len(widgets)))
        yield image, [question_about(generator, widget, size, plan.words) for widget in chosen]


def write(root: Path, plans: dict[str, SetPlan], *, seed: int = 0) -> None:
    """Write every set into a folder of its name; sets that are complete are left alone."""
    for name, plan in plans.items():
        folder = root / name
        description = {"plan": repr(plan), "seed": seed}
        stamp = folder / "set.json"
        if stamp.is_file() and json.loads(stamp.read_text("utf-8")) == description:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        lines = []
        for number, (image, questions) in enumerate(screens(plan, seed), start=1):
            file = f"{number:04}.jpg"
            image.save(folder / file, quality=JPEG_QUALITY)
            line = {"image": file, "width": image.width, "height": image.height, "questions": questions}
            lines.append(json.dumps(line))
        (folder / "data.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        stamp.write_text(json.dumps(description), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the comparison's data.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the small sets of a trial")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.out, QUICK if arguments.quick else SETS, seed=arguments.seed)
    for folder in sorted(path.parent for path in arguments.out.glob("*/data.jsonl")):
        lines = read(folder)
        print(
            f"{folder.name}: {len(lines)} screenshots, {sum(len(x['questions']) for x in lines)} questions"
        )


if __name__ == "__main__":
    main()
