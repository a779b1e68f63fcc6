"""Solvers of MiniWoB++ tasks with one composite widget: dates, sliders, suggestions, long texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from screensmith.core.actions import Scroll
from screensmith.environments import Demonstration, Unsolvable
from screensmith.environments._miniwob_scene import Demonstrations, Scene, Solver

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MOST_KEYS = 120
MOST_LONG_SCROLLS = 30


def choose_date(scene: Scene) -> Demonstrations:
    """Open the calendar, turn to the month, click the day."""
    month, day, _ = map(int, scene.words(r"(\d+)/(\d+)/(\d+)"))
    yield from _pick_date(scene, month, day)
    yield from scene.submit()


def _pick_date(scene: Scene, month: int, day: int) -> Demonstrations:
    yield from scene.click("#datepicker")
    for _ in MONTHS:
        shown = MONTHS.index(scene.one(".ui-datepicker-month").text) + 1
        if shown == month:
            break
        yield from scene.click(".ui-datepicker-prev" if shown > month else ".ui-datepicker-next")
    yield from scene.click(".ui-datepicker-calendar a", str(day))


def book_flight(scene: Scene) -> Demonstrations:
    """Choose both airports among the suggestions and the day, search, and book the best flight."""
    wish, start, end, date = scene.words(
        r"Book the (cheapest|shortest) one-way flight from: (.*) to: (.*) on (\S+?)[.]?$"
    )
    for selector, place in (("#flight-from", start), ("#flight-to", end)):
        yield from scene.enter(selector, place)
        fitting = [
            found.text
            for found in scene.drawn(".ui-menu-item")
            if found.text.startswith(place) or f"({place})" in found.text
        ]
        if not fitting:
            raise Unsolvable(f"{scene.task}: no suggestion for {place!r}")
        yield from scene.hover(".ui-menu-item", fitting[0])  # the list shifts when it is first reached
        yield from scene.click(".ui-menu-item", fitting[0])
    month, day, _ = map(int, date.split("/"))
    yield from _pick_date(scene, month, day)
    yield from scene.click("#search")
    attribute, holders = (
        ("price", ".flight-price") if wish == "cheapest" else ("duration", ".time-duration")
    )
    values = [int(found.data[attribute]) for found in scene.drawn(f".flight {holders}")]
    yield from scene.click(".flight-price", number=values.index(min(values)))


def use_autocomplete(scene: Scene) -> Demonstrations:
    """Type a country that begins and ends as asked, and take the suggestion."""
    start = scene.word(r'starts with "(.*?)"')
    end = re.search(r'ends with "(.*)"', scene.goal)
    country = scene.read(
        "([start, end]) => ui_utils.COUNTRIES.find(name => name.startsWith(start) && name.endsWith(end))",
        [start, end[1] if end else ""],
    )
    if not country:
        raise Unsolvable(f"{scene.task}: no country fits the goal")
    yield from scene.enter("#tags", country)
    if scene.drawn(".ui-menu-item", country):
        yield from scene.click(".ui-menu-item", country)
    yield from scene.submit()


def use_spinner(scene: Scene) -> Demonstrations:
    """Click the arrow as often as the number says."""
    number = int(scene.word(r"Select (-?\d+)"))
    for _ in range(abs(number)):
        yield from scene.click(".ui-spinner-up" if number > 0 else ".ui-spinner-down")
    yield from scene.submit()


def use_slider(scene: Scene) -> Demonstrations:
    """Move the slider with the arrow keys."""
    yield from _slide(scene, 0, int(scene.word(r"Select (-?\d+)")))
    yield from scene.submit()


def use_slider_2(scene: Scene) -> Demonstrations:
    """Move three sliders."""
    for slider, number in enumerate(map(int, scene.word(r"\[(.*)\]").split(","))):
        yield from _slide(scene, slider, number)
    yield from scene.submit()


def form_sequence(scene: Scene) -> Demonstrations:
    """Move the slider, then tick a box."""
    yield from _slide(scene, 0, int(scene.word(r"Select (-?\d+)")))
    yield from scene.click(
        "#area input[type=checkbox]", number=int(scene.word(r"the (\d)\w\w checkbox")) - 1
    )
    yield from scene.submit()


def _slide(scene: Scene, slider: int, wanted: int) -> Demonstrations:
    yield from scene.click(".ui-slider-handle", number=slider)
    for _ in range(MOST_KEYS):
        value = scene.read("slider => $($('.ui-slider')[slider]).slider('value')", slider)
        if value == wanted:
            return
        yield scene.press("ArrowRight" if value < wanted else "ArrowLeft")
    raise Unsolvable(f"{scene.task}: the slider does not reach {wanted}")


def form_sequence_3(scene: Scene) -> Demonstrations:
    """Choose from a drawn list, then press a button."""
    option, button = scene.words(r'Choose (.*) from the dropdown.*labeled "(.*)"')
    yield from scene.click(".selectric")
    yield from scene.click(".selectric-items li", option)
    yield from scene.click("#buttons button", button)


def scroll_text(scene: Scene) -> Demonstrations:
    """Scroll to the end of the text and type its last word."""
    last = scene.read("() => document.querySelector('#area textarea').textContent").split()[-1].strip(".")
    yield from _scroll_to_end(scene, "#area textarea", down=True)
    yield from scene.enter("#area input[type=text]", last)
    yield from scene.submit()


def scroll_text_2(scene: Scene) -> Demonstrations:
    """Scroll to the top or the bottom of the text."""
    yield from _scroll_to_end(scene, "#text-area", down="bottom" in scene.goal)
    yield from scene.submit()


def _scroll_to_end(scene: Scene, selector: str, *, down: bool) -> Demonstrations:
    for _ in range(MOST_LONG_SCROLLS):
        left = scene.read(
            """([selector, down]) => {
              const e = document.querySelector(selector);
              return down ? e.scrollHeight - e.clientHeight - e.scrollTop : e.scrollTop;
            }""",
            [selector, down],
        )
        if left < 1:
            return
        box = scene.box(scene.one(selector))
        yield Demonstration(Scroll("down" if down else "up", box.centre), box)
    raise Unsolvable(f"{scene.task}: the text has no end")


def sign_agreement(scene: Scene) -> Demonstrations:
    """Cancel, or scroll through the agreement until it can be signed."""
    if scene.goal.startswith("Click the cancel"):
        yield from scene.click("#cancel")
        return
    name, button = scene.words(r'name "(.*)" then press "(.*)"')
    yield from _scroll_to_end(scene, "#text-area", down=True)
    yield from scene.enter("#name", name)
    yield from scene.click("#area button", button)


SOLVERS: Mapping[str, Solver] = {
    "book-flight": book_flight,
    "book-flight-nodelay": book_flight,
    "choose-date": choose_date,
    "choose-date-easy": choose_date,
    "choose-date-medium": choose_date,
    "choose-date-nodelay": choose_date,
    "form-sequence": form_sequence,
    "form-sequence-3": form_sequence_3,
    "scroll-text": scroll_text,
    "scroll-text-2": scroll_text_2,
    "sign-agreement": sign_agreement,
    "use-autocomplete": use_autocomplete,
    "use-autocomplete-nodelay": use_autocomplete,
    "use-slider": use_slider,
    "use-slider-2": use_slider_2,
    "use-spinner": use_spinner,
}
