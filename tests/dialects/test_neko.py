"""The Neko agent's JSON, its Python spelling, and what must not be read."""

import json

import pytest

from screensmith.core import actions as act
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable
from screensmith.dialects.neko import action_from_dict, action_to_dict, dialect

SIZE = Size(1000, 600)
NEKO = dialect()


def test_the_canonical_text_is_json_with_three_keys():
    text = NEKO.render((act.Click(Point(0.42, 1 / 3)),), SIZE)
    assert text == '{"action": "CLICK", "value": null, "position": [0.42, 0.333]}'


def test_several_actions_are_a_list():
    both = (act.Click(Point(0.5, 0.5)), act.TypeText("hi"))
    text = NEKO.render(both, SIZE)
    assert [record["action"] for record in json.loads(text)] == ["CLICK", "INPUT"]
    assert NEKO.parse(text, SIZE) == both


def test_the_description_shows_the_format_that_is_trained():
    assert '"action", "value" and "position"' in NEKO.describe()
    assert "None" not in NEKO.describe()
    for name in NEKO.action_names:
        assert f"{name}:" in NEKO.describe()


def test_phone_mode_taps():
    phone = dialect(mode="phone", decimals=2)
    text = phone.render((act.Click(Point(0.123, 0.5)),), SIZE)
    assert text == '{"action": "TAP", "value": null, "position": [0.12, 0.5]}'
    assert phone.parse(text, SIZE) == (act.Click(Point(0.12, 0.5)),)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("{'action': 'click', 'value': None, 'position': [0.1, 0.2]}", act.Click(Point(0.1, 0.2))),
        ('{"action":"CLICK","value":"right","position":[0,1]}', act.Click(Point(0, 1), "right")),
        ('{"action":"INPUT","value":12,"position":null}', act.TypeText("12")),
        ('{"action":"SCROLL","value":"DOWN","position":null}', act.Scroll("down")),
        # 5 notches of 120 pixels on a screen of 600: one screenful.
        (
            '{"action":"SCROLL","value":"down","position":null,"amount":5}',
            act.Scroll("down", None, 1.0),
        ),
        (
            '{"action":"SELECT_TEXT","value":null,"position":[[0,0],[1,1]]}',
            act.Drag(Point(0, 0), Point(1, 1)),
        ),
        ('{"action":"ENTER","value":null,"position":null}', act.PressKeys(("Enter",))),
    ],
)
def test_what_agents_write_is_read(text, action):
    assert NEKO.parse(text, SIZE) == (action,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "click the button",
        "[]",
        "3",
        '{"action": "CLICK", "value": null}',
        '{"action": "DANCE", "value": null, "position": null}',
        '{"action": "CLICK", "value": null, "position": null}',
        '{"action": "CLICK", "value": null, "position": [0.5]}',
        '{"action": "CLICK", "value": null, "position": [0.5, 1.2]}',
        '{"action": "CLICK", "value": null, "position": [NaN, 0.2]}',
        '{"action": "CLICK", "value": null, "position": [true, 0.2]}',
        '{"action": "WAIT", "value": 1' + "0" * 400 + ', "position": null}',
        '{"action": "CLICK", "value": "thumb", "position": [0.5, 0.5]}',
        '{"action": "CLICK", "value": null, "position": [0.5, 0.5], "count": 1000}',
        '{"action": "SCROLL", "value": "sideways", "position": null}',
        '{"action": "KEYS", "value": "Enter", "position": null}',
        '{"action": "CLICK", "value": null, "position": [0.1, 0.2]} and more',
        "__import__('os').system('true')",
        "[" * 30_000,
        "(" * 5_000,
    ],
)
def test_nonsense_is_unreadable(text):
    with pytest.raises(Unreadable):
        NEKO.parse(text, SIZE)


def test_records_keep_full_precision():
    action = act.Scroll("left", Point(1 / 3, 1 / 7), 0.123456789)
    assert action_from_dict(action_to_dict(action), SIZE) == action


@pytest.mark.parametrize(
    "options", [{"mode": "tv"}, {"decimals": 0}, {"decimals": 7}, {"names": ("CLIKC",)}]
)
def test_options_without_meaning_are_refused(options):
    with pytest.raises(ValueError, match=r"must be|unknown"):
        dialect(**options)
