"""Small random pages that ask for one thing: HTML, goal and solution as a function of (task, seed).

They are drawn by this project, at the size of a MiniWoB++ screen but with their own layouts, words
and colours, so that a starting model can learn what buttons, boxes and fields look like.
"""

from __future__ import annotations

import html
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WIDTH_PIXELS, HEIGHT_PIXELS, HEADER_PIXELS = 160, 210, 50
COLORS = (
    "red blue green olive lime black white grey gray purple orange yellow cyan pink magenta brown "
    "teal navy maroon gold"
).split()
WORDS = (
    "one two three ok yes no cancel submit send next back open save close reply login search accept "
    "decline help print share home start stop play edit copy delete apply reset done more less"
).split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FONTS = ("Arial", "sans-serif", "serif", "Verdana")
ORDINALS = ("1st", "2nd", "3rd", "4th")
TARGET = "target"


@dataclass(frozen=True, slots=True)
class WidgetPage:
    """One page: its goal, its HTML, and what to do: ids to click in order, then text to type.

    `clicks` are element ids. `text`, if any, is typed after the first click. A click on any other
    element with class "item" fails the episode.
    """

    goal: str
    html: str
    clicks: tuple[str, ...]
    text: str = ""


Maker = Callable[[random.Random], WidgetPage]


def make_page(task: str, seed: int) -> WidgetPage:
    """The page of a task for a seed; the same arguments always give the same page."""
    return MAKERS[task](random.Random(f"{task}:{seed}"))  # noqa: S311


def _page(rng: random.Random, goal: str, body: str, *, header_goal: str | None = None) -> str:
    header = rng.choice(("#ffff00", "#fffbd0", "#e8eef7", "#ffffff", "#dddddd"))
    font, points = rng.choice(FONTS), rng.choice((9, 10, 10, 10, 11))
    shown = html.escape(goal) if header_goal is None else header_goal
    return (
        f"<!doctype html><style>*{{box-sizing:border-box;margin:0}}body{{width:{WIDTH_PIXELS}px;"
        f"height:{HEIGHT_PIXELS}px;font:{points}pt {font};overflow:hidden;background:#fff}}"
        f"#query{{height:{HEADER_PIXELS}px;background:{header};padding:3px;overflow:hidden}}"
        "#area{position:absolute;left:0;top:50px;width:160px;height:160px}"
        f".at{{position:absolute}}</style><div id=query>{shown}</div><div id=area>{body}</div>"
    )


def _places(rng: random.Random, sizes: list[tuple[int, int]], *, gap: int = 1) -> list[tuple[int, int]]:
    """Random places in the area, one for each (width, height), that do not overlap."""
    while True:
        taken: list[tuple[int, int, int, int]] = []
        for width, height in sizes:
            for _ in range(40):
                left, top = rng.randint(0, 158 - width), rng.randint(2, 158 - height)
                box = (left - gap, top - gap, left + width + gap, top + height + gap)
                if all(_apart(box, other) for other in taken):
                    taken.append(box)
                    break
        if len(taken) == len(sizes):
            return [(left + gap, top + gap) for left, top, _, _ in taken]


def _apart(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    return first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]


def _item(tag: str, id: str, place: tuple[int, int], style: str, text: str = "") -> str:
    left, top = place
    return (
        f'<{tag} id="{id}" class="item at" style="left:{left}px;top:{top}px;{style}">'
        f"{html.escape(text)}</{tag}>"
    )


def _color(rng: random.Random) -> WidgetPage:
    colors = rng.sample(COLORS, rng.randint(2, 5))
    edge = rng.randint(24, 64 - 6 * len(colors))  # so that five still find room
    if rng.random() < 0.5:
        places = _places(rng, [(edge, edge)] * len(colors))
    else:  # in rows, as text flows
        columns = rng.choice((2, 3))
        step = edge + rng.randint(2, 12)
        step = min(step, (158 - edge) // max(columns - 1, 1))
        left, top = rng.randint(0, max(0, 158 - edge - step * (columns - 1))), rng.randint(2, 20)
        places = [
            (left + step * (i % columns), min(top + step * (i // columns), 158 - edge))
            for i in range(len(colors))
        ]
        rng.shuffle(colors)
    wanted = rng.choice(colors)
    border = rng.choice(("1px solid black", "1px solid #888", "none"))
    size = f"width:{edge}px;height:{edge}px;border:{border}"
    body = "".join(
        _item("div", TARGET if c == wanted else f"other{i}", p, f"{size};background:{c}")
        for i, (c, p) in enumerate(zip(colors, places, strict=True))
    )
    goal = rng.choice(
        (
            f"Click on the {wanted} colored box.",
            f"Click on the {wanted} colored box.",
            f"Click the {wanted} box.",
            f"Select the {wanted} square.",
        )
    )
    swatch = goal.replace(
        wanted,
        f'<span style="display:inline-block;width:20px;height:20px;background:{wanted}"></span>',
    )
    header = swatch if rng.random() < 0.5 else goal
    return WidgetPage(goal, _page(rng, goal, body, header_goal=header), (TARGET,))


def _label(rng: random.Random, word: str) -> str:
    return rng.choice((word.upper(), word.upper(), word.capitalize(), word))


def _buttons(rng: random.Random, labels: list[str]) -> tuple[str, list[str]]:
    """The buttons' HTML, and their ids; overlapping is avoided."""
    height = rng.randint(18, 30)
    sizes = [(max(26, 9 * len(label) + rng.randint(4, 16)), height) for label in labels]
    places = _places(rng, sizes)
    ids = [f"button{number}" for number in range(len(labels))]
    color = rng.choice(("", "", "background:#eee;border:1px solid #888", "background:#9cf"))
    body = "".join(
        _item("button", id, p, f"width:{w}px;height:{h}px;padding:0;{color}", label)
        for id, p, (w, h), label in zip(ids, places, sizes, labels, strict=True)
    )
    return body, ids


def _button(rng: random.Random) -> WidgetPage:
    labels = [_label(rng, word) for word in rng.sample(WORDS, rng.randint(2, 3))]
    body, ids = _buttons(rng, labels)
    goal = rng.choice(
        (
            f"Click button {labels[0]}.",
            f'Click on the "{labels[0]}" button.',
            f"Press {labels[0]}.",
        )
    )
    return WidgetPage(goal, _page(rng, goal, body), (ids[0],))


def _numbers(rng: random.Random) -> WidgetPage:
    body, ids = _buttons(rng, ["ONE", "TWO"])
    choice = rng.randint(0, 2)
    if choice == 2:
        goal = rng.choice(("Click button ONE, then click button TWO.", "Press ONE, then TWO."))
        return WidgetPage(goal, _page(rng, goal, body), tuple(ids))
    goal = rng.choice(("Click button {}.", "Press {}.")).format(("ONE", "TWO")[choice])
    return WidgetPage(goal, _page(rng, goal, body), (ids[choice],))


def _anywhere(rng: random.Random) -> WidgetPage:
    width = rng.randint(30, 110)
    height = width if rng.random() < 0.6 else rng.randint(20, 110)
    place = _places(rng, [(width, height)])[0]
    label = rng.choice(("Click Me!", "Click", "Press", "Go", ""))
    style = f"width:{width}px;height:{height}px;padding:0"
    goal = rng.choice(("Click the button.", "Press the button."))
    return WidgetPage(goal, _page(rng, goal, _item("button", TARGET, place, style, label)), (TARGET,))


def _field(rng: random.Random) -> WidgetPage:
    count = rng.randint(1, 4)
    left, body, top = rng.randint(2, 22), "", rng.randint(0, 136 if count == 1 else 12)
    height = rng.randint(18, 24)
    for number in range(count):
        width = rng.randint(90, 130)
        place = (min(left + rng.randint(-2, 6), 158 - width), top)
        body += _item("input", f"field{number}", place, f"width:{width}px;height:{height}px")
        top += height + rng.randint(4, max(5, (150 - count * height) // count))
    wanted = rng.randrange(count)
    goal = f"Focus into the {ORDINALS[wanted]} input textbox."
    if count == 1:
        goal = rng.choice(("Focus into the textbox.", "Click the text field."))
    return WidgetPage(goal, _page(rng, goal, body), (f"field{wanted}",))


def _dialog(rng: random.Random) -> WidgetPage:
    width, height = rng.randint(80, 135), rng.randint(60, 110)
    left, top = _places(rng, [(width, height)])[0]
    bar = rng.randint(20, 28)
    words = " ".join(rng.choices(WORDS, k=rng.randint(2, 6)))
    edge = rng.randint(14, 20)
    inset = (bar - edge) // 2
    x = rng.choice(("x", "X", "\N{MULTIPLICATION SIGN}"))
    shade = rng.choice(("#ccc", "#e9e9e9", "#9bc", "#ddd"))
    body = (
        f'<div class=at style="left:{left}px;top:{top}px;width:{width}px;height:{height}px;'
        f'border:1px solid #888"><div style="height:{bar}px;background:{shade}"></div>'
        f"<p style='padding:4px'>{words}</p></div>"
    ) + _item(
        "button",
        TARGET,
        (left + width - edge - inset - 2, top + inset),
        f"width:{edge}px;height:{edge}px;padding:0;line-height:1",
        x,
    )
    goal = rng.choice(('Close the dialog box by clicking the "x".', "Close the dialog."))
    return WidgetPage(goal, _page(rng, goal, body), (TARGET,))


def _tab(rng: random.Random) -> WidgetPage:
    count, left, top = rng.randint(2, 4), rng.randint(0, 8), rng.randint(0, 16)
    width, height = rng.randint(36, min(50, (156 - left) // count)), rng.randint(20, 30)
    active, wanted = rng.randrange(count), rng.randrange(count)
    body = "".join(
        _item(
            "button",
            f"tab{number}",
            (left + number * (width + 1), top),
            f"width:{width}px;height:{height}px;padding:0;border:1px solid #aaa;"
            f"background:{'#fff' if number == active else '#e6e6e6'}",
            f"Tab #{number + 1}",
        )
        for number in range(count)
    )
    words = " ".join(rng.choices(WORDS, k=16))
    body += f'<p class=at style="left:6px;top:{top + height + 6}px;width:146px">{words}</p>'
    goal = f"Click on Tab #{wanted + 1}."
    return WidgetPage(goal, _page(rng, goal, body), (f"tab{wanted}",))


def _grid(rng: random.Random) -> WidgetPage:
    step, radius = rng.randint(26, 31), rng.randint(4, 6)
    left, top = rng.randint(10, 24), rng.randint(10, 24)
    wanted_x, wanted_y = rng.randint(-2, 2), rng.randint(-2, 2)
    color = rng.choice(("blue", "blue", "red", "green"))
    dot = f"width:{2 * radius}px;height:{2 * radius}px;border-radius:50%;background:{color}"
    middle_x, middle_y = left + 2 * step, top + 2 * step
    body = (
        f'<div class=at style="left:{middle_x}px;top:0;width:1px;height:156px;background:#000"></div>'
        f'<div class=at style="left:0;top:{middle_y}px;width:156px;height:1px;background:#000"></div>'
    )
    for x in range(-2, 3):
        for y in range(-2, 3):
            place = (middle_x + x * step - radius, middle_y - y * step - radius)
            id = TARGET if (x, y) == (wanted_x, wanted_y) else f"dot{x}{y}".replace("-", "m")
            body += _item("div", id, place, dot)
    goal = f"Click on the grid coordinate ({wanted_x},{wanted_y})."
    return WidgetPage(goal, _page(rng, goal, body), (TARGET,))


def _random_word(rng: random.Random) -> str:
    word = "".join(rng.choices(LETTERS, k=rng.randint(3, 8)))
    return rng.choice((word.capitalize(), word))


def _form(rng: random.Random) -> WidgetPage:
    width, height = rng.randint(90, 130), rng.randint(18, 24)
    left, top = rng.randint(2, 20), rng.randint(0, 90)
    below = top + height + rng.randint(4, 24)
    label = rng.choice(("Submit", "Submit", "Send", "OK"))
    button = rng.randint(40, 60)
    button_left = left if rng.random() < 0.6 else rng.randint(0, 150 - button)
    body = _item("input", "field", (left, top), f"width:{width}px;height:{height}px") + _item(
        "button", "send", (button_left, below), f"width:{button}px;height:22px;padding:0", label
    )
    word = _random_word(rng)
    goal = rng.choice(
        (
            f'Enter "{word}" into the text field and press {label}.',
            f'Type "{word}" into the field, then press {label}.',
        )
    )
    return WidgetPage(goal, _page(rng, goal, body), ("field", "send"), word)


MAKERS: Mapping[str, Maker] = {
    "button": _button,
    "button-anywhere": _anywhere,
    "color": _color,
    "dialog": _dialog,
    "field": _field,
    "form": _form,
    "grid": _grid,
    "numbers": _numbers,
    "tab": _tab,
}
