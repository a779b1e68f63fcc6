"""The forge's unified calls: named and positional arguments, amounts, and how a task ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported, pyautogui
from screensmith.dialects.forge import MEANINGS, calls_of, dialect, split_answer

SIZE = Size(1000, 500)
UNIFIED = dialect()
A, B = Point(0.1, 0.2), Point(0.3, 0.4)


@pytest.mark.parametrize(
    ("action", "text", "also"),
    [
        (act.Click(A), "click(x=0.1, y=0.2)", "click(0.1, 0.2)"),
        (act.Click(A, count=2), "double_click(x=0.1, y=0.2)", "double_click(0.1, y='0.2')"),
        (act.Click(A, "right"), "right_click(x=0.1, y=0.2)", "right_click(0.1, 0.2)"),
        (act.LongPress(A), "long_press(x=0.1, y=0.2)", "long_press(0.1, 0.2)"),
        (act.Hover(A), "move_mouse(x=0.1, y=0.2)", "move_mouse(0.1, 0.2)"),
        (act.Drag(A, B), "drag(from_coord=[0.1, 0.2], to_coord=[0.3, 0.4])",
         "drag((0.1, 0.2), (0.3, 0.4))"),
        (act.Swipe(A, B), "swipe(from_coord=[0.1, 0.2], to_coord=[0.3, 0.4])",
         "swipe([0.1, 0.2], [0.3, 0.4])"),
        (act.TypeText('it\'s (a) "b"'), "type('it\\'s (a) \"b\"')", "type(text='it\\'s (a) \"b\"')"),
        (act.PressKeys(("Enter",)), "press(keys='enter')", "press(['Return'])"),
        (act.PressKeys(("Control", "a")), "press(keys=['ctrl', 'a'])", "press(['ctrl', 'a'])"),
        (act.Scroll("down", None, 0.1), "scroll(direction='down', amount=10)", "scroll('down', 10)"),
        (act.Scroll("left"), "scroll(direction='left')", "scroll('LEFT')"),
        (act.Scroll("up", A, 0.29), "move_mouse(x=0.1, y=0.2) scroll(direction='up', amount=29)",
         "move_mouse(0.1, 0.2)\nscroll('up', '29')"),
        (act.Wait(3), "wait(seconds=3)", "wait(3.0)"),
        (act.OpenApp("Clock"), "open_app('Clock')", "open_app(app_name='Clock')"),
        (act.Back(), "navigate_back()", "navigate_back( )"),
        (act.Home(), "navigate_home()", "navigate_home();"),
        (act.Answer("42"), "final_answer('42')", "final_answer(42)"),
        (act.Finish("success"), "final_answer('success')", "final_answer(answer='success')"),
        (act.Finish("failure"), "final_answer('failure')", "final_answer('fail')"),
        (act.Answer("success!"), "final_answer('success!')", "final_answer(\"success!\")"),
    ],
)  # fmt: skip
def test_every_call(action, text, also):
    assert UNIFIED.render((action,), SIZE) == text
    assert UNIFIED.parse(text, SIZE) == (action,)
    assert UNIFIED.parse(also, SIZE) == (action,)


def test_several_calls_stand_on_one_line():
    actions = (act.Click(A), act.TypeText("a b"), act.PressKeys(("Enter",)))
    text = "click(x=0.1, y=0.2) type('a b') press(keys='enter')"
    assert UNIFIED.render(actions, SIZE) == text
    assert UNIFIED.parse(text, SIZE) == actions
    assert [call.name for call in calls_of(text)] == ["click", "type", "press"]


def test_every_call_of_the_unified_vocabulary_is_offered():
    assert UNIFIED.action_names == tuple(
        "click double_click right_click long_press move_mouse drag swipe type press scroll wait open_app "
        "navigate_back navigate_home final_answer".split()
    )
    assert all(form in UNIFIED.describe() for form in MEANINGS)
    assert "swipe" not in dialect(names=("click",)).describe()


def test_the_sign_of_a_scroll_survives_the_way_from_code():
    """AGUVIS' negative page is down; the forge's first converter had it the other way round."""
    code = pyautogui.dialect().parse("pyautogui.scroll(page=-0.1)", SIZE)
    assert UNIFIED.render(code, SIZE) == "scroll(direction='down', amount=10)"


@pytest.mark.parametrize(
    ("decimals", "text"),
    [(2, "click(x=0.91, y=0.05)"), (3, "click(x=0.912, y=0.046)"), (4, "click(x=0.9123, y=0.0457)")],
)
def test_decimals(decimals, text):
    assert dialect(decimals=decimals).render((act.Click(Point(0.91234, 0.04567)),), SIZE) == text


@pytest.mark.parametrize(
    ("frame", "text"),
    [("fraction", "[0.1, 0.2]"), ("thousand", "[100, 200]"), ("seen_pixels", "[100, 100]")],
)
def test_frames(frame, text):
    framed = dialect(frame=frame)
    assert framed.write_point(A, SIZE) == text
    assert framed.parse(f"drag({text}, {text})", SIZE) == (act.Drag(A, A),)


@pytest.mark.parametrize(
    "actions",
    [
        (act.Answer("success"),),
        (act.Answer("failure"),),
        (act.Answer("fail"),),
        (act.Wait(1.5),),
        (act.Scroll("up", None, 0.437),),
        (act.Scroll("up", None, 0.0),),
        (act.Scroll("up", None, float("nan")),),
        (act.Hover(A), act.Scroll("down", None, 0.1)),
        (act.Click(A, "middle"),),
        (act.Click(A, count=3),),
        (act.TypeText("a", A),),
        (act.Select("a", A),),
        (act.Copy(),),
        (act.PressKeys(("NoSuchKey",)),),
        (act.PressKeys(()),),
        (act.OpenApp(""),),
    ],
)
def test_what_cannot_be_said_exactly_is_unsupported(actions):
    with pytest.raises(Unsupported):
        UNIFIED.render(actions, SIZE)


@given(st.floats(0.01, 100))
def test_the_nearest_hundredth_of_a_scroll_is_written_where_that_is_wanted(amount):
    (read,) = UNIFIED.parse(
        dialect(scroll_tolerance=0.005).render((act.Scroll("up", None, amount),), SIZE), SIZE
    )
    assert read.amount == pytest.approx(amount, abs=0.005001)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("scroll()", "direction is missing"),
        ("scroll('away', 10)", "direction is none of up, down, left, right"),
        ("scroll('up', 0)", "amount is not a whole number above 0"),
        ("scroll('up', -10)", "amount is not a whole number above 0"),
        ("scroll('up', 0.5)", "amount is not a whole number above 0"),
        ("wait(1.5)", "seconds is not a whole number"),
        ("wait('soon')", "seconds is not a number"),
        ("wait()", "seconds is missing"),
        ("click()", "position is missing"),
        ("click(x=0.5)", "position needs x and y"),
        ("click(x=5, y=1)", "position off the screen"),
        ("drag([0.1, 0.2], 0.3)", "to_coord is not [x, y]"),
        ("press([])", "key is missing"),
        ("press('ctrl+a')", "unknown key"),
        ("type()", "text is missing"),
        ("type(['a'])", "text is not text"),
        ("final_answer()", "answer is missing"),
        ("open_app(name='a')", "unknown argument 'name' for open_app"),
        ("pyautogui.click(0.1, 0.2)", "unknown call 'pyautogui.click'"),
    ],
)
def test_what_is_no_action_is_refused_by_its_reason(text, reason):
    with pytest.raises(Unreadable) as refused:
        UNIFIED.parse(text, SIZE)
    assert str(refused.value) == reason


def test_both_stages():
    assert UNIFIED.parse("Action: click(x=0.91, y=0.05)", SIZE) == (act.Click(Point(0.91, 0.05)),)
    text = "<think>sound is below; type(s) differ</think>\n<code>scroll(direction='down', amount=10)</code>"
    assert UNIFIED.parse(text, SIZE) == (act.Scroll("down", None, 0.1),)
    assert split_answer(text) == ("sound is below; type(s) differ", "scroll(direction='down', amount=10)")


def test_options_without_meaning_are_refused():
    with pytest.raises(ValueError, match="unknown call 'tap'"):
        dialect(names=("tap",))
    with pytest.raises(ValueError, match="scroll_tolerance"):
        dialect(scroll_tolerance=-1)
