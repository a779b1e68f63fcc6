"""Episodes in both on-disk dialects, built by hand as the format says and written with MDSWriter."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

FIRST = {
    "episode_id": "str",
    "task": "str",
    "payload": "bytes",
    "num_frames": "int",
    "num_actions": "int",
    "started_at": "str",
    "ended_at": "str",
    "screen_w": "int",
    "screen_h": "int",
    "agent": "json",
}
OLDER = {
    "episode_id": "str",
    "task": "str",
    "frame_count": "int",
    "screen_size": "json",
    "payload": "bytes",
}


def jpeg(colour: str = "white", width: int = 200, height: int = 100) -> bytes:
    """A JPEG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def archive(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


def ndjson(lines: Sequence[Any]) -> bytes:
    """One line each; bytes are taken as they are."""
    return b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )


def act(seconds: float, action: Any, **more: Any) -> dict[str, Any]:
    """An action line of the first dialect."""
    return {"ts": seconds, "action": action, **more}


def click(x: float = 0.5, y: float = 0.5) -> dict[str, Any]:
    """A click of the real schema."""
    return {"action": "CLICK", "value": None, "position": [x, y]}


def first_members(frames: Sequence[float], actions: Sequence[Any]) -> dict[str, bytes]:
    """The archive members of the first dialect: frames at these times, and these action lines."""
    names = [f"frames/{number:06d}.jpg" for number in range(len(frames))]
    lines = [{"i": n, "ts": frames[n], "file": names[n]} for n in range(len(frames))]
    meta = {"episode_id": "?", "task": "?", "tool": "capture.py", "tool_version": "1.0"}
    members = {"meta.json": json.dumps(meta).encode(), "frames.ndjson": ndjson(lines)}
    members["actions.ndjson"] = ndjson(actions)
    return members | {name: jpeg() for name in names}


def first_sample(id: str, payload: bytes, **columns: Any) -> dict[str, Any]:
    """The columns of the first dialect."""
    return {
        "episode_id": id,
        "task": "press the button",
        "payload": payload,
        "num_frames": 1,
        "num_actions": 1,
        "started_at": "2024-10-27T03:33:20",
        "ended_at": "2024-10-27T03:33:29",
        "screen_w": 200,
        "screen_h": 100,
        "agent": {"source": "test"},
        **columns,
    }


def older_sample(id: str) -> dict[str, Any]:
    """An episode of the older dialect, in the pixel schema of the user guide."""
    frames = [
        {"frame_id": n, "filename": f"{n:06d}.jpg", "timestamp": 10.0 + n, "width": 200, "height": 100}
        for n in range(5)
    ]
    actions = [
        {"timestamp": 10.5, "action": {"type": "click", "coordinate": [50, 25], "element": "button"}},
        {"timestamp": 11.5, "action": {"type": "type", "text": "héllo"}},
        {"timestamp": 12.5, "action": {"type": "scroll", "direction": "down", "amount": 50}},
        {"timestamp": 13.5, "action": {"type": "navigate", "url": "http://localhost/"}},
        {"timestamp": 14.5, "action": {"type": "wait", "duration": 2, "reason": "loading"}},
    ]
    meta = {"episode_id": id, "task": "older", "created_at": "2024-10-27", "notes": "by hand"}
    members = {
        "meta.json": json.dumps(meta).encode(),
        "frames.ndjson": ndjson(frames),
        "actions.ndjson": ndjson(actions),
    } | {f"frames/{n:06d}.jpg": jpeg() for n in range(5)}
    return {
        "episode_id": id,
        "task": "older",
        "frame_count": 5,
        "screen_size": {"width": 200, "height": 100},
        "payload": archive(members, zipfile.ZIP_DEFLATED),
    }


def write(
    folder: Path,
    samples: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str] = FIRST,
    compression: str | None = "zstd:6",
    hashes: Sequence[str] = ("sha1",),
    size_limit: int | None = None,
) -> str:
    """An MDS folder of these samples; a small `size_limit` gives several shards."""
    from streaming import MDSWriter

    with MDSWriter(
        columns=dict(columns),
        out=str(folder),
        compression=compression,
        hashes=list(hashes),
        size_limit=size_limit,
    ) as writer:
        for sample in samples:
            writer.write(dict(sample))
    return str(folder)


class Builder:
    """The functions above, for tests, which do not import from each other."""

    FIRST = FIRST
    OLDER = OLDER
    jpeg = staticmethod(jpeg)
    archive = staticmethod(archive)
    ndjson = staticmethod(ndjson)
    act = staticmethod(act)
    click = staticmethod(click)
    first_members = staticmethod(first_members)
    first_sample = staticmethod(first_sample)
    older_sample = staticmethod(older_sample)
    write = staticmethod(write)


@pytest.fixture
def mds() -> type[Builder]:
    """Builds MDS folders."""
    return Builder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompressed shards go to the test's folder, not to the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


@pytest.fixture
def one_episode(tmp_path: Path, mds: type[Builder]) -> Callable[..., str]:
    """Writes a folder of one episode, made from archive members and columns."""

    def make(members: Mapping[str, bytes], **columns: Any) -> str:
        sample = mds.first_sample("e1", mds.archive(members), **columns)
        return mds.write(tmp_path / "data", [sample], compression=None)

    return make
