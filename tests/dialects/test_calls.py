"""Finding calls in answers and reading them, for both dialects of code."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported, forge, pyautogui
from screensmith.dialects._calls import Call, quoted, read_call

SIZE = Size(1280, 800)
CODE, UNIFIED = pyautogui.dialect(), forge.dialect()
HERE, THERE = act.Click(Point(0.1, 0.2)), act.Click(Point(0.3, 0.4))


@pytest.mark.parametrize(
    ("source", "positional", "named"),
    [
        ("a.b(1, -2.5, +3)", (1, -2.5, 3), {}),
        ("f('a', \"b\", x=None, y=True)", ("a", "b"), {"x": None, "y": True}),
        ("f([1, [2, 3]], (4, 5))", ([1, [2, 3]], [4, 5]), {}),
        (r"""f('it\'s (a) "b"')""", ('it\'s (a) "b"',), {}),
        ("f('two\nlines')", ("two\nlines",), {}),
        ("f('''three\nlines''',\n  x=1)", ("three\nlines",), {"x": 1}),
        (r"f('\d')", (r"\d",), {}),  # a doubtful escape is what it looks like
        ("f('a' 'b')", ("ab",), {}),
        ("f(x=1, # why\n y=2)", (), {"x": 1, "y": 2}),
    ],
)
def test_plain_values_are_read(source, positional, named):
    call = read_call(source)
    assert call == Call(source.split("(")[0], positional, named)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("lambda: 1", "a lambda as an argument"),
        ("f'{x}'", "a formatted text as an argument"),
        ("x", "a name as an argument"),
        ("x.y", "an attribute as an argument"),
        ("g()", "a call as an argument"),
        ("[x for x in y]", "a comprehension as an argument"),
        ("{x for x in y}", "a comprehension as an argument"),
        ("x for x in y", "a comprehension as an argument"),
        ("{x: 1 for x in y}", "a comprehension as an argument"),
        ("1 + 1", "a calculation as an argument"),
        ("*[1]", "unpacked arguments"),
        ("**{'x': 1}", "unpacked arguments"),
        ("x=1, x=2", "argument given twice"),
        ("{'x': 1}", "an argument that is no plain value"),
        ("b'x'", "an argument that is no plain value"),
        ("1j", "an argument that is no plain value"),
        ("...", "an argument that is no plain value"),
        ("-True", "an argument that is no plain value"),
        ("(x := 1)", "an argument that is no plain value"),
        ("x[0]", "an argument that is no plain value"),
        ("[[[[1]]]]", "an argument that is no plain value"),
        ("1 2", "call is not valid Python"),
        ("'\\ud800'", "text with half a character"),
        ("9" * 5000, "call is not valid Python"),
        ("'\0'", "call is not valid Python"),
    ],
)
def test_everything_else_is_refused_by_its_reason(arguments, reason):
    with pytest.raises(Unreadable) as refused:
        read_call(f"f({arguments})")
    assert str(refused.value) == reason


@given(st.text())
def test_a_text_in_quotes_is_the_same_text(text):
    try:
        literal = quoted(text)
    except Unsupported:
        assert any("\ud800" <= sign <= "\udfff" for sign in text)
        return
    assert literal[0] == literal[-1] == "'"
    assert "\n" not in literal
    assert read_call(f"f({literal})").positional == (text,)


@pytest.mark.parametrize(
    "text", ["</code>", "<think>", "</THINK>", "```", "a\nAction: click(0.1, 0.2)", "it's"]
)
@pytest.mark.parametrize(
    "wrap", ["{}", "<think>x</think>\n<code>{}</code>", "<code>{}", "```python\n{}\n```"]
)
def test_nothing_in_a_text_is_taken_for_what_is_around_it(text, wrap):
    for dialect in (CODE, UNIFIED):
        answer = wrap.format(dialect.render((act.TypeText(text), HERE), SIZE))
        assert dialect.parse(answer, SIZE) == (act.TypeText(text), HERE)


FOUND = [
    ("click(x=0.1, y=0.2)", ""),
    ("  click(x=0.1, y=0.2);\n", ""),
    ("click(x=0.1, y=0.2) # the cart", ""),
    ("click(x=0.1, y=0.2)<|im_end|>", ""),
    ("Action: click(x=0.1, y=0.2)", ""),
    ("**Action:** `click(x=0.1, y=0.2)`", ""),
    ("- click(x=0.1, y=0.2)", ""),
    ("```click(x=0.1, y=0.2)```", ""),
    ("```python\nclick(x=0.1, y=0.2)\n```\nThis opens click(x=0.3, y=0.4).", ""),
    ("```json\n{}\n```\n```\nclick(x=0.1, y=0.2)", None),
    ("<code>click(x=0.1, y=0.2)", ""),
    ("<code>\n```python\nclick(x=0.1, y=0.2)\n```\n</code>", None),
    ("<think>click(x=0.3, y=0.4)?</think><code>click(x=0.1, y=0.2)</code>", "click(x=0.3, y=0.4)?"),
    ("<think>or <code>click(x=0.3, y=0.4)</code></think>\n<code>click(x=0.1, y=0.2)</code>", None),
    ("<think>no end <code>click(x=0.1, y=0.2)</code>", "no end"),
    ("<think>click(x=0.3, y=0.4)\nAction: click(x=0.1, y=0.2)", None),
    ("click(x=0.3, y=0.4)? no</think>\nclick(x=0.1, y=0.2)", "click(x=0.3, y=0.4)? no"),
    ("<think>\nThought: the cart\n</think>\n<code>click(x=0.1, y=0.2)</code>", "the cart"),
    ("Thought: I click(x=0.3, y=0.4)\nAction: click(x=0.1, y=0.2)", "I click(x=0.3, y=0.4)"),
    ("Thought: see\nclick(x=0.3, y=0.4)\nAction: click(x=0.1, y=0.2)", "see\nclick(x=0.3, y=0.4)"),
    ("Thought: the Action: is clear\nAction: Open it\nclick(x=0.1, y=0.2)", "the Action: is clear"),
    ("Observation: a shop\nThought: buy\nAction: Open it\nclick(x=0.1, y=0.2)", "buy"),
    ("Thought: buy\nclick(x=0.1, y=0.2)", "buy"),
    ("I open click(x=0.3, y=0.4) first.\nclick(x=0.1, y=0.2)", "I open click(x=0.3, y=0.4) first."),
    ("type(s) of fruit are the user's.\nclick(x=0.1, y=0.2)", "type(s) of fruit are the user's."),
    ("I go to the cart(s) with click(x=0.1, y=0.2).", "I go to the cart(s) with"),
    ("click(x=0.1, y=0.2)\nI repeat:\nclick(x=0.1, y=0.2)", ""),
    ("I press (once) the button(s): click(x=0.1, y=0.2)", "I press (once) the button(s):"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "thought"), FOUND)
def test_the_answer_is_found_and_what_is_only_thought_is_not(text, thought):
    assert UNIFIED.parse(text, SIZE) == (HERE,)
    found, code = forge.split_answer(text)
    assert code.startswith("click(x=0.1, y=0.2)")
    assert UNIFIED.parse(code, SIZE) == (HERE,)
    assert thought is None or found == thought


@pytest.mark.parametrize("between", ["\n", " ", ";", "; ", "\n\n", " # first\n", "\r\n", "\n2. ", "\n- "])
def test_several_calls_are_one_answer(between):
    text = f"Now:\nclick(x=0.1, y=0.2){between}click(x=0.3, y=0.4)"
    assert UNIFIED.parse(text, SIZE) == (HERE, THERE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty answer"),
        (" \n", "empty answer"),
        ("I would click the cart.", "no call"),
        ("press (Enter), then wait (a bit)", "no call"),
        ("the button(s) and item(x)", "no call"),
        ("<think>click(x=0.1, y=0.2)", "a thought without an answer"),
        ("<think>click(x=0.1, y=0.2)</think>", "a thought without an answer"),
        ("Thought: I click(x=0.1, y=0.2)", "a thought without an answer"),
        ("Thought: I click(x=0.1, y=0.2)\nAction: Open it", "no call"),
        ("<think>a</think><code></code>", "no call in the code block"),
        ("<code>click the cart</code>", "no call in the code block"),
        ("<code>click(x=0.1, y=0.2) please</code>", "text after a call"),
        ("click(x=0.1, y=", "call does not end"),
        ("type('abc", "call does not end"),
        ("Action: type('abc", "call does not end"),
        ("click(x=0.1, y=0.2)\ntype('abc", "call does not end"),
        ("type('it's')", "call does not end"),
        ("click((((((((1))))))))", "brackets too deep"),
        ("click(x=0.1, y=0.2)\nor\nclick(x=0.3, y=0.4)", "different calls in several places"),
        ("first click(x=0.1, y=0.2) and then type('a')", "different calls in several places"),
        ("<code>click(x=0.1, y=0.2)</code> <code>wait(1)</code>", "different calls in several places"),
        ("Action: wait(2)\nThought: a\nAction: wait(1)", "different calls in several places"),
        ("os.system('x')", "unknown call 'os.system'"),
        ("click(x=0.1, y=0.2); os.system('x')", "unknown call 'os.system'"),
        ("click(x=0.1, y=0.2) then os.system('x')", "unknown call 'os.system'"),
        ("click(x=0.1, y=0.2)<|im_end|>\nwait(1)", "different calls in several places"),
        ("Action: click(x=0.1, y=0.2)\nremove('x')", "unknown call 'remove'"),
        ("__import__('os')", "unknown call '__import__'"),
        ("a.b.c.click(x=0.1, y=0.2)", "unknown call 'a.b.c.click'"),
        ("print(click(x=0.1, y=0.2))", "unknown call 'print'"),
        ("exec('click(x=0.1, y=0.2)')", "unknown call 'exec'"),
        ("I print(click(x=0.1, y=0.2)) it", "a call as an argument"),
        ("click(x=0.1, y=0.2).foo()", "text after a call"),
        ("so click(x=0.1, y=0.2).foo() it", "not a plain call"),
        ("f = click(x=0.1, y=0.2)", "code that is no call"),
        ("for i in range(9):\n    click(x=0.1, y=0.2)", "code that is no call"),
        ("lambda: click(x=0.1, y=0.2)", "code that is no call"),
        ("[click(x=0.1, y=0.2) for i in x]", "code that is no call"),
        ("type(text)", "a name as an argument"),
        ("press(Enter) on it", "a name as an argument"),
        ("click(x=0.1, y=0.2, z=1)", "unknown argument 'z' for click"),
        ("click(0.1, 0.2, 0.3)", "too many arguments for click"),
        ("click(0.1, x=0.2)", "argument given twice"),
        ("so wait(x) a\n" * 30, "too many broken calls"),
        ("click(x=0.1, y=0.2)\n" * 2000, "answer too long"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text, reason):
    with pytest.raises(Unreadable) as refused:
        UNIFIED.parse(text, SIZE)
    assert str(refused.value) == reason
    forge.split_answer(text)


def test_sections_begin_at_the_start_of_a_line_only():
    text = (
        "Observation: the word Thought: here\nThought: do\nthe next Action: now\n**Action:** Scroll down\n"
    )
    assert pyautogui.sections_of(text) == {
        "observation": "the word Thought: here",
        "thought": "do\nthe next Action: now",
        "action": "Scroll down",
    }


def read_or_reason(dialect, text):
    """The actions, or why there are none."""
    try:
        return dialect.parse(text, SIZE)
    except Unreadable as problem:
        return str(problem)


numbers = st.from_regex(r"(0|[1-9][0-9]{0,3}|00|-1)(\.[0-9]{0,14})?", fullmatch=True)


@given(numbers, numbers, st.sampled_from([",", ", ", " , "]))
def test_the_fast_way_and_the_slow_way_agree(x, y, comma):
    for dialect, name in ((CODE, "pyautogui.click"), (UNIFIED, "click")):
        texts = [
            f"{name}(x={x}{comma}y={y})",
            f"{name}( x={x}{comma}y={y})",
            f"Action: {name}(x={x}{comma}y={y})",
        ]
        first, *others = [read_or_reason(dialect, text) for text in texts]
        assert others == [first, first]


PIECES = [
    *string.punctuation, "\n", " ", "click(x=0.1, y=0.2)", "pyautogui.click(x=0.1, y=0.2)", "type('it')",
    "'''", "<think>", "</think>", "<code>", "</code>", "```", "Thought: ", "\nAction: ", "os.system('x')",
    "scroll(", "f'{x}'", "lambda: ", "1e999", "\0", "\ud800", "\\N{DASH}", "é", "import os\n", "if x: ",
    ".foo()", "9" * 5000,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_hostile_text_is_read_or_refused(text):
    for module, dialect in ((pyautogui, CODE), (forge, UNIFIED)):
        actions = read_or_reason(dialect, text)
        assert actions
        if isinstance(actions, tuple):
            assert read_or_reason(dialect, dialect.render(actions, SIZE))
        thought, code = module.split_answer(text)
        assert code in text
        assert len(thought) + len(code) <= len(text)


def test_long_hostile_texts_take_no_longer():
    chance = random.Random(0)
    for piece in PIECES:
        text = ((piece + chance.choice(PIECES)) * 10_000)[:19_999]
        for module, dialect in ((pyautogui, CODE), (forge, UNIFIED)):
            module.split_answer(text)
            assert 0 < len(read_or_reason(dialect, text)) < 2000
