"""Every action arrives in the page as trusted events, as a person's would."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from screensmith.core.actions import (
    ACTION_TYPES,
    Answer,
    Back,
    Click,
    Copy,
    Drag,
    Finish,
    Home,
    Hover,
    LongPress,
    OpenApp,
    PressKeys,
    Scroll,
    Select,
    Swipe,
    TypeText,
    Visit,
    Wait,
)
from screensmith.core.geometry import Point, Size
from screensmith.environments import CannotAct, _input
from screensmith.environments._input import Frame, Stage, perform, png_size, settle, take_screenshot

LISTEN = """<script>
const log = [];
for (const type of ["mousemove", "mousedown", "mouseup", "click", "dblclick", "contextmenu", "auxclick",
                    "wheel", "keydown", "keyup", "input", "change", "copy"])
  addEventListener(type, e => log.push({type, trusted: e.isTrusted, x: e.clientX, y: e.clientY,
    button: e.button, buttons: e.buttons, detail: e.detail, key: e.key, dx: e.deltaX, dy: e.deltaY,
    held: [e.ctrlKey && "Control", e.shiftKey && "Shift"].filter(Boolean), time: e.timeStamp}), true);
addEventListener("contextmenu", e => e.preventDefault());
</script>"""


def show(stage: Stage, body: str) -> None:
    stage.page.set_content(f"<body style='margin: 0; height: 100vh'>{LISTEN}{body}</body>")


def events(stage: Stage, *types: str) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = stage.page.evaluate("log")
    assert all(event["trusted"] for event in log)
    return [event for event in log if event["type"] in types]


def kinds(stage: Stage, *types: str) -> list[str]:
    return [event["type"] for event in events(stage, *types)]


def value(stage: Stage, selector: str) -> str:
    text: str = stage.page.eval_on_selector(selector, "element => element.value")
    return text


def test_every_action_has_a_way_to_be_done() -> None:
    assert set(_input._DOERS) == set(ACTION_TYPES.values())


@given(
    some.builds(
        Frame,
        some.builds(Size, some.integers(1, 4000), some.integers(1, 4000)),
        some.integers(0, 500),
        some.integers(0, 500),
    ),
    some.builds(Point, some.floats(0, 1), some.floats(0, 1)),
)
def test_points_go_to_the_right_pixel_and_back(frame: Frame, point: Point) -> None:
    x, y = frame.pixels(point)
    assert (int(x) - frame.left, int(y) - frame.top) == pytest.approx(point.to_pixels(frame.size), abs=1)
    left, top, right, bottom = frame.edges
    assert left <= x < right
    assert top <= y < bottom
    back = frame.point(x, y)
    assert abs(back.x - point.x) * frame.size.width <= 0.5 + 1e-6
    assert abs(back.y - point.y) * frame.size.height <= 0.5 + 1e-6


@pytest.mark.browser
def test_clicks_have_their_place_button_and_count(stage: Stage) -> None:
    show(stage, "")
    at = Point(0.5, 0.25)  # of 400x300 at (20, 10)
    perform(stage, Click(at))
    (click,) = events(stage, "click")
    assert (click["x"], click["y"], click["button"], click["detail"]) == (220, 85, 0, 1)
    perform(stage, Click(at, count=2))
    assert [event["detail"] for event in events(stage, "dblclick")] == [2]
    perform(stage, Click(at, button="right"))
    assert [event["button"] for event in events(stage, "contextmenu")] == [2]
    perform(stage, Click(at, button="middle"))
    assert [event["button"] for event in events(stage, "auxclick") if event["button"] == 1] == [1]


@pytest.mark.browser
def test_hover_moves_without_pressing_and_a_long_press_holds(stage: Stage) -> None:
    show(stage, "")
    perform(stage, Hover(Point(0.1, 0.1)))
    assert events(stage, "mousemove")[-1]["x"] == 60
    assert kinds(stage, "mousedown") == []
    perform(stage, LongPress(Point(0.1, 0.1)))
    down, up = events(stage, "mousedown", "mouseup")
    assert up["time"] - down["time"] >= 500


@pytest.mark.browser
def test_a_drag_moves_in_steps_with_the_button_held(stage: Stage) -> None:
    show(stage, "")
    perform(stage, Drag(Point(0.25, 0.5), Point(0.75, 0.5)))
    log = events(stage, "mousedown", "mousemove", "mouseup")
    held = [event for event in log if event["type"] == "mousemove" and event["buttons"] == 1]
    assert len(held) >= 5
    assert [event["x"] for event in held] == sorted(event["x"] for event in held)
    (down,) = events(stage, "mousedown")
    (up,) = events(stage, "mouseup")
    assert (down["x"], up["x"]) == (120, 320)


@pytest.mark.browser
def test_a_drag_selects_text(stage: Stage) -> None:
    show(stage, "<p id=p style='margin: 40px; width: 200px'>select this text</p>")
    box = stage.page.locator("#p").bounding_box()
    middle = box["y"] + box["height"] / 2
    start = stage.frame.point(box["x"] + 0.5, middle)
    perform(stage, Drag(start, stage.frame.point(box["x"] + box["width"] - 1, middle)))
    assert stage.page.evaluate("getSelection().toString()") == "select this text"
    perform(stage, Copy("select this text"))
    assert kinds(stage, "copy") == ["copy"]
    show(stage, f"<textarea id=a style='{WHOLE_FRAME}'></textarea>")
    perform(stage, Click(Point(0.5, 0.5)))
    perform(stage, PressKeys(("Control", "v")))
    assert value(stage, "#a") == "select this text"


WHOLE_FRAME = "position: absolute; left: 20px; top: 10px; width: 400px; height: 300px"
LONG = f"""<div id=list style='{WHOLE_FRAME}; overflow: auto'>
<div style='width: 3000px; height: 3000px'></div></div>"""


@pytest.mark.browser
def test_the_wheel_scrolls_by_screenfuls_in_every_direction(stage: Stage) -> None:
    show(stage, LONG)

    def place() -> list[int]:
        settle(stage.page, 1.0)
        where: list[int] = stage.page.evaluate("[list.scrollLeft, list.scrollTop]")
        return where

    perform(stage, Scroll("down"))
    assert place() == [0, 150]
    perform(stage, Scroll("down", Point(0.9, 0.9), amount=1.0))
    assert place() == [0, 450]
    perform(stage, Scroll("up", amount=0.2))
    assert place() == [0, 390]
    perform(stage, Scroll("right", amount=0.25))
    assert place() == [100, 390]
    perform(stage, Scroll("left", amount=0.1))
    assert place() == [60, 390]
    assert len(events(stage, "wheel")) == 5


@pytest.mark.browser
def test_a_swipe_moves_the_content_with_the_finger(stage: Stage) -> None:
    show(stage, LONG)
    perform(stage, Swipe(Point(0.5, 0.8), Point(0.5, 0.3)))
    settle(stage.page, 1.0)
    assert stage.page.evaluate("list.scrollTop") == 150


@pytest.mark.browser
def test_text_is_typed_key_by_key_where_it_is_asked_for(stage: Stage) -> None:
    show(stage, f"<textarea id=a style='{WHOLE_FRAME}'></textarea>")
    perform(stage, TypeText("lost"))
    assert value(stage, "#a") == ""
    perform(stage, TypeText("Hi\né漢", at=Point(0.1, 0.1)))
    assert value(stage, "#a") == "Hi\né漢"
    assert [event["key"] for event in events(stage, "keydown")][4:7] == ["H", "i", "Enter"]
    perform(stage, PressKeys(("Control", "a")))
    assert events(stage, "keydown")[-1]["held"] == ["Control"]
    perform(stage, TypeText("new"))
    assert value(stage, "#a") == "new"
    perform(stage, PressKeys(("Backspace",)))
    assert value(stage, "#a") == "ne"


@pytest.mark.browser
def test_an_unknown_key_is_refused_and_leaves_no_key_down(stage: Stage) -> None:
    show(stage, "")
    with pytest.raises(CannotAct, match=r"PressKeys.*Hyper"):
        perform(stage, PressKeys(("Control", "Hyper")))
    perform(stage, PressKeys(("a",)))
    assert events(stage, "keydown")[-1]["held"] == []


LIST = """<select id=list style='position: absolute; left: 40px; top: 30px'>
<option>Rome</option><option disabled>Rome 2</option><option>Rome 22</option><option>Oslo  South</option>
<option>Rome 3</option></select>"""


@pytest.mark.browser
@pytest.mark.parametrize("option", ["Rome 3", "Oslo South", "Rome", "Rome 22"])
def test_an_option_is_chosen_by_its_label_with_the_keyboard(stage: Stage, option: str) -> None:
    show(stage, LIST)
    perform(stage, Select(option, Point(0.08, 0.1)))
    chosen = stage.page.evaluate("list.selectedOptions[0].label.replace(/\\s+/g, ' ')")
    assert chosen == option
    assert kinds(stage, "change") == ([] if option == "Rome" else ["change"])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (Select("Paris", Point(0.08, 0.1)), "no option \"Paris\".*Oslo South"),
        (Select("Rome 2", Point(0.08, 0.1)), "no option \"Rome 2\""),
        (Select("Rome", Point(0.9, 0.9)), "no list at that place"),
        (Select("Rome"), "needs the place"),
        (OpenApp("Mail"), "no applications"),
        (Back(), "no page to go back to"),
        (Home(), "no start page"),
        (Visit("https://example.org"), "no address bar"),
    ],
)  # fmt: skip
def test_what_the_screen_cannot_do_is_said(stage: Stage, action: Any, problem: str) -> None:
    show(stage, LIST)
    with pytest.raises(CannotAct, match=problem):
        perform(stage, action)
    assert value(stage, "#list") == "Rome"


@pytest.mark.browser
def test_addresses_that_run_code_are_not_opened(stage: Stage) -> None:
    show(stage, "")
    start = Stage(stage.page, stage.frame, "https://example.org/")
    for address in ("javascript://%0aalert(1)", "file:///etc/passwd"):
        with pytest.raises(CannotAct, match="are not opened, only http, https"):
            perform(start, Visit(address))
    with pytest.raises(CannotAct, match=r"could not do Visit.*invalid URL"):
        perform(start, Visit("http://"))


@pytest.mark.browser
def test_waiting_is_cut_and_answers_send_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    show(stage, "")
    monkeypatch.setattr(_input, "LONGEST_WAIT_SECONDS", 0.2)
    began = time.monotonic()
    perform(stage, Wait(1000.0))
    assert 0.15 < time.monotonic() - began < 5
    perform(stage, Wait(-1.0))
    perform(stage, Answer("42"))
    perform(stage, Finish("success"))
    assert stage.page.evaluate("log.length") == 0


@pytest.mark.browser
def test_the_screenshot_is_exactly_the_frame(stage: Stage, tmp_path: Path) -> None:
    from PIL import Image

    show(stage, f"<div style='{WHOLE_FRAME}; background: red'>")
    shot = take_screenshot(stage.page, stage.frame)
    path = tmp_path / "shot.png"
    path.write_bytes(shot.read_bytes())
    with Image.open(path) as image:
        assert image.size == (shot.size.width, shot.size.height) == (400, 300)
        assert image.convert("RGB").getcolors() == [(400 * 300, (255, 0, 0))]


def test_other_bytes_than_a_png_are_refused() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        png_size(b"\xff\xd8" + bytes(40))
