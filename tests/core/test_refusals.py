"""What was refused is counted by reason and can be read again."""

import json

from screensmith.core.refusals import RefusalLog, Refused


def filled():
    log = RefusalLog()
    log.consider(8)
    log.add("e1", "corrupt zip", "ends early")
    log.add("e2", "corrupt zip")
    log.add("e3#1", "unknown action", "DANCE \N{SNOWMAN}")
    return log


def test_counts_and_share():
    log = filled()
    assert (len(log), log.share, log.by_reason()["corrupt zip"]) == (3, 3 / 8, 2)
    assert log.summary() == "3 of 8 refused (37.5%): 2 corrupt zip, 1 unknown action"


def test_nothing_refused():
    log = RefusalLog()
    assert (log.summary(), log.share) == ("0 of 0 refused", 0.0)


def test_the_quarantine_list_is_one_object_a_line(tmp_path):
    path = tmp_path / "new" / "quarantine.jsonl"
    filled().write(path)
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert records[2] == {"id": "e3#1", "reason": "unknown action", "detail": "DANCE \N{SNOWMAN}"}
    other = RefusalLog()
    other.extend(filled())
    assert list(other) == list(filled())


def test_a_refusal_says_reason_and_detail():
    assert str(Refused("corrupt zip", "ends early")) == "corrupt zip: ends early"
    assert str(Refused("corrupt zip")) == "corrupt zip"
