"""GUIAct: the release (web-single, web-multi, smartphone), and ShowUI's prepared form of it.

Raw: `<stage>_<split>_data.json` with images in a folder or in `<stage>_<split>_images.parquet`. Prepared:
`metadata/hf_<split>_<stage>.json` and `images/`. The steps of web-multi and smartphone are joined to
episodes by the names of their screens. Most multi-step test episodes have steps missing: each is counted,
and what comes after a gap is an episode of its own. Source: formats.md 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from screensmith.core.actions import points_of
from screensmith.core.episode import Episode, Step
from screensmith.core.geometry import Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.readers import whole
from screensmith.readers._folder import Folder, fingerprint_of, size_of, word_of
from screensmith.readers._guiact_actions import Recorded, prepared_actions, raw_actions
from screensmith.readers._guiact_images import Images
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import (
    Place,
    Row,
    assemble,
    history_of,
    locate,
    mapping_of,
    number_of,
    refused_row,
    row_of,
)

STAGES = ("web-single", "web-multi", "smartphone")
SPLITS = ("train", "test")
NAMES = {
    "showui": tuple(
        f"hf_{split}_{stage}{end}" for split in SPLITS for stage in STAGES for end in ("", "_v2")
    ),
    "raw": tuple(f"{stage}_{split}_data" for split in SPLITS for stage in STAGES),
}
IMAGES = {"showui": (".",), "raw": (".",)}
# "uid_record_00007_step_01"; each row of web-single stands for itself.
_NAME = re.compile(r"(uid_(record|episode)_.+?)_step_(\d{1,4})", re.ASCII)
_STAGE_OF = {"record": "web-multi", "episode": "smartphone"}
_SPLIT = re.compile(r"(?:^|[_-])(train|test)(?:[_-]|$)")


def stream(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    keep_non_ascii: bool = True,
    elements: bool = True,
    verify_images: bool = False,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """Every usable episode, in the order of the file; a row of web-single is an episode of one step.

    Images are looked for in `<stage>_<split>_images`, `images/<stage>_<split>`, `images/<split>` and
    `images`, in this order, then in the parquet file. Some names stand for different screens in train and
    test: only the last of these folders cannot tell them apart.

    Args:
        root: the data set's folder.
        json: the metadata file's name without ".json"; "" takes the first that exists of
            hf_{train,test}_{web-single,web-multi,smartphone}, then of the release's own.
        layout: "raw", "showui", or "auto".
        keep_non_ascii: whether to keep tasks and texts in Chinese; they are refused and counted otherwise.
        elements: whether to read the screens' elements from the parquet file where there is one.
        verify_images: also read the header of each image file, and refuse it where its size is not the
            recorded one.
        refusals: where refused rows and missing steps are recorded.

    Raises:
        ValueError: there is no such data set, its metadata file is broken, or pyarrow is needed and
            missing.
    """
    place = locate(root, json, layout, NAMES, IMAGES)
    split = _split_of(place.file)
    images = _images(place, split, elements, verify_images)
    found = (_raw if place.layout == "raw" else _prepared)(place, images, split, keep_non_ascii)
    log = RefusalLog() if refusals is None else refusals
    facts = {"dataset": "guiact", "split": split}
    return assemble(found, facts, log, restarts=False, broken_by_refusals=True)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    layout: str = "auto",
    keep_non_ascii: bool = True,
    elements: bool = True,
    verify_images: bool = False,  # noqa: ARG001
) -> str:
    """A hash of the metadata file and the options; options as in `read`."""
    hashed = fingerprint_of([locate(root, json, layout, NAMES, IMAGES).file])
    return hashed + ("" if keep_non_ascii else "-ascii") + ("" if elements else "-no-elements")


def _split_of(file: Path) -> str:
    found = _SPLIT.search(file.stem)
    return found.group(1) if found else ""


def _images(place: Place, split: str, elements: bool, verify_images: bool) -> Images:
    root = place.folder.root
    part = place.file.stem.removesuffix("_data")
    names = [f"{part}_images", f"images/{part}", *([f"images/{split}"] if split else []), "images"]
    there = [name for name in names if (root / name).is_dir()]
    places = [root / f"{part}_images.parquet", root / "images" / f"{part}_images.parquet"]
    parquet = next((path for path in places if path.is_file()), None) if place.layout == "raw" else None
    folder = there[0] if there else ""
    # A folder that only holds parquet files is none of images.
    if parquet is not None and folder == "images":
        folder = ""
    if not folder and parquet is None:
        raise ValueError(f"{root} has no folder {' or '.join(names)} and no {part}_images.parquet")
    return Images(Folder(root, images=(folder,)) if folder else None, parquet, elements, verify_images)


def _raw(place: Place, images: Images, split: str, keep_non_ascii: bool) -> Iterator[Row]:
    stage = next((stage for stage in STAGES if stage in place.file.stem), "")
    for position, (_, row) in enumerate(rows(place.file)):
        if not isinstance(row, dict):
            yield refused_row(f"row {position}", "row unreadable", repr(row)[:80])
            continue
        uid = str(row.get("uid"))
        named = _NAME.fullmatch(uid)
        if named is None and stage in _STAGE_OF.values():
            yield refused_row(f"{uid}:{position}", "uid unreadable", uid[:80])
            continue
        episode, number = (named.group(1), int(named.group(3))) if named else (f"{uid}:{position}", 0)
        facts = {"stage": _STAGE_OF[named.group(2)] if named else stage or "web-single", "uid": uid}
        yield row_of(
            f"{split or 'rows'}/{episode}:{position}" if named else f"{split or 'rows'}/{episode}",
            row.get("question"),
            (episode, number),
            partial(_raw_step, row, images, facts, keep_non_ascii),
        )


def _raw_step(
    row: Mapping[str, Any], images: Images, facts: Mapping[str, Any], keep_non_ascii: bool
) -> Step:
    recorded_size = mapping_of(row.get("image_size"), "image size")
    size = size_of([recorded_size.get("width"), recorded_size.get("height")])
    recorded = raw_actions(row.get("actions_label"), size)
    image = row.get("image_id")
    step_facts = dict(facts)
    step = _step(images, image, size, recorded, row.get("thoughts"), step_facts)
    _check_alphabet(row.get("question"), recorded, keep_non_ascii)
    elements = images.elements(image, size)
    if elements is not None:
        step_facts["elements"] = elements
    return step


def _prepared(place: Place, images: Images, split: str, keep_non_ascii: bool) -> Iterator[Row]:
    stage = next((stage for stage in STAGES if stage in place.file.stem), "")
    for position, (_, row) in enumerate(rows(place.file)):
        if not isinstance(row, dict):
            yield refused_row(f"row {position}", "row unreadable", repr(row)[:80])
            continue
        uid = str(row.get("img_url"))
        named = _NAME.fullmatch(uid.removesuffix(".png").removesuffix(".jpg"))
        # `id` says web-single for all stages and `step_id` counts rows, so only the image's name tells.
        episode, number = (named.group(1), int(named.group(3))) if named else (f"{uid}:{position}", 0)
        if named is None:
            number = len(history_of(row))
        facts = {"stage": _STAGE_OF[named.group(2)] if named else stage or "web-single", "uid": uid}
        yield row_of(
            f"{split or 'rows'}/{episode}:{position}" if named else f"{split or 'rows'}/{episode}",
            row.get("task"),
            (episode, number),
            partial(_prepared_step, row, images, facts, keep_non_ascii),
            partial(_earlier, row, images, facts, keep_non_ascii),
        )


def _prepared_step(
    row: Mapping[str, Any], images: Images, facts: Mapping[str, Any], keep_non_ascii: bool
) -> Step:
    size = size_of(row.get("img_size"))
    recorded = prepared_actions(row["step"] if row.get("step") is not None else dict(row), size)
    _check_alphabet(row.get("task"), recorded, keep_non_ascii)
    return _step(images, row.get("img_url"), size, recorded, row.get("thought"), dict(facts))


def _earlier(
    row: Mapping[str, Any], images: Images, facts: Mapping[str, Any], keep_non_ascii: bool
) -> list[Row]:
    """The row's own history: whole rows (web), or actions with their image (smartphone)."""
    found = []
    for place, recorded in enumerate(history_of(row)):
        record = recorded if isinstance(recorded, dict) else {}
        named = _NAME.fullmatch(str(record.get("img_url")))
        number = number_of(named.group(3)) if named else place
        whole = {"img_size": row.get("img_size"), "task": row.get("task"), **record}
        step_facts = {**facts, "uid": record.get("img_url")}
        build = partial(_prepared_step, whole, images, step_facts, keep_non_ascii)
        found.append(row_of("", row.get("task"), ("", number), build))
    return found


def _check_alphabet(task: Any, recorded: Sequence[Recorded], keep_non_ascii: bool) -> None:
    if keep_non_ascii:
        return
    for text in (task, *(action.text for action in recorded)):
        if isinstance(text, str) and not text.isascii():
            raise Refused("text not in ASCII", text[:80])


def _step(
    images: Images,
    image: Any,
    size: Size,
    recorded: Sequence[Recorded],
    thought: Any,
    facts: dict[str, Any],
) -> Step:
    """The step; `facts` gets the box of each action."""
    actions = tuple(action.action for action in recorded)
    facts["action_boxes"] = [
        None if box is None else [box.left, box.top, box.right, box.bottom]
        for box in (action.box for action in recorded)
    ]
    if any(action.name == "select" for action in recorded):
        facts["select_box"] = "list"  # the box is the list's, nobody recorded where the option is
    target = recorded[0].box if len(points_of(actions[0])) == 1 else None
    return Step(
        images.screenshot(image, size),
        actions,
        thought=word_of(thought, "thought"),
        target=target,
        facts=facts,
    )
