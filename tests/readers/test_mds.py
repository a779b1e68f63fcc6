"""Reading MDS: both dialects, both schemas, pairing, and everything that must be refused."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from screensmith.core import actions as act
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.plugins import UnknownName
from screensmith.readers import mds as reader
from screensmith.readers._mds_archive import open_archive
from screensmith.readers._mds_lines import Frame
from screensmith.readers._mds_pairing import pair
from screensmith.readers._mds_shards import NotMds


def opened(root: str, **options: Any) -> tuple[Any, dict[str, str]]:
    """The episodes, and the reason of every refusal by id."""
    log = RefusalLog()
    episodes = reader.read(root, refusals=log, **options)
    assert log.considered >= len(log)
    return episodes, {refusal.id: refusal.reason for refusal in log}


@pytest.mark.parametrize("compression", [None, "zstd:6", "gz:6"])
@pytest.mark.parametrize("hashes", [[], ["sha1"], ["sha1", "xxh64"]])
def test_first_dialect_reads_back_what_was_recorded(tmp_path, mds, compression, hashes):
    lines = [mds.act(10.5, mds.click(0.42, 0.17), raw="what it said"), mds.act(11.5, mds.click())]
    payload = mds.archive(mds.first_members([10.0, 11.0], lines))
    root = mds.write(
        tmp_path / "d", [mds.first_sample("e1", payload)], compression=compression, hashes=hashes
    )
    before = sorted(Path(root).iterdir())
    (episode,), refused = opened(root)
    assert refused == {}
    assert (episode.id, episode.goal) == ("e1", "press the button")
    assert episode.steps[0].actions == (act.Click(Point(0.42, 0.17)),)
    assert episode.steps[0].facts == {
        "frame_time_seconds": 10.0,
        "action_time_seconds": 10.5,
        "raw": "what it said",
    }
    assert episode.facts["source"] == "test"
    assert episode.facts["recording"]["started_at"] == "2024-10-27T03:33:20"
    assert episode.steps[0].screenshot.size == Size(200, 100)
    assert episode.steps[0].screenshot.read_bytes() == mds.jpeg()
    assert sorted(Path(root).iterdir()) == before  # nothing is written beside the data


def test_older_dialect_and_pixel_schema(tmp_path, mds):
    root = mds.write(tmp_path / "d", [mds.older_sample("old")], mds.OLDER)
    (episode,), refused = opened(root)
    assert refused == {}
    assert [step.actions[0] for step in episode.steps] == [
        act.Click(Point(0.25, 0.25)),
        act.TypeText("héllo"),
        act.Scroll("down", amount=0.5),
        act.Visit("http://localhost/"),
        act.Wait(2.0),
    ]
    assert [step.facts["frame_time_seconds"] for step in episode.steps] == [10.0, 11.0, 12.0, 13.0, 14.0]
    assert episode.facts["notes"] == "by hand"
    assert episode.facts["recording"]["screen_size"] == {"width": 200, "height": 100}


def test_iso_times_without_zone_are_utc(tmp_path, mds):
    sample = mds.older_sample("old")
    with zipfile.ZipFile(io.BytesIO(sample["payload"])) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members["frames.ndjson"] = mds.ndjson([{"filename": "000000.jpg", "timestamp": "1970-01-01T00:00:10"}])
    members["actions.ndjson"] = mds.ndjson(
        [
            {"timestamp": "1970-01-01T01:00:11+01:00", "action": mds.click()},
            {"timestamp": "soon", "action": mds.click()},
        ]
    )
    root = mds.write(tmp_path / "d", [{**sample, "payload": mds.archive(members)}], mds.OLDER)
    (episode,), refused = opened(root)
    assert episode.steps[0].facts == {"frame_time_seconds": 10.0, "action_time_seconds": 11.0}
    assert refused == {"old#2": "time unreadable"}


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(0, 0, Point(0.5, 0.5)), (400, 100, Point(0.25, 0.5))]
)
def test_pixels_are_of_the_screen_or_of_the_jpeg_when_it_is_unknown(
    one_episode, mds, width, height, expected
):
    line = mds.act(10.5, {"type": "click", "coordinate": [100, 50]})
    (episode,), _ = opened(one_episode(mds.first_members([10.0], [line]), screen_w=width, screen_h=height))
    assert episode.steps[0].actions == (act.Click(expected),)


def test_several_actions_in_one_step_are_kept(one_episode, mds):
    line = mds.act(10.5, [mds.click(), {"action": "INPUT", "value": "x", "position": [0.5, 0.5]}])
    (episode,), _ = opened(one_episode(mds.first_members([10.0], [line])))
    assert episode.steps[0].actions == (act.Click(Point(0.5, 0.5)), act.TypeText("x", Point(0.5, 0.5)))


def test_raw_text_is_compared_and_used_where_there_is_no_action(one_episode, mds):
    lines = [
        mds.act(10.5, mds.click(), raw=json.dumps(mds.click(0.1, 0.1))),
        mds.act(11.5, mds.click(), raw=json.dumps(mds.click())),
        mds.act(12.5, None, raw="{'action': 'ENTER', 'value': None, 'position': None}"),
    ]
    (episode,), refused = opened(one_episode(mds.first_members([10.0, 11.0, 12.0], lines)))
    assert refused == {}
    assert [step.facts.get("raw_differs", False) for step in episode.steps] == [True, False, False]
    assert episode.steps[2].actions == (act.PressKeys(("Enter",)),)


def test_own_extra_keys_become_target_elements_and_texts(one_episode, mds):
    line = mds.act(
        10.5,
        mds.click(),
        target=[0.4, 0.4, 0.6, 0.6],
        instruction="do",
        thought="why",
        memory={"a": 1},
        memory_after={"a": 2},
        facts={"b": 2},
    )
    members = mds.first_members([10.0], [line])
    frame = {"ts": 10.0, "file": "frames/000000.jpg", "elements": [{"box": [0, 0, 1, 1], "text": "t"}]}
    members["frames.ndjson"] = mds.ndjson([frame | {"window": [0, 0, 0.5, 1]}])
    step = opened(one_episode(members))[0][0].steps[0]
    assert (step.instruction, step.thought, step.memory) == ("do", "why", {"a": 1})
    assert step.memory_after == {"a": 2}
    assert step.target == Box(0.4, 0.4, 0.6, 0.6)
    assert step.elements[0].text == "t"
    assert step.screenshot.window == Box(0, 0, 0.5, 1)
    assert step.facts["b"] == 2


def test_before_takes_the_last_frame_and_refuses_what_no_frame_can_show(one_episode, mds):
    frames = [10.0, 11.0, 40.0]
    lines = [
        mds.act(9.0, mds.click()),  # 1: before the first frame
        mds.act(11.0, mds.click()),  # 2: a frame of the same moment counts as before
        mds.act(11.5, mds.click()),  # 3: the frame of 11.0 shows what line 2 met, at its very moment
        mds.act(11.7, mds.click()),  # 4: no frame since line 3
        mds.act(30.0, mds.click()),  # 5: too old
        mds.act(41.0, mds.click()),  # 6
    ]
    (episode,), refused = opened(one_episode(mds.first_members(frames, lines)))
    assert [step.facts["action_time_seconds"] for step in episode.steps] == [11.0, 11.5, 41.0]
    assert [step.facts["frame_time_seconds"] for step in episode.steps] == [11.0, 11.0, 40.0]
    assert refused == {
        "e1#1": "action before the first frame",
        "e1#4": "frame older than the previous action",
        "e1#5": "frame too far from the action",
    }


def test_nearest_may_take_the_frame_after_the_action(one_episode, mds):
    lines = [mds.act(9.5, mds.click()), mds.act(10.6, mds.click()), mds.act(11.2, mds.click())]
    root = one_episode(mds.first_members([10.0, 11.0], lines))
    episode = opened(root, pair="nearest")[0][0]
    assert [step.facts["frame_time_seconds"] for step in episode.steps] == [10.0, 11.0, 11.0]
    assert opened(root, pair="nearest", max_lag_seconds=0.45)[1] == {
        "e1#1": "frame too far from the action"
    }


def test_a_line_that_names_its_frame_is_not_paired_by_time(one_episode, mds):
    lines = [
        mds.act(99.0, mds.click(), frame="frames/000000.jpg"),
        mds.act(100.0, mds.click(), frame="frames/9.jpg"),
    ]
    (episode,), refused = opened(one_episode(mds.first_members([10.0, 98.9], lines)))
    assert episode.steps[0].facts["frame_time_seconds"] == 10.0
    assert refused == {"e1#2": "frame missing"}


# Milliseconds: closer moments than a float tells apart beside the action's time have no nearest one.
seconds = st.integers(0, 100_000).map(lambda milliseconds: milliseconds / 1000)
moments = st.lists(seconds, min_size=1, max_size=8).map(sorted)


@given(
    moments,
    seconds,
    st.none() | seconds,
    st.sampled_from(["before", "nearest"]),
    st.floats(0, 20),
)
def test_pairing_law(times, action, previous, mode, lag):
    frames = [Frame(seconds, f"{n}.jpg") for n, seconds in enumerate(times)]
    allowed = [seconds for seconds in times if mode == "nearest" or seconds <= action]
    best = min(allowed, key=lambda seconds: (abs(seconds - action), seconds), default=None)
    usable = best is not None and abs(action - best) <= lag and (previous is None or best >= previous)
    try:
        assert pair(frames, action, previous, mode, lag).time_seconds == best
        assert usable
    except Refused:
        assert not usable


BAD_ACTIONS = [
    ({"action": "FLY", "value": None, "position": None}, "unknown action 'FLY'"),
    ({"type": "fly"}, "unknown action 'fly'"),
    ({"action": "CLICK", "value": None, "position": [1.2, 0.5]}, "position off the screen"),
    ({"type": "click", "coordinate": [201, 50]}, "position off the screen"),
    ({"type": "click", "coordinate": [-1, 50]}, "position off the screen"),
    ({"type": "click"}, "coordinate is not [x, y]"),
    ({"type": "click", "coordinate": [10**400, 1]}, "coordinate is not a number"),
    ({"type": "wait", "duration": "long"}, "duration is not a number"),
    ({"type": "type", "text": 5}, "text is not text"),
    ({"type": "scroll", "direction": "in"}, "direction is none of up, down, left, right"),
    ({}, "key 'action' is missing"),
    ("CLICK", "no action"),
    ([], "no action"),
    (None, "no action"),
]


@pytest.mark.parametrize(("action", "reason"), BAD_ACTIONS)
def test_an_action_that_cannot_be_read_is_refused_and_the_rest_kept(one_episode, mds, action, reason):
    lines = [mds.act(10.5, action), mds.act(11.5, mds.click())]
    (episode,), refused = opened(one_episode(mds.first_members([10.0, 11.0], lines)))
    assert len(episode.steps) == 1
    assert refused == {"e1#1": reason}


BAD_LINES = [
    (b'{"ts": 10.5, "action": {"action"', "JSON corrupt"),
    (b"[1, 2]", "JSON corrupt"),
    (b'{"ts": NaN}', "JSON corrupt"),
    (b'{"ts": 10.5, "action": {"action": "INPUT", "value": "\\ud800", "position": null}}', "JSON corrupt"),
    (b"\xff\xfe", "JSON corrupt"),
    (b"[" * 100_000, "JSON corrupt"),
    (b'{"ts": true, "action": 1}', "time unreadable"),
    (b'{"ts": 1' + b"0" * 400 + b', "action": 1}', "time unreadable"),
    (b'{"action": 1}', "time unreadable"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_broken_action_line_is_refused_alone(one_episode, mds, line, reason):
    (episode,), refused = opened(
        one_episode(mds.first_members([10.0, 11.0], [line, mds.act(11.5, mds.click())]))
    )
    assert len(episode.steps) == 1
    assert refused == {"e1#1": reason}


def test_line_separators_inside_text_do_not_end_a_line(one_episode, mds):
    text = "one\u2028two\x85three"
    line = json.dumps(
        mds.act(10.5, {"action": "INPUT", "value": text, "position": None}), ensure_ascii=False
    )
    (episode,), refused = opened(one_episode(mds.first_members([10.0], [line.encode()])))
    assert refused == {}
    assert episode.steps[0].actions == (act.TypeText(text),)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"target": [0.8, 0.8, 0.9, 0.9]}, "position outside the target"),
        ({"target": [0.0, 0.0, 2.0, 1.0]}, "target off the screen or unreadable"),
        ({"target": "here"}, "target off the screen or unreadable"),
        ({"facts": 3}, "facts unreadable"),
        ({"thought": 3}, "thought unreadable"),
    ],
)
def test_a_bad_optional_key_refuses_the_step(one_episode, mds, extra, reason):
    lines = [mds.act(10.5, mds.click(), **extra), mds.act(11.5, mds.click())]
    assert opened(one_episode(mds.first_members([10.0, 11.0], lines)))[1] == {"e1#1": reason}


def huge_png() -> bytes:
    """A PNG header of 60,000 x 60,000 pixels: a decompression bomb for who decodes it."""
    buffer = io.BytesIO()
    Image.new("1", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def test_a_bad_frame_refuses_its_steps_only(one_episode, mds):
    noise = io.BytesIO()
    Image.effect_noise((200, 100), 90).convert("RGB").save(noise, "JPEG")
    lines = [mds.act(10.5 + n, mds.click()) for n in range(6)]
    members = mds.first_members([10.0 + n for n in range(6)], lines)
    del members["frames/000001.jpg"]
    members["frames/000002.jpg"] = noise.getvalue()[: len(noise.getvalue()) // 2]
    members["frames/000003.jpg"] = b"no image"
    members["frames/000004.jpg"] = huge_png()
    (episode,), refused = opened(one_episode(members))
    assert len(episode.steps) == 2
    assert refused == {
        "e1#2": "frame unusable, file missing in the archive",
        "e1#3": "frame unusable, image corrupt",
        "e1#4": "frame unusable, image corrupt",
        "e1#5": "frame unusable, image too large",
    }


def test_a_bad_frame_line_is_refused_and_its_frame_unused(one_episode, mds):
    members = mds.first_members([10.0], [mds.act(10.5, mds.click())])
    members["frames.ndjson"] += (
        b'{"i": 1, "ts": 10.2}\n{"i": 2,\n{"ts": 10.3, "file": "f", "elements": [1]}\n\n'
    )
    (episode,), refused = opened(one_episode(members))
    assert len(episode.steps) == 1
    assert refused == {
        "e1#frame2": "frame without a file",
        "e1#frame3": "JSON corrupt",
        "e1#frame4": "elements unreadable",
    }


def bad_episodes(mds: Any) -> dict[str, tuple[bytes, str]]:
    good = mds.first_members([10.0], [mds.act(10.5, mds.click())])

    def without(name: str) -> bytes:
        return mds.archive({key: value for key, value in good.items() if key != name})

    def with_member(name: str, data: bytes = b"x") -> bytes:
        return mds.archive(good | {name: data})

    encrypted = bytearray(mds.archive(good))
    for mark, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + flags_at] |= 1
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in good.items():
            file.writestr(name, data)
        file.writestr("frames/big.jpg", b"\0" * 40_000_000)
    flipped = bytearray(mds.archive(good))
    flipped[flipped.index(b'"ts": 10.5') + 1] ^= 0xFF  # inside actions.ndjson, so its checksum fails
    lzma = mds.archive(good, zipfile.ZIP_LZMA)
    return {
        "no zip": (b"PK nonsense", "zip corrupt"),
        "empty": (b"", "zip corrupt"),
        "cut": (mds.archive(good)[:-40], "zip corrupt"),
        "flipped": (bytes(flipped), "file in the archive corrupt"),
        "encrypted": (bytes(encrypted), "zip member refused"),
        "lzma": (lzma, "zip member refused"),
        "bomb": (bomb.getvalue(), "zip bomb"),
        "climbs": (with_member("../x"), "member name climbs out of its folder"),
        "climbs inside": (with_member("frames/../../x"), "member name climbs out of its folder"),
        "absolute": (with_member("/etc/x"), "member name climbs out of its folder"),
        "backslash": (with_member("frames\\..\\x"), "member name climbs out of its folder"),
        "drive": (with_member("C:/x"), "member name climbs out of its folder"),
        "no frames": (without("frames.ndjson"), "frames.ndjson missing"),
        "no actions": (without("actions.ndjson"), "actions.ndjson missing"),
        "empty actions": (with_member("actions.ndjson", b"\n"), "no step left"),
        "meta": (with_member("meta.json", b"{"), "JSON corrupt"),
    }


def test_every_kind_of_bad_episode_is_refused_and_the_others_read(tmp_path, mds):
    good = mds.archive(mds.first_members([10.0], [mds.act(10.5, mds.click())]))
    bad = bad_episodes(mds)
    samples = [mds.first_sample("good", good), mds.first_sample("no goal", good, task=" \n")]
    samples += [mds.first_sample(name, payload) for name, (payload, _) in bad.items()]
    episodes, refused = opened(mds.write(tmp_path / "d", samples))
    assert [episode.id for episode in episodes] == ["good"]
    assert refused == {"no goal": "goal empty"} | {name: reason for name, (_, reason) in bad.items()}


def test_an_episode_without_a_usable_step_is_refused_with_its_steps(one_episode, mds):
    episodes, refused = opened(one_episode(mds.first_members([10.0], [mds.act(9.0, mds.click())])))
    assert len(episodes) == 0
    assert refused == {"e1#1": "action before the first frame", "e1": "no step left"}


@given(st.binary(max_size=200), st.integers(0, 2**31))
def test_no_mutation_of_an_archive_does_more_than_refuse(noise, place):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("frames.ndjson", b'{"ts": 1}\n' * 20)
        file.writestr("a.jpg", b"12345")
    data = bytearray(buffer.getvalue())
    start = place % len(data)
    data[start : start + len(noise)] = noise
    with contextlib.suppress(Refused):
        archive = open_archive(bytes(data))
        for name in archive.names:
            archive.read(name)


def test_a_repeated_id_gets_a_number_and_no_id_is_taken_twice(tmp_path, mds):
    payload = mds.archive(mds.first_members([10.0], [mds.act(10.5, mds.click())]))
    ids = ["a", "a~2", "a", "a", " "]
    root = mds.write(tmp_path / "d", [mds.first_sample(id, payload) for id in ids])
    assert [episode.id for episode in opened(root)[0]] == ["a", "a~2", "a~3", "a~4", "shard.00000#4"]


def three_shards(tmp_path: Path, mds: Any, **options: Any) -> str:
    payload = mds.archive(mds.first_members([10.0], [mds.act(10.5, mds.click())]))
    samples = [mds.first_sample(f"e{n}", payload) for n in range(6)]
    root = mds.write(tmp_path / "d", samples, size_limit=2 * len(payload) + 2000, **options)
    assert len(json.loads(Path(root, "index.json").read_text())["shards"]) == 3
    return root


@pytest.mark.parametrize("compression", [None, "zstd:6"])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_a_broken_shard_refuses_its_samples_and_the_others_read(tmp_path, mds, compression, harm):
    root = three_shards(tmp_path, mds, compression=compression)
    path = next(Path(root).glob("shard.00001.mds*"))
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[:-7])
    else:
        path.unlink()
    episodes, refused = opened(root)
    assert [episode.id for episode in episodes] == ["e0", "e1", "e4", "e5"]
    reason = "shard missing" if harm == "gone" else "shard corrupt"
    assert refused == {"shard.00001#0": reason, "shard.00001#1": reason}


def test_a_corrupt_shard_without_hashes_does_more_harm_to_nobody_else(tmp_path, mds):
    root = three_shards(tmp_path, mds, compression=None, hashes=[])
    path = Path(root, "shard.00001.mds")
    data = bytearray(path.read_bytes())
    data[4:12] = b"\xff" * 8  # the offsets of the samples
    path.write_bytes(data)
    episodes, refused = opened(root)
    assert {"e0", "e1", "e4", "e5"} <= {episode.id for episode in episodes}
    assert "shard.00001#0" in refused


def edit_index(root: str, change: Any) -> None:
    path = Path(root, "index.json")
    index = json.loads(path.read_text())
    change(index["shards"][0])
    path.write_text(json.dumps(index))


def test_a_pickled_column_is_refused_unread(tmp_path, mds):
    sample = {**mds.older_sample("e"), "screen_size": {"width": 1, "height": 1}}
    root = mds.write(tmp_path / "d", [sample], {**mds.OLDER, "screen_size": "pkl"})
    assert opened(root)[1] == {"shard.00000#0": "column encoding refused"}


def test_a_shard_that_unpacks_to_more_than_it_says_is_refused(tmp_path, mds):
    root = mds.write(tmp_path / "d", [mds.older_sample("e")], mds.OLDER)
    edit_index(root, lambda shard: shard["raw_data"].update(bytes=99))
    assert opened(root)[1] == {"shard.00000#0": "shard corrupt"}


@pytest.mark.parametrize("name", ["../shard.00000.mds", "/etc/passwd", "..", ".hidden", "a\\b", ""])
def test_an_index_that_names_files_elsewhere_is_refused(tmp_path, mds, name):
    root = mds.write(tmp_path / "d", [mds.older_sample("e")], mds.OLDER)
    edit_index(root, lambda shard: shard["raw_data"].update(basename=name))
    with pytest.raises(NotMds, match="names the file"):
        reader.read(root)


def test_what_is_no_mds_folder_is_one_clear_error(tmp_path):
    with pytest.raises(NotMds, match=r"nowhere is no MDS data set: there is no such folder\. Expected"):
        reader.read(str(tmp_path / "nowhere"))
    with pytest.raises(NotMds, match=r"index\.json is missing\. Expected"):
        reader.read(str(tmp_path))
    for text in ("", "{", "[]", '{"version": 1, "shards": []}', '{"version": 2, "shards": [{}]}'):
        (tmp_path / "index.json").write_text(text)
        with pytest.raises(NotMds, match="Expected a folder"):
            reader.read(str(tmp_path))


def test_wrong_options_name_the_right_ones(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'nearest'"):
        reader.read(str(tmp_path), pair="nearst")
    with pytest.raises(ValueError, match="max_lag_seconds"):
        reader.read(str(tmp_path), max_lag_seconds=-1)


def test_twice_the_same_pickled_the_same_and_cached_copies_are_verified(tmp_path, mds):
    root = three_shards(tmp_path, mds)
    cache = tmp_path / "cache"
    first = reader.read(root, cache=str(cache))
    again = pickle.loads(pickle.dumps(first))
    assert again == first
    assert again[3].steps[0].screenshot.read_bytes() == mds.jpeg()
    for copy in cache.rglob("*.mds"):
        copy.write_bytes(b"spoiled")
    second, refused = opened(root, cache=str(cache))
    assert (second, refused) == (first, {})


def test_a_decompressed_folder_without_its_compressed_files_is_read_in_place(tmp_path, mds):
    raw = mds.write(tmp_path / "raw", [mds.older_sample("e")], mds.OLDER, compression=None)
    root = mds.write(tmp_path / "d", [mds.older_sample("e")], mds.OLDER)
    Path(root, "shard.00000.mds.zstd").unlink()
    Path(root, "shard.00000.mds").write_bytes(Path(raw, "shard.00000.mds").read_bytes())
    edit_index(
        root,
        lambda shard: shard.update(
            raw_data=json.loads(Path(raw, "index.json").read_text())["shards"][0]["raw_data"]
        ),
    )
    (episode,), refused = opened(root)
    assert (episode.id, refused) == ("e", {})
    assert Path(root, "shard.00000.mds").exists()


def test_a_shard_removed_after_opening_is_a_clear_error(tmp_path, mds):
    root = mds.write(tmp_path / "d", [mds.older_sample("e")], mds.OLDER, compression=None)
    (episode,) = reader.read(root)
    Path(root, "shard.00000.mds").unlink()
    with pytest.raises(Refused, match="open it again"):
        episode.steps[0].screenshot.read_bytes()


def test_fingerprint_follows_the_content(tmp_path, mds):
    one = mds.write(tmp_path / "1", [mds.older_sample("e")], mds.OLDER)
    same = mds.write(tmp_path / "2", [mds.older_sample("e")], mds.OLDER)
    other = mds.write(tmp_path / "3", [mds.older_sample("f")], mds.OLDER)
    assert len(reader.fingerprint(one)) == hashlib.sha256().digest_size * 2
    assert (reader.fingerprint(one) == reader.fingerprint(same)) == (
        Path(one, "index.json").read_bytes() == Path(same, "index.json").read_bytes()
    )
    assert reader.fingerprint(one) != reader.fingerprint(other)
    with pytest.raises(NotMds):
        reader.fingerprint(str(tmp_path))


def test_a_final_screenshot_belongs_to_no_step(one_episode, mds):
    members = mds.first_members([10.0, 10.4], [mds.act(10.5, mds.click())])
    lines = members["frames.ndjson"].splitlines()
    members["frames.ndjson"] = mds.ndjson([lines[0], json.loads(lines[1]) | {"final": True}])
    (episode,), _ = opened(one_episode(members))
    assert episode.steps[0].facts["frame_time_seconds"] == 10.0
    assert episode.facts["final_screenshot"].read_bytes() == mds.jpeg()
