"""What the page script and the browser report: input, navigation, pictures and secrets."""

import pytest

from screensmith.capture._frames import Frame, FrameLog, Reveals
from screensmith.capture._navigation import History, classify, without_secrets
from screensmith.capture._reports import read_report
from screensmith.core.geometry import Box, Point
from screensmith.core.refusals import Refused


def report(**changes):
    frame = {"left": 100, "top": 50, "scale": 1, "known": True, "width": 1000, "height": 500}
    return {
        "type": "down",
        "time": 5.0,
        "x": 100,
        "y": 50,
        "frame": frame,
        "target": {"field": "d:1"},
    } | changes


def test_a_report_becomes_fractions_of_the_viewport():
    read = read_report(
        report(target={"field": "d:1", "box": [-300, 0, 300, 100]}), page=2, width=1, height=1
    )
    assert (read.at, read.page, read.field) == (Point(0.2, 0.2), 2, "d:1")
    assert read.target == Box(0.0, 0.1, 0.4, 0.3)
    outside = read_report(report(x=5000, target={"box": [2000, 0, 2100, 10]}), page=0, width=1, height=1)
    assert (outside.at, outside.target) == (Point(1.0, 0.2), None)


def test_a_frame_that_cannot_see_its_place_is_given_it():
    frame = {"left": 0, "top": 0, "scale": 1, "known": False, "width": 0, "height": 0}
    read = read_report(report(frame=frame), page=0, width=400, height=200, left=100, top=50)
    assert read.at == Point(0.5, 0.5)


@pytest.mark.parametrize(
    "change", [{"time": "never"}, {"frame": None}, {"x": None}, {"target": {"box": [1, 2]}}]
)
def test_an_unreadable_report_is_refused(change):
    with pytest.raises(Refused, match="unreadable input report"):
        read_report(report(**change), page=0, width=1, height=1)


def test_shift_is_named_only_where_it_is_more_than_another_letter():
    def keys(key, *held):
        return read_report(report(type="key", key=key, modifiers=held), page=0, width=1, height=1).keys

    assert keys("A", "Shift") == ("A",)
    assert keys("Tab", "Shift") == ("Shift", "Tab")
    assert keys("A", "Control", "Shift") == ("Control", "Shift", "A")


FIRST = History((1, 2), 1, "https://one.example/", "link")


@pytest.mark.parametrize(
    ("kind", "after", "since_input", "expected"),
    [
        (
            "differentDocument",
            History((1, 2, 3), 2, "https://two.example/", "typed"),
            0.2,
            ("visit", "https://two.example/"),
        ),
        ("differentDocument", History((1, 2, 3), 2, "https://two.example/", "link"), 99, None),
        ("differentDocument", History((1, 2, 3), 2, "chrome://newtab/", "typed"), 99, None),
        ("historyDifferentDocument", History((1, 2), 0, "https://zero.example/", "link"), 99, ("back", "")),
        ("historySameDocument", History((1, 2), 0, "https://zero.example/", "typed"), 0.2, None),
        # asked late, when another page had been loaded since: from the end there is only back
        ("historyDifferentDocument", History((1, 3), 1, "https://two.example/", "typed"), 99, ("back", "")),
        ("reload", FIRST, 99, ("reload", "")),
        ("reload", FIRST, 0.1, None),
    ],
)
def test_loads_a_person_asked_the_browser_for(kind, after, since_input, expected):
    assert classify(kind, FIRST, after, since_input_seconds=since_input) == expected


def test_a_step_in_the_middle_of_the_history_is_told_by_where_it_ended():
    middle = History((1, 2, 3), 1, "https://one.example/", "link")
    for index, expected in ((0, "back"), (2, "forward")):
        after = History((1, 2, 3), index, "https://other.example/", "typed")
        assert classify("historyDifferentDocument", middle, after, since_input_seconds=99) == (expected, "")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("https://me:hunter2@example.org/", "https://me:<password>@example.org/"),
        (
            "https://example.org/?user=me&password=hunter2",
            "https://example.org/?user=me&password=%3Cpassword%3E",
        ),
    ],
)
def test_addresses_are_kept_without_secrets(address, expected):
    assert without_secrets(address) == expected


def test_the_picture_before_an_event_is_the_newest_that_is_not_later():
    log = FrameLog()
    for seconds in (1.0, 3.0, 2.0):
        log.add(Frame(seconds, b"%d" % seconds))
    assert log.before(0.9) is None
    assert log.before(2.5) == Frame(2.0, b"2")
    log.forget_before(2.5)
    assert log.before(2.4) == Frame(2.0, b"2")
    assert log.before(1.5) is None


def test_a_secret_is_masked_from_shortly_before_it_shows_until_shortly_after():
    reveals, box = Reveals(), Box(0, 0, 0.5, 0.5)
    reveals.note("d", 10.0, [box])
    reveals.note("d", 20.0, [])
    assert [bool(reveals.around(seconds)) for seconds in (9.0, 9.8, 15.0, 20.2, 21.0)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    reveals.note("d", 30.0, [box])
    reveals.new_document(40.0)
    assert [bool(reveals.around(seconds)) for seconds in (35.0, 41.0)] == [True, False]
