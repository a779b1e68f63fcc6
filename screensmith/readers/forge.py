"""The forge's processed JSON lines: an image, an instruction, an action, and on stage 2 a thought.

A line is `{"image_path", "instruction", "action"[, "thought"]}`; the action is calls of the forge's API
joined by a space, with named or positional arguments, read by the dialect "forge" and never run.
Source: formats.md 1.10.

Lines that `screensmith convert --to forge` wrote say more: "episode" and "step" (from 0) join them to
episodes, "source", "bbox" (left, top, right, bottom in fractions), "kind" and "step_instruction" keep what
the source had, and so do the keys of `KEPT`, which become facts of the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from screensmith.core.actions import Action
from screensmith.core.episode import Episode, Screenshot
from screensmith.core.geometry import Box
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.dialects import Dialect, Unreadable, forge
from screensmith.readers import whole
from screensmith.readers._folder import (
    Folder,
    box_of_fractions,
    edges_of,
    fingerprint_of,
    sentence_of,
    word_of,
)
from screensmith.readers._forge_lines import Assembly, Line, box_with
from screensmith.readers._image_headers import quick_size
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import mapping_of, number_of

DATASET = "forge"
STAGE_FILES: Mapping[int, str] = {1: "stage1_grounding", 2: "stage2_reasoning"}
STAGE_WORDS = {1: ("stage1", "grounding"), 2: ("stage2", "reasoning")}
RAW = "../raw"
KEPT: Mapping[str, type] = {
    "subset": str,
    "row": int,
    "level": str,
    "observation": str,
    "action_text": str,
    "unlabelled": str,
    "previous_actions": list,
    "previous_image": str,
    "missing_before": int,
}


def stream(
    root: str,
    *,
    json: str = "",
    stage: int = 0,
    images: str = "",
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """The episodes in the order of the files, one in memory at a time.

    On stage 1, clicks on one screenshot in lines that follow each other are one episode of one step with
    those elements; an answer that is no single click is an episode of its own. On stage 2, lines of the
    same "episode" with the next "step" each are one episode, and a line without is one by itself.

    Args:
        root: a folder with stage1_grounding.jsonl or stage2_reasoning.jsonl (both are read where `stage`
            names none), or a .jsonl file.
        json: the name, without ".jsonl", of the one file that is read in a folder.
        stage: 1 or 2; 0 goes by the file's name: "stage2" or "reasoning" in it, "stage1" or "grounding".
        images: the folder that image paths start from, below the file's own or anywhere; by default the
            file's own where it has a folder images/ as `convert` writes it, else `../raw`, else its own.
        refusals: where unusable lines are recorded, as "FILE:LINE", from 0; every line is considered.

    Raises:
        ValueError: there is no such file or folder, a file is broken, or nothing tells its stage.
    """
    files = _files(root, json, stage)
    folder = _folder(files[0][0].parent, images)
    return _stream(files, folder, RefusalLog() if refusals is None else refusals)


read = whole(stream)


def fingerprint(root: str, *, json: str = "", stage: int = 0, images: str = "") -> str:
    """A hash of the files that would be read and their stages; options as in `stream`."""
    files = _files(root, json, stage)
    _folder(files[0][0].parent, images)
    return f"{fingerprint_of(file for file, _ in files)}-{''.join(str(stage) for _, stage in files)}"


def _folder(root: Path, images: str) -> Folder:
    if images:
        return Folder(root, images=(images,), metadata=(".",))
    own = (root / "images").is_dir()
    return Folder(root, images=(".",) if own else (RAW, "."), metadata=(".",))


def _files(root: str, json: str, stage: int) -> list[tuple[Path, int]]:
    """The files to read, each with its stage."""
    if stage not in (0, 1, 2):
        raise ValueError(f"stage must be 1, 2, or 0 to go by the file's name, got {stage!r}")
    place = Path(root)
    if place.is_file():
        return [(place, stage or _stage_of(place))]
    wanted = [json.removesuffix(".jsonl")] if json else [STAGE_FILES[s] for s in (1, 2) if stage in (0, s)]
    files = [place / f"{name}.jsonl" for name in wanted]
    found = [file for file in files if file.is_file()]
    if not found:
        there = ", ".join(sorted(path.name for path in place.glob("*.jsonl"))[:12]) or "nothing"
        raise ValueError(
            f"{place} holds no {' or '.join(file.name for file in files)}; JSON lines there: {there}"
        )
    return [(file, stage or _stage_of(file)) for file in found]


def _stage_of(file: Path) -> int:
    for stage in (2, 1):
        if any(word in file.stem for word in STAGE_WORDS[stage]):
            return stage
    raise ValueError(f"the name of {file} does not tell the stage; say stage=1 or stage=2")


def _stream(files: Sequence[tuple[Path, int]], folder: Folder, log: RefusalLog) -> Iterator[Episode]:
    assembly = Assembly(DATASET)
    for file, stage in files:
        reading = _Reading(folder, stage)
        for number, (_, row) in enumerate(rows(file)):
            log.consider()
            id = f"{file.stem}:{number}"
            try:
                line = reading.line(id, row)
            except Refused as refused:
                log.add(id, refused.reason, refused.detail)
                continue
            yield from assembly.add(line)
        yield from assembly.finish()


class _Reading:
    """The lines of one file."""

    def __init__(self, folder: Folder, stage: int) -> None:
        self._folder = folder
        self._stage = stage
        self._dialect: Dialect = forge.dialect()
        self._latest: tuple[Any, Screenshot] | None = None

    def line(self, id: str, row: Any) -> Line:
        """What a line says.

        Raises:
            Refused: it cannot be used.
        """
        record = mapping_of(row, "row")
        instruction = sentence_of(record.get("instruction"), "instruction")
        answer = sentence_of(record.get("action"), "action")
        screenshot = self._screenshot(record.get("image_path"))
        try:
            actions = self._dialect.parse(answer, screenshot.size)
        except Unreadable as error:
            raise Refused(f"action unreadable: {error}", answer[:80]) from error
        return Line(
            name=id,
            stage=self._stage,
            image=str(record["image_path"]),
            instruction=instruction,
            screenshot=screenshot,
            actions=actions,
            thought=word_of(record.get("thought"), "thought"),
            episode=word_of(record.get("episode"), "episode"),
            step=0 if record.get("step") is None else number_of(record["step"]),
            step_instruction=word_of(record.get("step_instruction"), "step_instruction"),
            kind=word_of(record.get("kind"), "kind"),
            source=word_of(record.get("source"), "source"),
            box=_box(record.get("bbox"), screenshot, actions),
            facts=_facts(record),
        )

    def _screenshot(self, name: Any) -> Screenshot:
        # Lines of one screenshot follow each other: its header is read once.
        if self._latest is None or self._latest[0] != name:
            path = self._folder.image(name)
            self._latest = name, Screenshot(path, quick_size(path))
        return self._latest[1]


def _box(value: Any, screenshot: Screenshot, actions: tuple[Action, ...]) -> Box | None:
    if value is None:
        return None
    return box_with(box_of_fractions(edges_of(value), screenshot.size), actions)


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for key, kind in KEPT.items():
        value = record.get(key)
        if value is None:
            continue
        texts = value if kind is list else [value] if kind is str else []
        if not isinstance(value, kind) or isinstance(value, bool) or not isinstance(texts, list):
            raise Refused(f"{key} unreadable", repr(value)[:80])
        for text in texts:
            if not isinstance(text, str):
                raise Refused(f"{key} unreadable", repr(text)[:80])
            word_of(text, key)
        facts[key] = value
    return facts
