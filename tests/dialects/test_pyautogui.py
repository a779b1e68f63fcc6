"""AGUVIS' code: every form of its records, PyAutoGUI's own meaning of arguments, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._pyautogui_calls import PARAMETERS
from screensmith.dialects.pyautogui import calls_of, dialect, split_answer

SIZE = Size(1000, 500)
CODE = dialect()
A, B = Point(0.1, 0.2), Point(0.3, 0.4)
KEY_ENTER = act.PressKeys(("Enter",))
COPY = act.PressKeys(("Control", "c"))

FORMS = [
    ("pyautogui.click(x=0.1, y=0.2)", act.Click(A)),
    ("pyautogui.click(0.1, 0.2)", act.Click(A)),
    ("pyautogui.click((0.1, 0.2))", act.Click(A)),
    ("pyautogui.click(x='0.1', y='0.2')", act.Click(A)),
    ("pyautogui.click(y=0.2, x=0.1)", act.Click(A)),
    ("pyautogui.doubleClick(x=0.1, y=0.2)", act.Click(A, count=2)),
    ("pyautogui.rightClick(0.1, 0.2)", act.Click(A, "right")),
    ("pyautogui.middleClick(x=0.1, y=0.2)", act.Click(A, "middle")),
    ("pyautogui.tripleClick(x=0.1, y=0.2)", act.Click(A, count=3)),
    ("pyautogui.moveTo(x=0.1, y=0.2)", act.Hover(A)),
    ("pyautogui.moveTo(0.1, 0.2)\npyautogui.doubleClick()", act.Click(A, count=2)),
    ("pyautogui.click(0.1, 0.2)\npyautogui.doubleClick()", (act.Click(A), act.Click(A, count=2))),
    ("pyautogui.moveTo(0.1,0.2)\npyautogui.dragTo(0.3,0.4)", act.Drag(A, B)),
    ("pyautogui.moveTo(0.1,0.2); pyautogui.dragTo(x=0.3, y=0.4, button='left')", act.Drag(A, B)),
    ("pyautogui.click(0.1, 0.2) pyautogui.dragTo(0.3, 0.4)", (act.Click(A), act.Drag(A, B))),
    ("pyautogui.dragTo(from_coord=[0.1, 0.2], to_coord=[0.3, 0.4])", act.Drag(A, B)),
    ("pyautogui.dragTo(from_coord=(0.1, 0.2), to_coord=(0.3, 0.4))\npyautogui.dragTo(0.1, 0.2)",
     (act.Drag(A, B), act.Drag(B, A))),
    (r"""pyautogui.write(message='a (b), it\'s "c"')""", act.TypeText('a (b), it\'s "c"')),
    ("pyautogui.write('text')", act.TypeText("text")),
    ("pyautogui.typewrite(message='text', interval=0.1)", act.TypeText("text")),
    ("pyautogui.press('enter')", KEY_ENTER),
    ("pyautogui.press(keys='enter')", KEY_ENTER),
    ("pyautogui.press(keys=['enter'])", KEY_ENTER),
    ("pyautogui.press(key='Return')", KEY_ENTER),
    ("pyautogui.hotkey('ctrl','c')", COPY),
    ("pyautogui.hotkey(['ctrl','c'])", COPY),
    ("pyautogui.hotkey(keys=['ctrl','c'])", COPY),
    ("pyautogui.scroll(page=-0.1)", act.Scroll("down", None, 0.1)),
    ("pyautogui.scroll(page=0.95)", act.Scroll("up", None, 0.95)),
    ("pyautogui.scroll(-0.5)", act.Scroll("down", None, 0.5)),
    ("pyautogui.scroll(-5)", act.Scroll("down")),
    ("pyautogui.scroll('3')", act.Scroll("up")),
    ("pyautogui.scroll(page=-0.5, x=0.1, y=0.2)", act.Scroll("down", A, 0.5)),
    ("pyautogui.moveTo(0.1, 0.2)\npyautogui.scroll(page=-0.5)", act.Scroll("down", A, 0.5)),
    ("Action: Scroll down the page.\npyautogui.scroll()", act.Scroll("down")),
    ("Thought: scroll up\nAction: I scroll a bit further left\npyautogui.scroll()", act.Scroll("left")),
    ("pyautogui.hscroll(page=0.1)", act.Scroll("right", None, 0.1)),
    ("pyautogui.hscroll(-1)", act.Scroll("left")),
    ("mobile.home()", act.Home()),
    ("mobile.back()", act.Back()),
    ("mobile.recent()", act.PressKeys(("AppSwitch",))),
    ("mobile.menu()", act.PressKeys(("ContextMenu",))),
    ("mobile.enter()", KEY_ENTER),
    ("mobile.wait(seconds=3)", act.Wait(3)),
    ("mobile.long_press(x=0.1, y=0.2)", act.LongPress(A)),
    ("mobile.long_press(x=0.1, y=0.2, duration=1)", act.LongPress(A)),
    ("mobile.open_app(app_name='Clock')", act.OpenApp("Clock")),
    ("mobile.swipe(from_coord=[0.1, 0.2], to_coord=[0.3, 0.4])", act.Swipe(A, B)),
    ("mobile.terminate(status='success')", act.Finish("success")),
    ("mobile.terminate(status='fail')", act.Finish("failure")),
    ("mobile.terminate(status='failure', reason='no such shop')", act.Finish("failure")),
    ("answer('42 (or so)')", act.Answer("42 (or so)")),
    ("response('yes')", act.Answer("yes")),
    ("terminate(status='success')", act.Finish("success")),
    ("computer.wait(2.5)", act.Wait(2.5)),
    ("computer.terminate('failure')", act.Finish("failure")),
    ("computer.answer(text='yes')", act.Answer("yes")),
    ("time.sleep(3)", act.Wait(3)),
    ("browser.select_option(x=0.1, y=0.2, value='Large')", act.Select("Large", A)),
    ("pyautogui.click(0.1, 0.2)\npyautogui.write('a')", (act.Click(A), act.TypeText("a"))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_every_form_of_the_records(text, expected):
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert CODE.parse(text, SIZE) == expected
    assert CODE.parse(CODE.render(expected, SIZE), SIZE) == expected
    assert calls_of(text)


# `inspect.signature` of PyAutoGUI 0.9.54.
SIGNATURES = {
    "click": "x y clicks interval button duration tween logScreenshot _pause",
    "leftClick": "x y interval duration tween logScreenshot _pause",
    "rightClick": "x y interval duration tween logScreenshot _pause",
    "middleClick": "x y interval duration tween logScreenshot _pause",
    "doubleClick": "x y interval button duration tween logScreenshot _pause",
    "tripleClick": "x y interval button duration tween logScreenshot _pause",
    "moveTo": "x y duration tween logScreenshot _pause",
    "dragTo": "x y duration tween button logScreenshot _pause mouseDownUp",
    "scroll": "clicks x y logScreenshot _pause",
    "vscroll": "clicks x y logScreenshot _pause",
    "hscroll": "clicks x y logScreenshot _pause",
    "write": "message interval logScreenshot _pause",
    "typewrite": "message interval logScreenshot _pause",
    "press": "keys presses interval logScreenshot _pause",
    "sleep": "seconds",
}


def test_positional_arguments_have_the_order_of_pyautogui():
    ours = {name: " ".join(part.split("/")[0] for part in given) for name, given in PARAMETERS.items()}
    assert ours == SIGNATURES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pyautogui.click(0.1, 0.2, 2, 0.5, 'right')", (act.Click(A, "right", 2),)),
        ("pyautogui.click(0.1, 0.2, button='SECONDARY')", (act.Click(A, "right"),)),
        ("pyautogui.click(0.1, 0.2, button=2)", (act.Click(A, "middle"),)),
        ("pyautogui.doubleClick(0.1, 0.2, 0.5, 'middle')", (act.Click(A, "middle", 2),)),
        ("pyautogui.moveTo(0.1, 0.2, 1.5)", (act.Hover(A),)),
        ("pyautogui.moveTo((0.1, 0.2), duration=2)", (act.Hover(A),)),
        ("pyautogui.scroll(-3, 0.1, 0.2)", (act.Scroll("down", A),)),
        ("pyautogui.press('a', 2)", (act.PressKeys(("a",)),) * 2),
        # A list is pressed one key after the other, not together; names may have any case, characters not.
        ("pyautogui.press(['CTRL', 'A'])", (act.PressKeys(("Control",)), act.PressKeys(("A",)))),
        ("pyautogui.write(['a', 'left'])", (act.PressKeys(("a",)), act.PressKeys(("ArrowLeft",)))),
        ("pyautogui.hotkey('ctrl', 'shift', 'esc', interval=0.1)",
         (act.PressKeys(("Control", "Shift", "Escape")),)),
        ("pyautogui.hotkey('win', 'pgdn', 'num1', ' ')", (act.PressKeys(("Meta", "PageDown", "1", " ")),)),
        ("pyautogui.click(0.1, 0.2, _pause=False)", (act.Click(A),)),
    ],
)  # fmt: skip
def test_arguments_mean_what_they_mean_to_pyautogui(text, expected):
    assert CODE.parse(text, SIZE) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pyautogui.doubleClick()", "no place before doubleClick()"),
        ("pyautogui.click()", "no place before click()"),
        ("pyautogui.dragTo(0.3, 0.4)", "no place before dragTo"),
        ("pyautogui.dragTo(0.3, 0.4, button='right')", "drag with another button than the left"),
        ("pyautogui.dragTo(from_coord=[0.1, 0.2])", "to_coord is missing"),
        ("pyautogui.scroll()", "scroll without a direction"),
        ("Action: Scroll down, then scroll up\npyautogui.scroll()", "scroll without a direction"),
        ("I scroll down\npyautogui.scroll()", "scroll without a direction"),
        ("Action: Click the scroll bar below\npyautogui.scroll()", "scroll without a direction"),
        ("pyautogui.scroll(0)", "scroll by nothing"),
        ("pyautogui.scroll(page='down')", "scroll is not a number"),
        ("pyautogui.scroll(1, page=1)", "argument given twice"),
        ("pyautogui.click(x=0.1)", "position needs x and y"),
        ("pyautogui.click('button.png')", "position needs x and y"),
        ("pyautogui.click(x=640, y=200)", "position off the screen"),
        ("pyautogui.click(x=1e999, y=0)", "position is not a number"),
        ("pyautogui.click(x=True, y=0)", "position is not a number"),
        ("pyautogui.click(0.1, 0.2, clicks=4)", "clicks is not a whole number from 1 to 3"),
        ("pyautogui.click(0.1, 0.2, button='top')", "button is none of left, middle, right"),
        ("pyautogui.click(0.1, 0.2, tween=pyautogui.easeInQuad)", "an attribute as an argument"),
        ("pyautogui.click(0.1, 0.2, tween='x')", "tween is not for answers"),
        ("pyautogui.moveTo()", "position is missing"),
        ("pyautogui.write()", "message is missing"),
        ("pyautogui.write(1.5)", "message is not text"),
        ("pyautogui.press('no such key')", "unknown key"),
        ("pyautogui.press()", "key is not a name"),
        ("pyautogui.hotkey()", "key is missing"),
        ("pyautogui.press('a', presses=1000)", "presses is not a whole number from 1 to 100"),
        ("mobile.wait()", "seconds is missing"),
        ("mobile.wait(-1)", "seconds is negative"),
        ("mobile.open_app('')", "app_name is empty"),
        ("mobile.terminate(status='done')", "status is neither success nor failure"),
        ("mobile.swipe([0.1, 0.2])", "to_coord is missing"),
        ("mobile.home(1)", "too many arguments for mobile.home"),
        ("pyautogui.mouseDown()", "unknown call 'pyautogui.mouseDown'"),
        ("click(x=0.1, y=0.2)", "unknown call 'click'"),
    ],
)
def test_what_is_no_action_is_refused_by_its_reason(text, reason):
    with pytest.raises(Unreadable) as refused:
        CODE.parse(text, SIZE)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (act.Click(Point(0.80184, 0.61829)), "pyautogui.click(x=0.8018, y=0.6183)"),
        (act.Click(A, "right", 2), "pyautogui.click(x=0.1, y=0.2, clicks=2, button='right')"),
        (act.TypeText('it\'s (a) "b"'), "pyautogui.write(message='it\\'s (a) \"b\"')"),
        (act.Scroll("down", None, 0.1), "pyautogui.scroll(page=-0.1)"),
        (act.Scroll("up", None, 1.0), "pyautogui.scroll(page=1.0)"),
        (act.Scroll("left"), "pyautogui.hscroll(-1)"),
        (act.Drag(A, B), "pyautogui.moveTo(x=0.1, y=0.2)\npyautogui.dragTo(x=0.3, y=0.4)"),
        (COPY, "pyautogui.hotkey('ctrl', 'c')"),
        (act.PressKeys(("AppSwitch",)), "mobile.recent()"),
        (act.Wait(1.5), "mobile.wait(seconds=1.5)"),
    ],
)
def test_what_is_written(action, text):
    assert CODE.render((action,), SIZE) == text


@pytest.mark.parametrize(
    ("frame", "text"),
    [("fraction", "(x=0.1, y=0.2)"), ("thousand", "(x=100, y=200)"), ("seen_pixels", "(x=100, y=100)")],
)
def test_frames(frame, text):
    framed = dialect(frame=frame)
    assert framed.render((act.Click(A),), SIZE) == f"pyautogui.click{text}"
    assert framed.parse(f"pyautogui.click{text}", SIZE) == (act.Click(A),)
    assert framed.parse(f"mobile.long_press{text}", SIZE) == (act.LongPress(A),)


@pytest.mark.parametrize(
    "actions",
    [
        (act.TypeText("a", A),),
        (act.Copy("a"),),
        (act.Visit("about:blank"),),
        (act.Click(A, count=4),),
        (act.PressKeys(("NoSuchKey",)),),
        (act.Wait(float("inf")),),
        (act.Scroll("up", None, 0.0),),
        (act.Answer("\ud800"),),
        (act.Hover(A), act.Scroll("down")),
    ],
)
def test_what_has_no_words_is_unsupported(actions):
    with pytest.raises(Unsupported):
        CODE.render(actions, SIZE)


@given(st.floats(1e-9, 100))
def test_the_length_of_a_scroll_is_kept_to_four_digits(amount):
    (read,) = CODE.parse(CODE.render((act.Scroll("up", A, amount),), SIZE), SIZE)
    assert read.amount == pytest.approx(amount, abs=5.1e-5)
    assert read.amount > 0


def test_a_record_with_its_thought():
    text = "Thought: sound is below\nAction: Scroll down\npyautogui.scroll(page=-0.1)"
    assert split_answer(text) == ("sound is below", "pyautogui.scroll(page=-0.1)")
    header = f"<|recipient|>all\n{text.replace('down', 'down<|im_end|>')}<|diff_marker|>"
    assert CODE.parse(header, SIZE) == (act.Scroll("down", None, 0.1),)


def test_options_without_meaning_are_refused():
    assert "mobile.swipe" not in dialect(names=("pyautogui.click",)).describe()
    with pytest.raises(ValueError, match="unknown call 'tap'"):
        dialect(names=("tap",))
