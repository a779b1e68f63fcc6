"""Solvers of MiniWoB++ tasks that are done by clicking what the goal names."""

from __future__ import annotations

from collections.abc import Mapping

from screensmith.environments import Unsolvable
from screensmith.environments._miniwob_scene import Demonstrations, Scene, Solver

QUOTED = r'"(.*)"'
MOST_PAGES = 8


def click_test(scene: Scene) -> Demonstrations:
    """One button, or the one that the goal writes in capitals."""
    yield from scene.submit("ONE" if "ONE" in scene.goal else None)


def click_button(scene: Scene) -> Demonstrations:
    """The button whose label the goal quotes."""
    yield from scene.submit(scene.word(QUOTED))


def click_button_sequence(scene: Scene) -> Demonstrations:
    """Two buttons in order."""
    yield from scene.click_all("#area button", ["ONE", "TWO"])


def click_link(scene: Scene) -> Demonstrations:
    """The link whose text the goal quotes."""
    yield from scene.click("#area .alink", scene.word(QUOTED))


def click_collapsible(scene: Scene) -> Demonstrations:
    """Open the only section, then press its button."""
    yield from scene.click("#area h3")
    yield from scene.submit()


def click_collapsible_2(scene: Scene) -> Demonstrations:
    """Open the section that holds the link; one section is open at a time."""
    link = scene.word(QUOTED)
    section = scene.read(
        """wanted => [...document.querySelectorAll("#area h3")].findIndex(heading =>
             [...heading.nextElementSibling.querySelectorAll(".alink")]
               .some(link => link.textContent.trim() === wanted))""",
        link,
    )
    if section < 0:
        raise Unsolvable(f"{scene.task}: no section holds the link {link!r}")
    panel = f"#area h3:nth-of-type({section + 1}) + div .alink"
    if not scene.drawn(panel, link):
        yield from scene.click("#area h3", number=section)
    yield from scene.click(panel, link)


def click_checkboxes(scene: Scene) -> Demonstrations:
    """Tick the named boxes."""
    named = scene.word(r"Select (.*) and click")
    yield from scene.click_all("#area label", [] if named == "nothing" else named.split(", "))
    yield from scene.submit()


def click_checkboxes_soft(scene: Scene) -> Demonstrations:
    """Tick the box that means the same as each named word, by the page's own word groups."""
    for word in scene.word(r"similar to (.*) and click").split(", "):
        alike = scene.read("word => SYNONYMS.filter(group => group.includes(word)).flat()", word)
        matching = [found for found in scene.drawn("#area label") if found.text in alike]
        if not matching:
            raise Unsolvable(f"{scene.task}: no box is similar to {word!r}")
        yield from scene.click("#area label", matching[0].text)
    yield from scene.submit()


def click_option(scene: Scene) -> Demonstrations:
    """Choose the named radio button."""
    yield from scene.click("#area label", scene.word(r"Select (.*) and click"))
    yield from scene.submit()


def click_color(scene: Scene) -> Demonstrations:
    """The box of the named colour."""
    yield from scene.click(f'#area .color[data-color="{scene.word(r"the (.*) colored")}"]')


def click_dialog(scene: Scene) -> Demonstrations:
    """Close the dialog by the cross in its title."""
    yield from scene.click(".ui-dialog-titlebar-close")


def click_dialog_2(scene: Scene) -> Demonstrations:
    """The dialog's button with the quoted label; "x" is the cross in its title."""
    label = scene.word(QUOTED)
    if label == "x":
        yield from scene.click(".ui-dialog-titlebar button")
    else:
        yield from scene.click(".ui-dialog-buttonset button", label)


def click_shades(scene: Scene) -> Demonstrations:
    """Every square in a shade of the named colour."""
    squares = scene.drawn(f"#area span[data-color={scene.word(r'shades of (.*) and')}]")
    for square in squares:
        yield scene.click_box(scene.box(square))
    yield from scene.submit()


def click_tab(scene: Scene) -> Demonstrations:
    """The tab with the named number."""
    yield from scene.click("#area .ui-tabs-anchor", f"Tab #{scene.word(r'Tab #([0-9]+)')}")


def click_tab_2(scene: Scene) -> Demonstrations:
    """Go to the tab whose panel holds the link, then click the link."""
    link = scene.word(QUOTED)
    panels = scene.read(
        """wanted => [...document.querySelectorAll("#area .ui-tabs-panel")].map(panel =>
             [...panel.querySelectorAll(".alink")].some(e => e.textContent.trim() === wanted))""",
        link,
    )
    if True not in panels:  # the medium variant empties its second tab, and going there is the answer
        yield from scene.click("#area .ui-tabs-nav a", number=1)
        return
    if not scene.drawn("#area .ui-tabs-panel .alink", link):
        yield from scene.click("#area .ui-tabs-nav a", number=panels.index(True))
    yield from scene.click("#area .ui-tabs-panel .alink", link)


def click_widget(scene: Scene) -> Demonstrations:
    """Any widget of the named kind."""
    yield from scene.click(f"#area [data-type={scene.word(QUOTED)}]")


def focus_text(scene: Scene) -> Demonstrations:
    """The only field."""
    yield from scene.click("#area input")


def focus_text_2(scene: Scene) -> Demonstrations:
    """The field with the named number."""
    yield from scene.click("#area input", number=int(scene.word(r"the (\d)")) - 1)


def grid_coordinate(scene: Scene) -> Demonstrations:
    """The dot at the named coordinates."""
    yield from scene.click(f"circle[id='{scene.word(r'coordinate (.*)[.]')}']")


def navigate_tree(scene: Scene) -> Demonstrations:
    """Open the folders that lead to the named entry, then click it."""
    way = scene.read(
        """wanted => {
          const names = [...document.querySelectorAll("#tree span")];
          const end = names.find(name => name.textContent.trim() === wanted);
          const way = [];
          for (let at = end?.parentElement; at && at.id !== "tree"; at = at.parentElement)
            if (at.tagName === "LI") way.unshift(names.indexOf(at.querySelector("span")));
          return way;
        }""",
        scene.word(QUOTED),
    )
    if not way:
        raise Unsolvable(f"{scene.task}: the tree has no such entry")
    for step, number in enumerate(way):
        following = way[step + 1] if step + 1 < len(way) else None
        if following is not None and scene.all("#tree span")[following].drawn:
            continue  # this folder is open already, and a click would close it
        found = scene.all("#tree span")[number]
        yield scene.click_box(scene.box(found))


def number_checkboxes(scene: Scene) -> Demonstrations:
    """Tick the boxes that draw the named digit, by the page's own pattern."""
    pattern = scene.read("digit => PATTERNS[digit].flat()", int(scene.word(r'number "(\d)"')))
    boxes = scene.drawn("#checkboxes input")
    for ticked, found in zip(pattern, boxes, strict=True):
        if ticked:
            yield scene.click_box(scene.box(found))
    yield from scene.submit()


def odd_or_even(scene: Scene) -> Demonstrations:
    """Say odd or even for every number."""
    for number, found in enumerate(scene.drawn(".display-number")):
        yield from scene.click(".row .odd" if int(found.text) % 2 else ".row .even", number=number)
    yield from scene.submit("Submit")


def find_greatest(scene: Scene) -> Demonstrations:
    """Turn the card with the greatest number; the script reads the hidden sides."""
    values = [int(found.text) for found in scene.all(".card .card-value")]
    yield from scene.click(".card", number=values.index(max(values)))
    yield from scene.submit()


def generate_number(scene: Scene) -> Demonstrations:
    """Draw numbers until one fits the goal."""
    limit = (
        None if "odd" in scene.goal or "even" in scene.goal else scene.words(r"(less|greater) than (\d+)")
    )

    def fits(number: int) -> bool:
        if limit is None:
            return number % 2 == ("odd" in scene.goal)
        return number < int(limit[1]) if limit[0] == "less" else number > int(limit[1])

    for _ in range(60):
        yield from scene.click("#generate")
        if fits(int(scene.one("#display-number").text)):
            break
    yield from scene.click("#submit")


def phone_book(scene: Scene) -> Demonstrations:
    """Turn the pages to the named person, then click the named detail."""
    person, detail = scene.words(r"Find (.*) in the contact book and click on their (.*)[.]")
    for _ in range(MOST_PAGES):
        if scene.one("#contact .name").text == person:
            yield from scene.click("#contact a." + {"phone number": "phone"}.get(detail, detail))
            return
        yield from scene.click("#pagination a", ">")
    raise Unsolvable(f"{scene.task}: {person!r} is not in the book")


def ascending_numbers(scene: Scene) -> Demonstrations:
    """Click the numbers in order; their places are read first, as they disappear."""
    for found in sorted(scene.drawn("svg text"), key=lambda found: int(found.text)):
        x, y = found.middle
        yield scene.click_near(x, y, radius=5)


def buy_ticket(scene: Scene) -> Demonstrations:
    """The cheapest, dearest, shortest or longest flight."""
    wish = scene.word(r"with the (.*)[.]")
    attribute = "data-price" if "cost" in wish else "data-duration"
    holders = ".buy-ticket" if "cost" in wish else ".time-duration"
    values = [int(found.attributes[attribute]) for found in scene.drawn(f".flight {holders}")]
    wanted = min(values) if wish.split()[0] in ("cheapest", "shortest") else max(values)
    yield from scene.click(".buy-ticket", number=values.index(wanted))


def click_menu_2(scene: Scene) -> Demonstrations:
    """Open the menu, and its submenu where the item is in it, then click the item by name or icon."""
    name, icon = _menu_item(scene)
    yield from scene.click("#open-menu")
    selector = f"#menu .{icon}" if icon else "#menu div"
    found = scene.all(selector, name)
    if not found:
        raise Unsolvable(f"{scene.task}: no such menu item")
    if not found[0].drawn:
        yield from scene.click("#menu div", "Playback")
    yield from scene.click(selector, name)


def _menu_item(scene: Scene) -> tuple[str | None, str | None]:
    """The wanted item's label, or the class of its icon."""
    if "labeled" in scene.goal:
        return scene.word(r'labeled "(.*)"'), None
    icons = scene.all("#query .ui-icon")
    return None, icons[0].names[-1]


def order_food(scene: Scene) -> Demonstrations:
    """Add the named dishes, or any dish of the named sort as often as asked."""
    if "one of each item" in scene.goal:
        dishes = [name.strip() for name in scene.word(r"item: (.*)").split(",")]
    else:
        count, sort = scene.words(r"Order (\d+) items that are (.*)")
        fitting = scene.read(
            "sort => MENU.filter(dish => dish.types.includes(sort)).map(dish => dish.name.trim())", sort
        )
        dishes = fitting[:1] * int(count)
    if not dishes:
        raise Unsolvable(f"{scene.task}: no dish fits the goal")
    for dish in dishes:
        names = [found.text for found in scene.drawn(".item-name")]
        yield from scene.click(".add", number=names.index(dish))
    yield from scene.click("#submit-order button")


def click_menu(scene: Scene) -> Demonstrations:
    """Hover along the path, as clicking a parent is a mistake, and click its end."""
    path = scene.word(r"Select (.*)").split(">")
    for name in path[:-1]:
        yield from scene.hover("#menu div", name)
    yield from scene.click("#menu div", path[-1])


SOLVERS: Mapping[str, Solver] = {
    "ascending-numbers": ascending_numbers,
    "buy-ticket": buy_ticket,
    "click-button": click_button,
    "click-button-sequence": click_button_sequence,
    "click-checkboxes": click_checkboxes,
    "click-checkboxes-large": click_checkboxes,
    "click-checkboxes-soft": click_checkboxes_soft,
    "click-checkboxes-transfer": click_checkboxes,
    "click-collapsible": click_collapsible,
    "click-collapsible-2": click_collapsible_2,
    "click-collapsible-2-nodelay": click_collapsible_2,
    "click-collapsible-nodelay": click_collapsible,
    "click-color": click_color,
    "click-dialog": click_dialog,
    "click-dialog-2": click_dialog_2,
    "click-link": click_link,
    "click-menu": click_menu,
    "click-menu-2": click_menu_2,
    "click-option": click_option,
    "click-shades": click_shades,
    "click-tab": click_tab,
    "click-tab-2": click_tab_2,
    "click-tab-2-easy": click_tab_2,
    "click-tab-2-hard": click_tab_2,
    "click-tab-2-medium": click_tab_2,
    "click-test": click_test,
    "click-test-2": click_test,
    "click-test-transfer": click_test,
    "click-widget": click_widget,
    "find-greatest": find_greatest,
    "focus-text": focus_text,
    "focus-text-2": focus_text_2,
    "generate-number": generate_number,
    "grid-coordinate": grid_coordinate,
    "navigate-tree": navigate_tree,
    "number-checkboxes": number_checkboxes,
    "odd-or-even": odd_or_even,
    "order-food": order_food,
    "phone-book": phone_book,
    "unicode-test": click_button,
}
