"""Appending episodes: the round trip, and what is left after a kill -9 at any moment."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from screensmith.capture import _shard_folder, store
from screensmith.core import actions as act
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Point, Size
from screensmith.core.refusals import RefusalLog
from screensmith.readers import mds
from screensmith.readers._mds_shards import NotMds

SIZE = Size(64, 48)


def encoded(colour: str = "white", format: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (SIZE.width, SIZE.height), colour).save(buffer, format)
    return buffer.getvalue()


PNG = encoded("teal")


def episode(id: str = "e1", **facts: object) -> Episode:
    click = act.Click(Point(0.5, 0.25))
    step = Step(Screenshot(PNG, SIZE), (click,), target=Box(0.4, 0.2, 0.6, 0.3))
    return Episode(id, "press the button", (step,), facts)


def read(out: Path) -> list[Episode]:
    """Every episode; nothing may be refused."""
    log = RefusalLog()
    episodes = list(mds.read(str(out), cache=str(out.parent / "cache"), refusals=log))
    assert list(log) == []
    return episodes


def shard_files(out: Path) -> list[str]:
    return sorted(path.name for path in out.glob("shard.*"))


fractions = st.floats(0, 1)
points = st.builds(Point, fractions, fractions)
texts = st.text(max_size=20)
lines = texts.filter(lambda text: text.strip() != "")
boxes = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda v: Box(min(v[0], v[1]), min(v[2], v[3]), max(v[0], v[1]), max(v[2], v[3]))
)
optional_points = st.none() | points
actions = st.one_of(
    st.builds(act.Click, points, st.sampled_from(["left", "middle", "right"]), st.integers(1, 3)),
    st.builds(act.LongPress, points),
    st.builds(act.Hover, points),
    st.builds(act.Drag, points, points),
    st.builds(act.Swipe, points, points),
    st.builds(
        act.Scroll,
        st.sampled_from(["up", "down", "left", "right"]),
        optional_points,
        st.none() | st.floats(-9, 9),
    ),
    st.builds(act.TypeText, texts, optional_points),
    st.builds(act.Select, texts, optional_points),
    st.builds(act.PressKeys, st.lists(lines, min_size=1, max_size=3).map(tuple)),
    st.builds(act.Copy, texts),
    st.just(act.Back()),
    st.just(act.Home()),
    st.builds(act.OpenApp, texts),
    st.builds(act.Visit, texts),
    st.builds(act.Wait, st.floats(0, 100)),
    st.builds(act.Answer, texts),
    st.builds(act.Finish, st.sampled_from(["success", "failure"])),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
reserved = {"recording", "final_screenshot", "frame_time_seconds", "action_time_seconds", "raw_differs"}
facts = st.dictionaries(texts.filter(lambda key: key not in reserved), json_values, max_size=3)
times = st.fixed_dictionaries(
    {}, optional={"frame_time_seconds": st.floats(0, 2e9), "action_time_seconds": st.floats(0, 2e9)}
)
elements = st.lists(st.builds(Element, boxes, texts, texts), max_size=2).map(tuple)
screenshots = st.builds(
    Screenshot, st.sampled_from([PNG, encoded("navy", "JPEG")]), st.just(SIZE), st.none() | boxes
)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    chosen = tuple(draw(st.lists(actions, min_size=1, max_size=3)))
    places = act.points_of(chosen[0])
    targets = st.none() | boxes.filter(lambda box: not places or box.contains(places[0]))
    if places:
        targets = st.sampled_from([None, Box(places[0].x, places[0].y, 1, 1), Box(0, 0, 1, 1)])
    return Step(
        draw(screenshots),
        chosen,
        instruction=draw(texts),
        thought=draw(texts),
        target=draw(targets),
        elements=draw(elements),
        memory=draw(st.none() | facts),
        facts={**draw(facts), **draw(times)},
    )


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    return Episode(
        draw(lines), draw(lines), tuple(draw(st.lists(steps(), min_size=1, max_size=3))), draw(facts)
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(episodes(), min_size=1, max_size=3, unique_by=lambda one: one.id))
def test_what_is_written_is_what_is_read(tmp_path_factory, written):
    out = tmp_path_factory.mktemp("round") / "out"
    with store.EpisodeStore(out, compression="none") as target:
        for one in written:
            target.append(one)
    for before, after in zip(written, read(out), strict=True):
        assert (after.id, after.goal) == (before.id, before.goal)
        assert {key: value for key, value in after.facts.items() if key != "recording"} == before.facts
        for step, again in zip(before.steps, after.steps, strict=True):
            assert again.actions == step.actions
            assert (again.target, again.elements, again.memory) == (step.target, step.elements, step.memory)
            assert (again.instruction, again.thought) == (step.instruction, step.thought)
            assert (again.screenshot.size, again.screenshot.window) == (SIZE, step.screenshot.window)
            assert {key: again.facts[key] for key in step.facts} == step.facts
            assert_looks_like(step.screenshot, again.screenshot)


def assert_looks_like(before: Screenshot, after: Screenshot) -> None:
    """The same bytes for a JPEG, a small difference for what became one."""
    if before.read_bytes()[:2] == b"\xff\xd8":
        assert after.read_bytes() == before.read_bytes()
        return
    images = [Image.open(io.BytesIO(shot.read_bytes())).convert("RGB") for shot in (before, after)]
    assert max(ImageStat.Stat(ImageChops.difference(*images)).mean) < 3


def test_the_first_dialect_is_written_as_documented(tmp_path):
    with store.EpisodeStore(tmp_path / "out") as target:
        target.append(episode(source="test", seed=3), screen=Size(1280, 720))
    (entry,) = json.loads((tmp_path / "out" / "index.json").read_text())["shards"]
    assert entry["compression"] == "zstd:6"
    assert list(entry["zip_data"]["hashes"]) == ["sha1"]
    assert entry["zip_data"]["basename"] == entry["raw_data"]["basename"] + ".zstd"
    columns = dict(zip(entry["column_names"], entry["column_encodings"], strict=True))
    assert columns == {
        "agent": "json",
        "ended_at": "str",
        "episode_id": "str",
        "num_actions": "int",
        "num_frames": "int",
        "payload": "bytes",
        "screen_h": "int",
        "screen_w": "int",
        "started_at": "str",
        "task": "str",
    }
    (again,) = read(tmp_path / "out")
    recording = again.facts["recording"]
    assert (recording["screen_w"], recording["screen_h"]) == (1280, 720)
    assert (recording["num_frames"], recording["num_actions"]) == (1, 1)
    assert again.facts["seed"] == 3


def test_streaming_itself_reads_what_was_written(tmp_path):
    import zipfile

    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    with store.EpisodeStore(tmp_path / "out", compression="none") as target:
        target.append(episode("a"))
        target.append(episode("b"))
    clean_stale_shared_memory()
    data = StreamingDataset(local=str(tmp_path / "out"), batch_size=1)
    samples = [data[0], data[1]]
    del data
    clean_stale_shared_memory()
    assert [sample["episode_id"] for sample in samples] == ["a", "b"]
    with zipfile.ZipFile(io.BytesIO(samples[0]["payload"])) as file:
        assert file.namelist() == ["meta.json", "frames.ndjson", "actions.ndjson", "frames/000000.jpg"]
        assert {member.compress_type for member in file.infolist()} == {zipfile.ZIP_STORED}
        line = json.loads(file.read("actions.ndjson"))
        assert line["action"] == {"action": "CLICK", "value": None, "position": [0.5, 0.25]}
        assert file.read("frames/000000.jpg")[:2] == b"\xff\xd8"
        assert json.loads(file.read("meta.json"))["tool"] == "screensmith"


def test_transparency_becomes_white_and_a_final_screenshot_is_kept(tmp_path):
    clear = encoded("#00000000", mode="RGBA")
    one = episode()
    one = Episode(
        one.id,
        one.goal,
        (Step(Screenshot(clear, SIZE), one.steps[0].actions),),
        {"final_screenshot": Screenshot(PNG, SIZE)},
    )
    with store.EpisodeStore(tmp_path / "out") as target:
        target.append(one)
    (again,) = read(tmp_path / "out")
    image = Image.open(io.BytesIO(again.steps[0].screenshot.read_bytes()))
    assert image.getpixel((5, 5)) == (255, 255, 255)
    assert_looks_like(Screenshot(PNG, SIZE), again.facts["final_screenshot"])


def test_times_are_kept_or_one_second_apart(tmp_path):
    one = episode()
    timed = Step(
        one.steps[0].screenshot,
        one.steps[0].actions,
        facts={"frame_time_seconds": 100.0, "action_time_seconds": 130.0},
    )
    with store.EpisodeStore(tmp_path / "out") as target:
        target.append(Episode("e", "g", (timed, one.steps[0], one.steps[0])))
    (again,) = read(tmp_path / "out")  # 30 s from frame to action: the line names its frame
    assert [step.facts["frame_time_seconds"] for step in again.steps] == [100.0, 131.0, 132.0]
    assert [step.facts["action_time_seconds"] for step in again.steps] == [130.0, 131.0, 132.0]
    assert again.facts["recording"]["started_at"] == "1970-01-01T00:01:40"


def test_writing_what_was_read_keeps_it(tmp_path):
    with store.EpisodeStore(tmp_path / "one") as target:
        target.append(episode(source="test"))
    with store.EpisodeStore(tmp_path / "two") as target:
        target.append(read(tmp_path / "one")[0])
    first, second = read(tmp_path / "one")[0], read(tmp_path / "two")[0]
    assert first.facts == second.facts
    assert first.steps[0].facts == second.steps[0].facts
    assert first.steps[0].screenshot.read_bytes() == second.steps[0].screenshot.read_bytes()


def test_what_cannot_be_stored_is_a_clear_error_and_harms_nothing(tmp_path):
    with store.EpisodeStore(tmp_path / "out") as target:
        target.append(episode("good"))
        with pytest.raises(ValueError, match="e1: its facts cannot be stored as JSON"):
            target.append(episode(thing=object()))
        with pytest.raises(ValueError, match="empty: it has no steps"):
            target.append(Episode("empty", "g", ()))
    with pytest.raises(ValueError, match="is closed"):
        target.append(episode())
    assert [one.id for one in read(tmp_path / "out")] == ["good"]
    for options, named in (
        ({"compression": "zip"}, "compression"),
        ({"compression": "zstd:99"}, "compression"),
        ({"hashes": ["sha0"]}, "sha0"),
        ({"shard_size_bytes": 2**32}, "a shard must be"),
        ({"jpeg_quality": 0}, "jpeg_quality"),
    ):
        with pytest.raises(ValueError, match=named):
            store.EpisodeStore(tmp_path / "other", **options)


def test_starting_again_appends_and_joins(tmp_path):
    out = tmp_path / "out"
    for run in range(3):
        with store.EpisodeStore(out) as target:
            for number in range(4):
                target.append(episode(f"{run}-{number}"))
            assert len(target.leftovers) == 0
    assert [one.id for one in read(out)] == [f"{run}-{number}" for run in range(3) for number in range(4)]
    assert len(shard_files(out)) == 1
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith("shard")) == [
        ".lock",
        "index.json",
    ]


def test_joining_respects_the_size_and_leaves_the_rest_alone(tmp_path):
    out = tmp_path / "out"
    with store.EpisodeStore(out) as target:
        target.append(episode("first"))
        size = json.loads((out / "index.json").read_text())["shards"][0]["raw_data"]["bytes"]
        for number in range(6):
            target.append(episode(f"e{number}"))
        target.close(join=False)
    assert len(shard_files(out)) == 7
    spoiled = out / "shard.00001.mds.zstd"
    spoiled.write_bytes(b"spoiled")
    assert store.compact(out, shard_size_bytes=round(size * 3.2)) == 3
    log = RefusalLog()
    assert [one.id for one in mds.read(str(out), refusals=log)] == [
        "first",
        *(f"e{n}" for n in range(1, 6)),
    ]
    assert log.by_reason() == {"shard corrupt": 1}
    assert spoiled.read_bytes() == b"spoiled"
    assert store.compact(out, shard_size_bytes=10) == 0


def test_an_unreadable_index_is_not_overwritten(tmp_path):
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(NotMds, match="unreadable"):
        store.EpisodeStore(tmp_path)
    assert (tmp_path / "index.json").read_text() == "{"


def test_a_shard_that_no_index_names_keeps_its_name(tmp_path):
    (tmp_path / "shard.00041.mds").write_bytes(b"somebody's")
    with store.EpisodeStore(tmp_path) as target:
        target.append(episode())
    assert shard_files(tmp_path) == ["shard.00041.mds", "shard.00042.mds.zstd"]


class Killed(BaseException):
    """Stands for the end of the process at one place of the code."""


@pytest.mark.parametrize("moment", ["replace_text", "flush_folder", "recover"])
@pytest.mark.parametrize("occurrence", [1, 2, 3, 4])
def test_an_interrupted_joining_loses_and_doubles_nothing(tmp_path, monkeypatch, moment, occurrence):
    out = tmp_path / "out"
    ids = [f"e{number}" for number in range(4)]
    with store.EpisodeStore(out) as target:
        for id in ids:
            target.append(episode(id))
        target.close(join=False)
    calls = 0
    real = getattr(_shard_folder, moment)

    def dies(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == occurrence:
            raise Killed
        real(*arguments)

    monkeypatch.setattr(_shard_folder, moment, dies)
    try:
        store.compact(out)
    except Killed:
        assert [one.id for one in read(out)] == ids
    monkeypatch.undo()
    with store.EpisodeStore(out) as target:
        target.append(episode("later"))
    assert [one.id for one in read(out)] == [*ids, "later"]
    assert len(shard_files(out)) == 1
    assert not (out / _shard_folder.JOURNAL_NAME).exists()


def test_recovery_removes_nothing_when_the_index_names_neither_side(tmp_path):
    out = tmp_path / "out"
    with store.EpisodeStore(out, compression="none") as target:
        target.append(episode())
    (out / "shard.00007.mds").write_bytes(b"kept")
    (out / _shard_folder.JOURNAL_NAME).write_text(
        '{"old": ["shard.00007.mds"], "new": ["shard.00008.mds"]}'
    )
    with store.EpisodeStore(out):
        pass
    assert shard_files(out) == ["shard.00000.mds", "shard.00007.mds"]


WRITER = """
import io, os, pathlib, sys
from PIL import Image
from screensmith.capture.store import EpisodeStore
from screensmith.core.actions import Click
from screensmith.core.episode import Episode, Screenshot, Step
from screensmith.core.geometry import Point, Size

buffer = io.BytesIO()
Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
step = Step(Screenshot(buffer.getvalue(), Size(64, 48)), (Click(Point(0.5, 0.5)),))
count, names = int(sys.argv[2]), sys.argv[3:]

def write(name):
    with EpisodeStore(pathlib.Path(sys.argv[1])) as store:
        for number in range(count):
            store.append(Episode(f"{name}-{number}", "press the button", (step,)))
            print(f"{name}-{number}", flush=True)

if len(names) > 1:
    import streaming  # once for both, it takes seconds
children = []
for name in names[1:]:
    child = os.fork()
    if not child:
        write(name)
        os._exit(0)
    children.append(child)
write(names[0])
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def start_writer(out: Path, count: int, *names: str) -> subprocess.Popen[str]:
    """A process, and a fork of it for every further name, that append so many episodes each."""
    command = [sys.executable, "-c", WRITER, str(out), str(count), *names]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_after_kill_9_everything_finished_is_read_and_the_next_run_appends(tmp_path):
    out = tmp_path / "out"
    finished: list[str] = []
    with start_writer(out, 100_000, "killed") as process:
        assert process.stdout is not None
        try:
            while len(finished) < 12:
                finished.append(process.stdout.readline().strip())
            time.sleep(0.013)  # somewhere inside an append
        finally:
            process.send_signal(signal.SIGKILL)
        finished += process.stdout.read().split()
    found = [one.id for one in read(out)]
    # The last append may have been complete without its line having been written.
    assert found in (finished, [*finished, f"killed-{len(finished)}"])
    with store.EpisodeStore(out) as target:
        target.append(episode("later"))
    assert [one.id for one in read(out)] == [*found, "later"]
    assert len(json.loads((out / "index.json").read_text())["shards"]) == 1


def test_two_captures_into_one_folder_keep_every_episode(tmp_path):
    out = tmp_path / "out"
    with start_writer(out, 8, "a", "b") as process:
        process.communicate(timeout=120)
        assert process.returncode == 0
    ids = [one.id for one in read(out)]
    assert sorted(ids) == sorted(f"{name}-{number}" for name in "ab" for number in range(8))
    for name in "ab":
        assert [id for id in ids if id.startswith(name)] == [f"{name}-{number}" for number in range(8)]


def test_what_a_dead_writer_left_is_reported_and_kept(tmp_path, caplog):
    dead, empty = tmp_path / ".writing-dead", tmp_path / ".writing-empty"
    for folder in (dead, empty, tmp_path / ".joining-dead"):
        folder.mkdir()
        (folder / "owner.lock").touch()
    (dead / "shard").write_bytes(b"half")
    (tmp_path / ".joining-dead" / "copy").write_bytes(b"copy")
    with store.EpisodeStore(tmp_path) as living, store.EpisodeStore(tmp_path) as other:
        assert living.leftovers == other.leftovers == (dead,)
    assert "had not finished" in caplog.text
    assert (dead / "shard").exists()
    assert not empty.exists()
    assert not (tmp_path / ".joining-dead").exists()
