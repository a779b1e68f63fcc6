import json

from screensmith.evaluate.live import evaluate_live
from screensmith.evaluate.offline import evaluate_offline
from screensmith.evaluate.summary import (
    HELD_OUT,
    LIVE,
    NOTHING,
    Identity,
    Judged,
    comparison_rows,
    live_record,
    offline_record,
    percent,
    text_table,
)

IDENTITY = Identity("checkpoints/final", "neko", "neko", "fraction", {"data/mds": "abc"})


def offline(world, policy):
    return evaluate_offline(policy, [world.sample("click-button", seed) for seed in range(4)], batch=4)


def live(world, policy):
    return evaluate_live(
        policy,
        [world.Buttons()],
        ["until"],
        episodes_per_task=2,
        first_seed=9,
        history_steps=0,
        max_steps=2,
    )


def test_records_are_json_and_hold_what_a_number_needs(world):
    judged = offline(world, world.clumsy)
    record = offline_record(judged, IDENTITY, refused={"missing frame": 2}, seed=1337)
    assert json.loads(json.dumps(record)) == record
    assert (record["model"], record["prompt"], record["seed"]) == ("checkpoints/final", "neko", 1337)
    assert (record["samples"], record["refused"]) == (4, {"missing frame": 2})
    assert record["unreadable"] == judged.unreadable != {}
    assert record["metrics"]["click"]["scored"] == 4
    low, high = record["metrics"]["click"]["interval_95"]
    assert 0.0 <= low <= record["metrics"]["click"]["mean"] <= high
    assert record["metrics"]["text"]["interval_95"] is None
    assert list(record["tasks"]) == ["click-button"]

    acted = live(world, world.clumsy)
    record = live_record(acted, IDENTITY, environment="miniwob", max_steps=2, history_steps=0)
    assert json.loads(json.dumps(record)) == record
    assert record["tasks"]["until"]["seeds"] == [9, 10]
    assert record["tasks"]["until"]["success_rate"] == record["success_rate"] == 0.0
    assert (record["episodes"], record["answers"], record["endings"]) == (2, 4, {"out of steps": 2})


def test_the_table_puts_policies_side_by_side(world):
    untrained = Judged("untrained", offline(world, world.clumsy), live(world, world.clumsy))
    trained = Judged("trained", offline(world, world.expert), live(world, world.expert))
    lines = text_table([untrained, trained]).splitlines()
    assert lines[0].split() == ["untrained", "trained"]
    whole = next(line for line in lines if "whole action right" in line)
    assert whole.split() == "whole action right 0 % [0 to 49 %] N=4 100 % [51 to 100 %] N=4".split()
    text = next(line for line in lines if "right text" in line)
    assert text.split() == ["right", "text", NOTHING, NOTHING]
    assert any(line.startswith("  until ") for line in lines)


def test_a_missing_evaluation_leaves_a_gap_and_the_groups_in_order(world):
    untrained = Judged("untrained", live=live(world, world.clumsy))
    trained = Judged("trained", offline(world, world.expert))
    rows = comparison_rows([untrained, trained])
    groups = [group for group, _, _ in rows]
    assert groups == sorted(groups, key=[HELD_OUT, LIVE].index)
    assert all((before is None) == (group == HELD_OUT) for group, _, (before, _) in rows)
    assert all((after is None) == (group == LIVE) for group, _, (_, after) in rows)


def test_percentages_are_short_and_honest():
    assert [percent(value) for value in (0.0, 1.0, 0.5, 1 / 3, 0.9996, 0.0001, None)] == [
        "0 %",
        "100 %",
        "50 %",
        "33.3 %",
        "99.9 %",
        "0.1 %",
        NOTHING,
    ]
