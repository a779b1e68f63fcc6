"""What has been demonstrated so far, on disk, so that a crash loses nothing.

A session writes a hidden folder beside the store: `.session-ID/` with `events.ndjson` (a line about
the episode, then a line for each step) and `frames/NNNNNN.jpg`. Each step is on disk before the next
begins. Folders are renamed when they have served (`.stored-ID`, `.recovered-ID`), never deleted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from screensmith.capture._frames import size_of
from screensmith.capture.sink import EpisodeSink
from screensmith.core.actions import from_record, to_record
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box
from screensmith.core.refusals import RefusalLog, Refused

OPEN_PREFIX = ".session-"
STORED_PREFIX = ".stored-"
RECOVERED_PREFIX = ".recovered-"
UNREADABLE_PREFIX = ".unreadable-"
EVENTS_FILE = "events.ndjson"
LOCK_FILE = "lock"
FRAME_NAME = re.compile(r"frames/\d{6}\.jpg")


class Journal:
    """The steps of one session on disk; the folder is made when the first step is added."""

    def __init__(self, out: Path, id: str, goal: str, facts: Mapping[str, Any]) -> None:
        self._out, self._id = out, id
        self._head = {"id": id, "goal": goal, "facts": dict(facts)}
        self._lines: list[str] = []
        self._lock: IO[bytes] | None = None

    @property
    def folder(self) -> Path:
        """The folder while the session is open."""
        return self._out / f"{OPEN_PREFIX}{self._id}"

    def add(self, step: Step) -> None:
        """Write one step: its picture first, then the line that names it."""
        if self._lock is None:
            self._open()
        line = self._write_step(len(self._lines), step)
        self._lines.append(line)
        with (self.folder / EVENTS_FILE).open("a", encoding="utf-8") as file:
            file.write(line)
            _to_disk(file)

    def replace(self, index: int, step: Step) -> None:
        """Write a step anew, leaving nothing of what it said before."""
        self._lines[index] = self._write_step(index, step)
        aside = self.folder / f"{EVENTS_FILE}.new"
        with aside.open("w", encoding="utf-8") as file:
            file.write(_line(self._head) + "".join(self._lines))
            _to_disk(file)
        aside.replace(self.folder / EVENTS_FILE)

    def stored(self) -> None:
        """The episode is in its store: rename the folder, so that it is not recovered."""
        if self._lock is not None:
            self.close()
            self.folder.rename(self._out / f"{STORED_PREFIX}{self._id}")

    def close(self) -> None:
        """Give the folder free; if its episode was not stored, it can be recovered from now on."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _open(self) -> None:
        (self.folder / "frames").mkdir(parents=True)
        self._lock = _lock(self.folder)
        with (self.folder / EVENTS_FILE).open("w", encoding="utf-8") as file:
            file.write(_line(self._head))
            _to_disk(file)

    def _write_step(self, index: int, step: Step) -> str:
        name = f"frames/{index:06d}.jpg"
        with (self.folder / name).open("wb") as file:
            file.write(step.screenshot.read_bytes())
            _to_disk(file)
        return _line(_step_record(step, name))


def recover(out: Path, store: EpisodeSink, refusals: RefusalLog | None = None) -> int:
    """Turn the journals that crashed sessions left in `out` into episodes; return how many.

    Journals of sessions that are still running are left alone. What cannot be read is added to
    `refusals`; a journal without one readable step is set aside under another name.
    """
    refusals = RefusalLog() if refusals is None else refusals
    recovered = 0
    for folder in sorted(out.glob(f"{OPEN_PREFIX}*")):
        name = folder.name.removeprefix(OPEN_PREFIX)
        with _unless_running(folder) as free:
            if not free:
                continue
            refusals.consider()
            try:
                episode = _read(folder, name, refusals)
            except Refused as refused:
                refusals.add(name, refused.reason, refused.detail)
                folder.rename(_unused(out / f"{UNREADABLE_PREFIX}{name}"))
                continue
            store.append(episode)
            folder.rename(_unused(out / f"{RECOVERED_PREFIX}{name}"))
            recovered += 1
    return recovered


def _read(folder: Path, name: str, refusals: RefusalLog) -> Episode:
    try:
        text = (folder / EVENTS_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Refused("journal without events", str(error)) from error
    head_line, _, rest = text.partition("\n")
    steps = []
    for number, line in enumerate(rest.splitlines()):
        try:
            steps.append(_step_from(json.loads(line), folder))
        except (ValueError, KeyError, TypeError, OSError) as error:
            refusals.add(f"{name}/{number}", "unreadable journal step", f"{type(error).__name__}: {error}")
    if not steps:
        raise Refused("journal without a readable step", str(folder))
    try:
        head = json.loads(head_line)
        facts = {**head["facts"], "recovered": True}
        return Episode(str(head["id"]), str(head["goal"]), tuple(steps), facts)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("unreadable journal head", f"{type(error).__name__}: {error}") from error


def _step_record(step: Step, frame: str) -> dict[str, Any]:
    return {
        "actions": [to_record(action) for action in step.actions],
        "frame": frame,
        "target": _corners(step.target) if step.target else None,
        "elements": [
            {"box": _corners(element.box), "text": element.text, "kind": element.kind}
            for element in step.elements
        ],
        "facts": dict(step.facts),
    }


def _step_from(record: Mapping[str, Any], folder: Path) -> Step:
    if not FRAME_NAME.fullmatch(record["frame"]):
        raise ValueError(f"no name of a frame: {record['frame']!r}")
    jpeg = (folder / record["frame"]).read_bytes()
    return Step(
        screenshot=Screenshot(jpeg, size_of(jpeg)),
        actions=tuple(from_record(action) for action in record["actions"]),
        target=Box(*record["target"]) if record["target"] else None,
        elements=tuple(
            Element(Box(*element["box"]), element["text"], element["kind"])
            for element in record["elements"]
        ),
        facts=record["facts"],
    )


def with_picture(step: Step, jpeg: bytes) -> Step:
    """The same step with another picture of the same size."""
    return replace(step, screenshot=replace(step.screenshot, source=jpeg))


def _corners(box: Box) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _unused(path: Path) -> Path:
    """The path, or with a number added when it is taken: nothing recorded is overwritten."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _lock(folder: Path) -> IO[bytes] | None:
    """An open file that marks the folder as in use until its process ends; None when another has it.

    Where there is no `fcntl` (Windows), an open file cannot be renamed away, which protects it as well.
    """
    file = (folder / LOCK_FILE).open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return file
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def _unless_running(folder: Path) -> Iterator[bool]:
    lock = _lock(folder)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.close()
