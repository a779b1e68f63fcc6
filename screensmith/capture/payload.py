"""An episode as one sample of the first on-disk dialect: columns, and a zip archive of its steps."""

from __future__ import annotations

import io
import json
import math
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.dialects.neko import action_to_dict

COLUMNS: Mapping[str, str] = {
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
SCHEMA = {
    "frames": "frames/NNNNNN.jpg, JPEG",
    "frames_index": "frames.ndjson: i, ts (epoch seconds), file; optional elements, window, final",
    "actions": "actions.ndjson: ts (epoch seconds), action; optional raw, frame, target, instruction, "
    "thought, memory, facts",
}
OWN_STEP_FACTS = ("frame_time_seconds", "action_time_seconds", "raw_differs")
OWN_EPISODE_FACTS = ("recording", "final_screenshot")
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same episode gives the same bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """When a step's frame was taken and its action done, in epoch seconds."""

    frame_seconds: float
    action_seconds: float


def sample_of(episode: Episode, screen: Size | None, jpeg_quality: int) -> dict[str, Any]:
    """The episode's columns, the archive among them.

    Step facts "frame_time_seconds" and "action_time_seconds" give the times; where a step has neither,
    it is put one second after the step before. "raw" is kept beside its action, other facts under "facts".

    Raises:
        ValueError: the episode has no steps, or facts that are not JSON.
    """
    if not episode.steps:
        raise ValueError(f"episode {episode.id}: it has no steps, so there is nothing to store")
    moments = moments_of(episode.steps)
    final = episode.facts.get("final_screenshot")
    shots = [step.screenshot for step in episode.steps]
    frames = [_frame_line(n, moments[n].frame_seconds, step) for n, step in enumerate(episode.steps)]
    if isinstance(final, Screenshot):
        shots.append(final)
        ended = moments[-1].action_seconds + 1.0
        frames.append({"i": len(frames), "ts": ended, "file": frame_name(len(frames)), "final": True})
    actions = [_action_line(n, moments[n].action_seconds, step) for n, step in enumerate(episode.steps)]
    size = screen or episode.steps[0].screenshot.size
    agent = {key: value for key, value in episode.facts.items() if key not in OWN_EPISODE_FACTS}
    recorded = episode.facts.get("recording")
    recorded = recorded if isinstance(recorded, Mapping) else {}
    columns: dict[str, Any] = {
        "episode_id": episode.id,
        "task": episode.goal,
        "num_frames": len(frames),
        "num_actions": len(actions),
        "started_at": str(recorded.get("started_at") or utc_text(moments[0].frame_seconds)),
        "ended_at": str(recorded.get("ended_at") or utc_text(moments[-1].action_seconds)),
        "screen_w": size.width,
        "screen_h": size.height,
        "agent": agent,
    }
    columns["payload"] = _archive(episode.id, columns, frames, actions, shots, jpeg_quality)
    return columns


def moments_of(steps: Sequence[Step]) -> list[Moment]:
    """The times of all steps: as recorded where they are, else one second apart."""
    moments: list[Moment] = []
    clock = time.time()
    for step in steps:
        frame = _seconds(step.facts.get("frame_time_seconds"))
        action = _seconds(step.facts.get("action_time_seconds"))
        start = next((moment for moment in (frame, action) if moment is not None), clock)
        moment = Moment(start if frame is None else frame, start if action is None else action)
        moments.append(moment)
        clock = moment.action_seconds + 1.0
    return moments


def jpeg_of(screenshot: Screenshot, quality: int) -> bytes:
    """The screenshot as JPEG: its own bytes when it is one, else encoded at this quality."""
    from PIL import Image

    data = screenshot.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        if image.format == "JPEG":
            return data
        # A transparent place shows white, as a browser paints it.
        rgba = image.convert("RGBA")
        opaque = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    buffer = io.BytesIO()
    opaque.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def frame_name(number: int) -> str:
    """The archive member of a frame."""
    return f"frames/{number:06d}.jpg"


def utc_text(seconds: float) -> str:
    """Epoch seconds as the format writes a time: UTC, to the second, without a zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _frame_line(number: int, seconds: float, step: Step) -> dict[str, Any]:
    line: dict[str, Any] = {"i": number, "ts": seconds, "file": frame_name(number)}
    if step.elements:
        line["elements"] = [_element(element) for element in step.elements]
    if step.screenshot.window is not None:
        line["window"] = _box(step.screenshot.window)
    return line


def _action_line(number: int, seconds: float, step: Step) -> dict[str, Any]:
    records = [action_to_dict(action) for action in step.actions]
    line: dict[str, Any] = {"ts": seconds, "action": records[0] if len(records) == 1 else records}
    facts = {key: value for key, value in step.facts.items() if key not in OWN_STEP_FACTS}
    if isinstance(facts.get("raw"), str) and facts["raw"]:
        line["raw"] = facts.pop("raw")
    line["frame"] = frame_name(number)
    optional: dict[str, Any] = {
        "target": None if step.target is None else _box(step.target),
        "instruction": step.instruction or None,
        "thought": step.thought or None,
        "memory": None if step.memory is None else dict(step.memory),
        "memory_after": None if step.memory_after is None else dict(step.memory_after),
        "facts": facts or None,
    }
    return line | {key: value for key, value in optional.items() if value is not None}


def _archive(
    id: str,
    columns: Mapping[str, Any],
    frames: Sequence[Mapping[str, Any]],
    actions: Sequence[Mapping[str, Any]],
    shots: Sequence[Screenshot],
    jpeg_quality: int,
) -> bytes:
    meta = {
        "episode_id": id,
        "task": columns["task"],
        "started_at": columns["started_at"],
        "ended_at": columns["ended_at"],
        "screen": {"width": columns["screen_w"], "height": columns["screen_h"]},
        "num_frames": len(frames),
        "agent": columns["agent"],
        "schema": SCHEMA,
        "tool": "screensmith",
        "tool_version": "1.0",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:

        def add(name: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), data)

        add("meta.json", _json(id, meta))
        add("frames.ndjson", b"".join(_json(id, line) + b"\n" for line in frames))
        add("actions.ndjson", b"".join(_json(id, line) + b"\n" for line in actions))
        for number, shot in enumerate(shots):
            add(frame_name(number), jpeg_of(shot, jpeg_quality))
    return buffer.getvalue()


def _json(id: str, value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ValueError(f"episode {id}: its facts cannot be stored as JSON ({error})") from error


def _element(element: Element) -> dict[str, Any]:
    record = {"box": _box(element.box), "text": element.text, "kind": element.kind}
    if element.point is not None:
        record["point"] = [element.point.x, element.point.y]
    return record


def _box(box: Box) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]
