"""Operations as JSON objects."""

import pytest

from screensmith.core.actions import Click, Operate
from screensmith.core.geometry import Point, Size
from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects.task_results import dialect

SIZE = Size(1000, 500)
LOAD = Operate("CLICK", "Load data", Point(0.412, 0.188))


def test_an_operation_is_an_object():
    said = dialect().render((LOAD,), SIZE)
    assert said == '{"action": "CLICK", "target": "Load data", "coords": [412, 188]}'
    assert dialect(frame="seen_pixels").render((LOAD,), SIZE).endswith('"coords": [412, 94]}')
    assert dialect().render((Operate("COMPLETE"),), SIZE) == '{"action": "COMPLETE", "target": ""}'


@pytest.mark.parametrize(
    "text",
    [
        '{"action": "CLICK", "target": "Load data", "coords": [412, 188]}',
        "{'Action': 'click ', 'Target': 'Load data', 'Coordinates': [412, 188],}",
        '{"predicted_action": {"action": "CLICK", "target": "Load data", "coords": [412, 188]}}',
        '{"Reason": "r", "Predicted": {"predicted_action": {"action": "CLICK", "target": "Load data",'
        ' "coords": [412, 188]}}, "Short Term": {"last_action": "SCROLL"}, "Long Term": {}}',
        'I see {a thing}.\n```json\n{"Predicted": {"action": "CLICK", "target": "Load data",'
        ' "coords": [412, 188]}}\n```\nThat is all.',
    ],
)
def test_answers_in_their_many_forms_say_the_same(text):
    assert dialect().parse(text, SIZE) == (LOAD,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("click it", "no JSON with an action"),
        ('{"Reason": "none"}', "no JSON with an action"),
        ("[1, 2]", "no JSON with an action"),
        ('{"action": ""}', "the action has no name"),
        ('{"action": ["CLICK"]}', "the action has no name"),
        ('{"action": "CLICK", "target": 4}', "the target is not text"),
        ('{"action": "CLICK", "coords": [1]}', "coords are not two numbers"),
        ('{"action": "CLICK", "coords": "1,2"}', "coords are not two numbers"),
        ('{"action": "CLICK", "coords": [2000, 1]}', "position off the screen"),
        ('{"action": "CLICK", "coords": [0.5, 1]}', "position is not a whole number"),
        ('First {"action": "CLICK"} and then {"action": "SCROLL"}', "more than one action"),
    ],
)
def test_what_is_wrong_is_said(text, reason):
    with pytest.raises(Unreadable, match=reason):
        dialect().parse(text, SIZE)


@pytest.mark.parametrize(
    "actions", [(Click(Point(0, 0)),), (LOAD, LOAD), (Operate("click"),), (Operate(""),), ()]
)
def test_only_one_operation_in_capitals_can_be_said(actions):
    with pytest.raises(Unsupported):
        dialect().render(actions, SIZE)
