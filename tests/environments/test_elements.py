"""What is said to be visible can be seen, and a click on the middle of its box reaches it."""

from __future__ import annotations

import pytest

from screensmith.core.actions import Click
from screensmith.core.episode import Element
from screensmith.environments._input import Stage, perform, visible_elements

pytestmark = pytest.mark.browser


def elements(stage: Stage, body: str) -> list[Element]:
    stage.page.set_content(f"<body style='margin: 0; font: 16px/20px monospace'>{body}</body>")
    return list(visible_elements(stage.page, stage.frame))


def pixels(stage: Stage, element: Element) -> list[int]:
    """Left, top, right, bottom in the viewport, to whole pixels."""
    size, box = stage.frame.size, element.box
    return [
        round(stage.frame.left + box.left * size.width),
        round(stage.frame.top + box.top * size.height),
        round(stage.frame.left + box.right * size.width),
        round(stage.frame.top + box.bottom * size.height),
    ]


def at(left: int, top: int, width: int, height: int, more: str = "") -> str:
    place = f"left: {left}px; top: {top}px; width: {width}px; height: {height}px"
    return f"style='position: absolute; {place}; {more}'"


def test_markup_cursor_and_handlers_tell_what_can_be_operated(stage: Stage) -> None:
    found = elements(
        stage,
        f"""<a href=x {at(30, 20, 80, 20)}>Link</a> <button {at(30, 50, 80, 20)}> Go   on </button>
        <input type=checkbox aria-label=Agree {at(30, 80, 20, 20)}>
        <input value=typed {at(30, 110, 80, 20)}> <input placeholder=Name {at(30, 140, 80, 20)}>
        <input type=submit value=Send {at(30, 170, 80, 20)}>
        <div role=tab {at(30, 200, 80, 20)}>Tab</div> <div onclick="1" {at(30, 230, 80, 20)}>Handler</div>
        <label for=c {at(150, 20, 80, 20)}>Colour</label>
        <select id=c {at(150, 50, 80, 20)}><option>Red</option><option selected>Blue</option></select>
        <div style='position: absolute; left: 150px; top: 80px; cursor: pointer'>Pointer <b>inside</b></div>
        <p {at(150, 140, 80, 20)}>Plain</p> <input type=hidden value=h>""",
    )
    assert [(element.kind, element.text) for element in found] == [
        ("link", "Link"),
        ("button", "Go on"),
        ("checkbox", "Agree"),
        ("textbox", "typed"),
        ("textbox", "Name"),
        ("button", "Send"),
        ("tab", "Tab"),
        ("div", "Handler"),
        ("combobox", "Blue"),
        ("div", "Pointer inside"),
    ]
    assert pixels(stage, found[0]) == [30, 20, 110, 40]


def test_passwords_are_never_read(stage: Stage) -> None:
    (found,) = elements(stage, f"<input type=password aria-label=Code value=secret {at(30, 20, 80, 20)}>")
    assert (found.kind, found.text) == ("password", "Code")


def test_what_is_hidden_covered_or_outside_is_left_out(stage: Stage) -> None:
    found = elements(
        stage,
        f"""<button {at(30, 20, 80, 20)}>seen</button>
        <button style='display: none'>none</button> <button {at(450, 20, 40, 20)}>outside</button>
        <div {at(200, 50, 100, 30)}><button style='visibility: hidden'>hidden</button></div>
        <button {at(30, 100, 80, 20)}>covered</button> <div {at(20, 90, 120, 50)}></div>
        <div {at(200, 100, 90, 40, "overflow: hidden")}>
          <div style='height: 100px'></div><button>scrolled away</button></div>""",
    )
    assert [element.text for element in found] == ["seen"]


def test_boxes_are_cut_where_things_are_cut_or_covered(stage: Stage) -> None:
    cut, half_covered = elements(
        stage,
        f"""<div {at(30, 30, 50, 100, "overflow: hidden")}>
          <button {at(0, 0, 90, 90)}>cut</button></div>
        <button {at(200, 30, 90, 90)}>half</button> <div {at(200, 60, 90, 90)}></div>""",
    )
    assert pixels(stage, cut) == [30, 30, 80, 120]
    assert pixels(stage, half_covered) == [200, 30, 290, 60]


def test_a_link_over_two_lines_has_the_box_of_its_longer_part(stage: Stage) -> None:
    (found,) = elements(
        stage,
        """<p style='position: absolute; left: 30px; top: 30px; width: 200px; margin: 0'>some words before
        <a href=x id=a>and a link of a few words</a></p>""",
    )
    stage.page.evaluate("a.addEventListener('click', e => { e.preventDefault(); window.clicked = true; })")
    perform(stage, Click(found.box.centre))
    assert stage.page.evaluate("window.clicked") is True


def test_a_place_outside_the_frame_belongs_to_no_element(stage: Stage) -> None:
    (found,) = elements(stage, f"<button {at(10, 0, 60, 30)}>corner</button>")
    assert pixels(stage, found) == [20, 10, 70, 30]
    assert (found.box.left, found.box.top) == (0.0, 0.0)
