"""One MDS sample becomes one episode: columns, archive, frames, actions and their pairing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from screensmith.core.actions import Action, points_of
from screensmith.core.episode import Episode, ImageSource, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.dialects import Unreadable, neko
from screensmith.readers._mds_archive import Archive, image_size, open_archive
from screensmith.readers._mds_lines import (
    ActionLine,
    Frame,
    box_of,
    frame_of,
    lines_of,
    mapping_of,
    parse_object,
    text_of,
    time_of,
)
from screensmith.readers._mds_pairing import pair
from screensmith.readers._mds_pixel_actions import action_from_pixels

FRAMES, ACTIONS, META = "frames.ndjson", "actions.ndjson", "meta.json"
NOT_AGENT_KEYS = {  # what the older dialect's meta.json holds beside the agent's own keys
    "episode_id",
    "task",
    "screen",
    "screen_size",
    "frame_count",
    "num_frames",
    "created_at",
    "started_at",
    "ended_at",
    "agent",
    "schema",
    "tool",
    "tool_version",
}


@dataclass(frozen=True, slots=True)
class Pairing:
    """How actions find their frame: "before" or "nearest", and the largest distance in seconds."""

    mode: str
    max_lag_seconds: float


@dataclass(frozen=True, slots=True)
class _Recording:
    """What all steps of one episode share."""

    id: str
    archive: Archive
    frames: Sequence[Frame]
    screen: Size | None
    pairing: Pairing
    source_of: Callable[[str], ImageSource]
    images: dict[str, Size | Refused] = field(default_factory=dict)

    def screenshot(self, frame: Frame) -> Screenshot:
        """The frame as a screenshot; raises Refused when its image is missing or corrupt."""
        if frame.member not in self.images:
            try:
                self.images[frame.member] = image_size(self.archive.read(frame.member))
            except Refused as refused:
                self.images[frame.member] = refused
        size = self.images[frame.member]
        if isinstance(size, Refused):
            raise Refused(f"frame unusable, {size.reason}", f"{frame.member} {size.detail}")
        return Screenshot(self.source_of(frame.member), size, frame.window)


def build(
    id: str,
    sample: Mapping[str, Any],
    pairing: Pairing,
    source_of: Callable[[str], ImageSource],
    log: RefusalLog,
) -> Episode:
    """The episode in one sample; its refused frames and steps are recorded in `log`.

    A step is named "<episode>#<line>", the line of actions.ndjson counted from 1.

    Raises:
        Refused: the episode as a whole cannot be used.
    """
    payload = sample.get("payload")
    if not isinstance(payload, bytes):
        raise Refused("payload missing")
    archive = open_archive(payload)
    meta = parse_object(archive.read(META)) if META in archive.names else {}
    goal = sample.get("task") or meta.get("task")
    if not isinstance(goal, str) or not goal.strip():
        raise Refused("goal empty")
    for name in (FRAMES, ACTIONS):
        if name not in archive.names:
            raise Refused(f"{name} missing")
    frames = _frames(id, archive, log)
    seen = [frame for frame in frames if not frame.final]
    recording = _Recording(id, archive, seen, _screen(sample, meta), pairing, source_of)
    steps = _steps(recording, _action_lines(id, archive.read(ACTIONS), log), log)
    facts = _facts(sample, meta)
    for frame in frames:
        if frame.final:
            facts["final_screenshot"] = recording.screenshot(frame)
    return Episode(id, goal, steps, facts)


def _frames(id: str, archive: Archive, log: RefusalLog) -> list[Frame]:
    frames = []
    for number, line in lines_of(archive.read(FRAMES)):
        try:
            if isinstance(line, Refused):
                raise line
            frames.append(frame_of(line, archive.names))
        except Refused as refused:
            log.consider()
            log.add(f"{id}#frame{number}", refused.reason, refused.detail)
    return sorted(frames, key=lambda frame: frame.time_seconds)


def _action_lines(id: str, data: bytes, log: RefusalLog) -> list[ActionLine]:
    lines = []
    for number, line in lines_of(data):
        log.consider()
        try:
            if isinstance(line, Refused):
                raise line
            lines.append(ActionLine(number, time_of(line), line))
        except Refused as refused:
            log.add(f"{id}#{number}", refused.reason, refused.detail)
    return lines  # in the order they were received, which is the order of the file


def _steps(recording: _Recording, lines: Iterable[ActionLine], log: RefusalLog) -> tuple[Step, ...]:
    steps = []
    refused_lines = 0
    previous_seconds: float | None = None
    for line in lines:
        try:
            steps.append(_step(recording, line, previous_seconds))
        except Refused as refused:
            refused_lines += 1
            log.add(f"{recording.id}#{line.number}", refused.reason, refused.detail)
        # An action that is refused was still done, so later frames must show its effect.
        previous_seconds = line.time_seconds
    if not steps:
        raise Refused(
            "no step left", f"{refused_lines} refused" if refused_lines else "no readable action line"
        )
    return tuple(steps)


def _step(recording: _Recording, line: ActionLine, previous_seconds: float | None) -> Step:
    record = line.record
    frame = _frame_seen(recording, line, previous_seconds)
    screenshot = recording.screenshot(frame)
    screen = recording.screen or screenshot.size
    actions = _actions(record, screen)
    target = box_of(record["target"], "target") if record.get("target") is not None else None
    _check_target(actions[0], target)
    facts: dict[str, Any] = dict(mapping_of(record, "facts") or {})
    facts["frame_time_seconds"] = frame.time_seconds
    facts["action_time_seconds"] = line.time_seconds
    raw = text_of(record, "raw")
    if raw:
        facts["raw"] = raw
        if _says_otherwise(raw, actions, screen):
            facts["raw_differs"] = True
    return Step(
        screenshot,
        actions,
        instruction=text_of(record, "instruction"),
        thought=text_of(record, "thought"),
        target=target,
        elements=frame.elements,
        memory=mapping_of(record, "memory"),
        memory_after=mapping_of(record, "memory_after"),
        facts=facts,
    )


def _frame_seen(recording: _Recording, line: ActionLine, previous_seconds: float | None) -> Frame:
    """The frame that the line itself names (our own recordings know it), else the paired one."""
    named = line.record.get("frame")
    if named is None:
        mode, max_lag = recording.pairing.mode, recording.pairing.max_lag_seconds
        return pair(recording.frames, line.time_seconds, previous_seconds, mode, max_lag)
    for frame in recording.frames:
        if frame.member == named:
            return frame
    raise Refused("frame missing", f"{str(named)[:80]!r} is not in {FRAMES}")


def _actions(record: Mapping[str, Any], screen: Size) -> tuple[Action, ...]:
    value = record.get("action")
    try:
        if value is None and isinstance(record.get("raw"), str):
            return neko.dialect().parse(record["raw"], screen)
        records = value if isinstance(value, list) else [value]
        if not records:
            raise Refused("no action", "an empty list")
        return tuple(_action(each, screen) for each in records)
    except (Unreadable, OverflowError) as error:
        raise Refused(str(error), str(value if value is not None else record.get("raw"))[:200]) from error


def _action(record: Any, screen: Size) -> Action:
    if not isinstance(record, dict):
        raise Refused("no action", "not an object")
    if "action" not in record and "type" in record:
        return action_from_pixels(record, screen)
    return neko.action_from_dict(record, screen)


def _says_otherwise(raw: str, actions: tuple[Action, ...], screen: Size) -> bool:
    try:
        return neko.dialect().parse(raw, screen) != actions
    except (Unreadable, OverflowError):
        return False  # chat text around the action is usual and contradicts nothing


def _check_target(action: Action, target: Box | None) -> None:
    points = points_of(action)
    if target is not None and points and not target.contains(points[0]):
        raise Refused("position outside the target", f"{points[0]} is not in {target}")


def _screen(sample: Mapping[str, Any], meta: Mapping[str, Any]) -> Size | None:
    """The recorded screen; None where it is absent or 0x0, as when the recorder did not learn it."""
    columns = {"width": sample.get("screen_w"), "height": sample.get("screen_h")}
    for value in (columns, sample.get("screen_size"), meta.get("screen"), meta.get("screen_size")):
        pair_of = [value.get("width"), value.get("height")] if isinstance(value, dict) else value
        if isinstance(pair_of, list) and len(pair_of) == 2 and all(_is_length(part) for part in pair_of):
            return Size(*pair_of)
    return None


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000


def _facts(sample: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's own keys at the top, everything else about the recording under "recording"."""
    agent = sample.get("agent", meta.get("agent"))
    facts = {key: value for key, value in meta.items() if key not in NOT_AGENT_KEYS}
    facts |= agent if isinstance(agent, dict) else {} if agent is None else {"agent": agent}
    about = {key: meta[key] for key in ("created_at", "started_at", "ended_at") if key in meta}
    about |= {
        key: value for key, value in sample.items() if key not in ("payload", "task", "episode_id", "agent")
    }
    facts["recording"] = about
    return facts
