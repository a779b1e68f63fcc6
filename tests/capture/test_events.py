"""Raw input reports become actions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.capture._events import Translator
from screensmith.capture._reports import REDACTED, InputEvent
from screensmith.core.actions import (
    Back,
    Click,
    Drag,
    LongPress,
    PressKeys,
    Scroll,
    Select,
    TypeText,
    Visit,
)
from screensmith.core.geometry import Box, Point

SIZE = 1000.0
HERE, THERE = (200.0, 300.0), (600.0, 300.0)


def event(kind, time, place=None, **particulars):
    at = Point(place[0] / SIZE, place[1] / SIZE) if place else None
    return InputEvent(kind, time, at=at, pixels=place or (0.0, 0.0), **particulars)


def click(time, place=HERE, **particulars):
    return [event("down", time, place, **particulars), event("up", time + 0.05, place, **particulars)]


def typed(text, time, **particulars):
    return [
        event("text", time + 0.1 * n, text=letter, field="f", **particulars)
        for n, letter in enumerate(text)
    ]


def key(time, *keys, **particulars):
    return event("key", time, keys=keys, **particulars)


def actions_of(*events):
    translator = Translator()
    recorded = [one for item in events for one in translator.feed(item)] + translator.finish()
    assert [one.first.time for one in recorded] == sorted(one.first.time for one in recorded)
    return [one.action for one in recorded]


def at(place):
    return Point(place[0] / SIZE, place[1] / SIZE)


def test_a_press_and_release_is_a_click():
    assert actions_of(*click(1)) == [Click(at(HERE))]
    assert actions_of(*click(1, button="right")) == [Click(at(HERE), "right")]


@pytest.mark.parametrize(
    ("second_at", "place", "expected"),
    [
        (1.3, HERE, [Click(at(HERE), count=2)]),
        (1.3, (203.0, 301.0), [Click(at(HERE), count=2)]),
        (1.3, THERE, [Click(at(HERE)), Click(at(THERE))]),
        (2.0, HERE, [Click(at(HERE)), Click(at(HERE))]),
    ],
)
def test_quick_clicks_at_one_place_are_one_action(second_at, place, expected):
    assert actions_of(*click(1), *click(second_at, place)) == expected


def test_clicks_of_different_buttons_are_not_a_double_click():
    assert actions_of(*click(1), *click(1.2, button="middle")) == [
        Click(at(HERE)),
        Click(at(HERE), "middle"),
    ]


def test_a_double_click_begins_with_its_first_press():
    translator = Translator()
    for item in (*click(1), *click(1.2)):
        translator.feed(item)
    (recorded,) = translator.finish()
    assert (recorded.first.time, recorded.ended_seconds) == (1, 1.25)


def test_a_press_that_moves_is_a_drag():
    assert actions_of(event("down", 1, HERE), event("up", 2, THERE)) == [Drag(at(HERE), at(THERE))]
    trembling = actions_of(event("down", 1, HERE), event("up", 2, (204.0, 303.0)))
    assert trembling == [Click(at(HERE))]


def test_a_click_whose_release_a_menu_swallowed_is_still_a_click():
    assert actions_of(event("down", 1, HERE, button="right"), *click(3, THERE)) == [
        Click(at(HERE), "right"),
        Click(at(THERE)),
    ]


def test_a_drag_after_a_click_at_the_same_place_keeps_both():
    assert actions_of(*click(1), event("down", 1.2, HERE), event("up", 2, THERE)) == [
        Click(at(HERE)),
        Drag(at(HERE), at(THERE)),
    ]


def test_touching_for_long_is_a_long_press_and_the_back_button_goes_back():
    assert actions_of(event("down", 1, HERE, touch=True), event("up", 2, HERE, touch=True)) == [
        LongPress(at(HERE))
    ]
    assert actions_of(*click(1, button="back")) == [Back()]


def test_letters_into_one_field_are_one_text():
    assert actions_of(*typed("Hello", 1)) == [TypeText("Hello")]


@pytest.mark.parametrize(
    "interruption",
    [
        key(2, "Enter"),
        key(2, "Tab"),
        key(2, "Control", "a"),
        event("down", 2, HERE),
        event("scroll", 2, HERE, delta=(0, 1)),
    ],
)
def test_anything_else_ends_the_text(interruption):
    actions = actions_of(*typed("ab", 1), interruption, *typed("cd", 2.2))
    assert actions[0] == TypeText("ab")
    assert actions[-1] == TypeText("cd")
    assert len(actions) == 3


def test_leaving_the_field_or_a_pause_ends_the_text():
    assert actions_of(*typed("a", 1), event("blur", 1.5, field="f"), *typed("b", 1.6)) == [
        TypeText("a"),
        TypeText("b"),
    ]
    assert actions_of(*typed("a", 1), *typed("b", 4)) == [TypeText("a"), TypeText("b")]
    other = event("text", 1.2, text="b", field="other")
    assert actions_of(*typed("a", 1), other) == [TypeText("a"), TypeText("b")]


def test_backspace_takes_back_only_what_was_typed():
    wrong = [*typed("helo", 1), key(1.5, "Backspace", field="f"), *typed("lo", 1.6)]
    assert actions_of(*wrong) == [TypeText("hello")]
    assert actions_of(key(1, "Backspace", field="f")) == [PressKeys(("Backspace",))]
    emptied = Translator()
    for item in (*typed("a", 1), key(1.5, "Backspace", field="f")):
        emptied.feed(item)
    assert emptied.finish() == []
    assert sum(emptied.ignored.values()) == 1


def test_pasting_is_typing_the_text():
    paste = event("paste", 1.1, text="from elsewhere", field="f")
    assert actions_of(key(1, "Control", "v", field="f"), paste) == [TypeText("from elsewhere")]
    assert actions_of(paste) == [TypeText("from elsewhere")]
    assert actions_of(key(1, "Control", "v")) == [PressKeys(("Control", "v"))]


def test_secret_text_is_never_an_action():
    assert actions_of(*typed("\0\0\0", 1, secret=True)) == [TypeText(REDACTED)]
    assert actions_of(event("paste", 1, field="f", secret=True)) == [TypeText(REDACTED)]
    later = [*typed("hunter", 1), event("secret_field", 2, field="f")]
    assert actions_of(*later) == [TypeText(REDACTED)]
    mixed = [*typed("hun", 1), *typed("ter", 1.5, secret=True)]
    assert actions_of(*mixed) == [TypeText(REDACTED)]


def test_keys_are_pressed_one_by_one():
    assert actions_of(key(1, "Tab"), key(1.1, "Tab"), key(1.2, "Shift", "Tab"), key(1.3, "j")) == [
        PressKeys(("Tab",)),
        PressKeys(("Tab",)),
        PressKeys(("Shift", "Tab")),
        PressKeys(("j",)),
    ]
    assert actions_of(key(1, "Alt", "ArrowLeft")) == [Back()]


def test_turns_of_the_wheel_are_one_scroll_until_a_pause_or_a_turn_back():
    turns = [event("scroll", 1 + 0.1 * n, HERE, delta=(0, 0.25)) for n in range(4)]
    assert actions_of(*turns) == [Scroll("down", at(HERE), 1.0)]
    back = event("scroll", 1.5, HERE, delta=(0, -0.5))
    sideways = event("scroll", 1.6, HERE, delta=(0.5, 0.1))
    assert actions_of(*turns, back, sideways) == [
        Scroll("down", at(HERE), 1.0),
        Scroll("up", at(HERE), 0.5),
        Scroll("right", at(HERE), 0.5),
    ]
    assert len(actions_of(turns[0], event("scroll", 1.4, HERE, delta=(0, 0.25)))) == 2


LIST = {"field": "list", "target_kind": "select"}


def test_choosing_from_a_list_is_one_action():
    opened = click(1, **LIST)
    chosen = event("select", 4, text="two", **LIST)
    assert actions_of(*opened, chosen) == [Select("two", at(HERE))]
    by_keys = [*opened, key(2, "ArrowDown", **LIST), key(3, "Enter", **LIST), chosen]
    assert actions_of(*by_keys) == [Select("two", at(HERE))]
    without_opening = event("select", 1, text="two", target=Box(0.1, 0.1, 0.3, 0.3), **LIST)
    assert actions_of(without_opening) == [Select("two", Point(0.2, 0.2))]


def test_a_list_opened_for_nothing_is_a_click():
    assert actions_of(*click(1, **LIST), *click(3, THERE)) == [Click(at(HERE)), Click(at(THERE))]
    assert actions_of(*click(1, **LIST), key(2, "Escape", **LIST)) == [
        Click(at(HERE)),
        PressKeys(("Escape",)),
    ]
    tabbed = actions_of(*click(1, **LIST), event("select", 2, text="two", **LIST), key(3, "Tab", **LIST))
    assert tabbed == [Select("two", at(HERE)), PressKeys(("Tab",))]


def test_navigation_is_an_action_of_its_own():
    visit = event("visit", 2, text="https://example.org/")
    assert actions_of(*click(1), visit, event("back", 3)) == [
        Click(at(HERE)),
        Visit("https://example.org/"),
        Back(),
    ]


def test_going_to_the_address_bar_is_part_of_the_visit():
    visit = event("visit", 4, text="https://example.org/")
    assert actions_of(key(1, "Control", "l"), event("blur", 1.1), visit) == [Visit("https://example.org/")]
    assert actions_of(key(1, "Control", "l"), *click(2)) == [PressKeys(("Control", "l")), Click(at(HERE))]


def test_what_no_action_can_say_is_counted():
    translator = Translator()
    translator.feed(event("ignored", 1, text="zooming with the wheel"))
    assert dict(translator.ignored) == {"zooming with the wheel": 1}


def test_time_finishes_a_gesture():
    translator = Translator()
    for item in click(1):
        translator.feed(item)
    assert translator.tick(1.3) == []
    assert [one.action for one in translator.tick(1.7)] == [Click(at(HERE))]
    assert translator.tick(9) == []


KINDS = [
    "down",
    "up",
    "text",
    "paste",
    "key",
    "scroll",
    "select",
    "picked",
    "blur",
    "visit",
    "back",
    "ignored",
]
KEYS = [("Enter",), ("Backspace",), ("Control", "v"), ("Control", "a"), ("ArrowDown",), ("x",)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS), st.sampled_from(KEYS), st.booleans(), st.sampled_from([HERE, THERE])
        )
    )
)
def test_any_sequence_gives_ordered_actions_and_keeps_secrets(items):
    events = [
        event(
            kind,
            1.0 + n / 7,
            place,
            keys=keys,
            text="" if secret else "plain",
            secret=secret,
            field=f"{secret}",
        )
        for n, (kind, keys, secret, place) in enumerate(items)
    ]
    for action in actions_of(*events):
        if isinstance(action, TypeText):
            assert action.text == REDACTED or set(action.text) <= set("plain")
