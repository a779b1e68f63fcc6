r"""SeeClick's JSON: conversations about screenshots, and the lists of elements it makes some of.

A row is `{"id", "conversations": [{"from": "user", "value": "Picture 1: <img>PATH</img>\n" + request},
{"from": "assistant", "value": answer}]}`; or `{"img_filename", "elements": [{"instruction", "bbox",
"data_type"}]}`; or `{"img_filename", "instruction", "bbox"}`, boxes as left, top, right, bottom in
fractions.

A conversation does not say to which episode it belongs and where in it, so each of its answers is an
episode of one step; what it tells of earlier actions is in the facts. Source: formats.md 1.8, 2.6 and 3.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from screensmith.core.actions import Action, Click
from screensmith.core.episode import Element, Episode, Screenshot, Step
from screensmith.core.geometry import Box, Size
from screensmith.core.refusals import RefusalLog, Refused
from screensmith.dialects import Dialect, Unreadable, seeclick
from screensmith.readers import whole
from screensmith.readers._folder import (
    METADATA_ENDINGS,
    Folder,
    box_of_fractions,
    edges_of,
    fingerprint_of,
    image_size,
    sentence_of,
    word_of,
)
from screensmith.readers._json_rows import rows
from screensmith.readers._navigation import mapping_of, point_of
from screensmith.readers._showui_elements import episode_of, refuse_singly

DATASET = "seeclick"
LONGEST_NAME = 60
_IMAGE = re.compile(r"\s*(?:Picture \d+:\s*)?<img>(?P<path>[^<>\n]+)</img>\s*")
_GOAL = re.compile(r"Instruction: (?P<goal>.*?)\.? *Previous actions: ?(?P<before>.*)", re.DOTALL)
_PLACE = re.compile(r"\(\s*\d(?:\.\d+)?(?:\s*,\s*\d(?:\.\d+)?){1,3}\s*\)", re.ASCII)
_ASKER, _ANSWERER = ("user", "human"), ("assistant", "gpt")


def stream(
    root: str,
    *,
    json: str = "",
    images: str = "",
    space: seeclick.SpaceName = "aitw",
    filter_names: bool = True,
    refusals: RefusalLog | None = None,
) -> Iterator[Episode]:
    """The episodes in the order of the file, one row in memory at a time.

    Args:
        root: the folder with the JSON file.
        json: the file's name without ".json"; "" takes the only one there is.
        images: the folder of the images, below `root` or anywhere; "" takes images/ or `root` itself. A
            path in the file that leads elsewhere is looked for there by its last parts.
        space: what the numbers of actions mean: "aitw", "mind2web" or "miniwob". An answer that is only a
            point or a box is a click.
        filter_names: refuse names of elements that SeeClick leaves out: longer than 60 characters, not
            ASCII, or with a brace in them.
        refusals: where refused answers, screens and elements are recorded; all count as considered.

    Raises:
        ValueError: there is no such file or folder, or the file is broken.
    """
    folder, file = _find(root, json, images)
    dialect = seeclick.dialect(space=space)
    log = RefusalLog() if refusals is None else refusals
    return _stream(folder, file, dialect, filter_names, log)


read = whole(stream)


def fingerprint(
    root: str,
    *,
    json: str = "",
    images: str = "",
    space: seeclick.SpaceName = "aitw",
    filter_names: bool = True,
) -> str:
    """A hash of the JSON file and the options; options as in `read`."""
    hashed = fingerprint_of([_find(root, json, images)[1]])
    return f"{hashed}-{space}{'' if filter_names else '-all'}"


def _find(root: str, json: str, images: str) -> tuple[Folder, Path]:
    folder = Folder(root, images=(images,) if images else ("images", "."), metadata=(".", "metadata"))
    if json:
        return folder, folder.metadata((json,))
    there = sorted(
        path
        for place in folder.metadata_folders
        for ending in METADATA_ENDINGS
        for path in place.glob(f"*{ending}")
    )
    if len(there) != 1:
        found = ", ".join(path.stem for path in there[:12]) or "nothing"
        raise ValueError(f"{root} should hold one JSON file, or say with json= which; found: {found}")
    return folder, there[0]


def _stream(
    folder: Folder, file: Path, dialect: Dialect, filter_names: bool, log: RefusalLog
) -> Iterator[Episode]:
    for position, (_, row) in enumerate(rows(file)):
        if isinstance(row, dict) and isinstance(row.get("conversations"), list):
            yield from _answers(folder, dialect, position, row, log)
            continue
        log.consider()
        id = f"{row.get('img_filename') if isinstance(row, dict) else 'row'}:{position}"
        try:
            yield _screen(folder, id, mapping_of(row, "row"), filter_names, log)
        except Refused as refused:
            log.add(id, refused.reason, refused.detail)


def _screen(
    folder: Folder, id: str, row: Mapping[str, Any], filter_names: bool, log: RefusalLog
) -> Episode:
    single = "instruction" in row and "bbox" in row
    entries = [row] if single else row.get("elements")
    if not isinstance(entries, list):
        raise Refused("neither conversation nor elements", f"its keys are {', '.join(row)[:80]}")
    path = _image(folder, row.get("img_filename"))
    screenshot = Screenshot(path, image_size(path))
    build = partial(_element, size=screenshot.size, filter_names=filter_names)
    # The one element of a row is the row: it is counted and refused once.
    elements = [build(row)] if single else refuse_singly(id, entries, build, log)
    return episode_of(id, DATASET, screenshot, elements)


def _element(entry: Any, size: Size, filter_names: bool) -> Element:
    name = sentence_of(entry.get("instruction"), "name")
    if filter_names and len(name) > LONGEST_NAME:
        raise Refused("name too long", name[:80])
    if filter_names and (not name.isascii() or "{" in name or "}" in name):
        raise Refused("name not plain text", name)
    box = box_of_fractions(edges_of(entry.get("bbox")), size)
    return Element(box, name, word_of(entry.get("data_type"), "data_type"))


def _answers(
    folder: Folder, dialect: Dialect, position: int, row: Mapping[str, Any], log: RefusalLog
) -> Iterator[Episode]:
    """An episode for each question with its answer; all are about the first question's image."""
    turns = row["conversations"]
    shown: Callable[[], Screenshot] | None = None
    for number in range(0, max(len(turns), 1), 2):
        id = f"{row.get('id')}:{position}" + (f".{number // 2}" if len(turns) > 2 else "")
        log.consider()
        try:
            asked, answer = _said(turns, number)
            image = _IMAGE.match(asked)
            if image is not None:
                shown = partial(_screenshot, folder, image["path"])
            if shown is None:
                raise Refused("image not named", asked[:80])
            rest = asked[image.end() :] if image is not None else asked
            yield _episode(id, rest, answer, shown(), dialect)
        except Refused as refused:
            log.add(id, refused.reason, refused.detail)


def _said(turns: Sequence[Any], number: int) -> tuple[str, str]:
    texts = []
    for place, speakers in ((number, _ASKER), (number + 1, _ANSWERER)):
        turn = turns[place] if place < len(turns) else None
        speaker = turn.get("from") if isinstance(turn, dict) else None
        if not isinstance(turn, dict) or speaker not in speakers:
            raise Refused("turn missing", f"turn {place} should be the {speakers[0]}'s")
        texts.append(sentence_of(turn.get("value"), "turn"))
    return texts[0], texts[1]


def _screenshot(folder: Folder, name: str) -> Screenshot:
    path = _image(folder, name)
    return Screenshot(path, image_size(path))


def _image(folder: Folder, name: Any) -> Path:
    """The image by the longest end of its path that exists: the path is another machine's."""
    if not isinstance(name, str):
        return folder.image(name)
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "/"]
    for start in range(len(parts)):
        try:
            return folder.image("/".join(parts[start:]))
        except Refused as refused:
            if refused.reason != "image missing":
                raise
    raise Refused("image missing", name[:200])


def _episode(id: str, request: str, answer: str, screenshot: Screenshot, dialect: Dialect) -> Episode:
    asked = _GOAL.search(request)
    goal = sentence_of(asked["goal"] if asked else request, "goal").strip()
    actions, target = _actions(answer, screenshot.size, dialect)
    before = asked["before"].strip() if asked else ""
    facts = {"previous_actions": before} if before else {}
    return Episode(id, goal, (Step(screenshot, actions, target=target, facts=facts),), {"dataset": DATASET})


def _actions(answer: str, size: Size, dialect: Dialect) -> tuple[tuple[Action, ...], Box | None]:
    text = answer.strip()
    if _PLACE.fullmatch(text):
        numbers = [float(number) for number in text.strip("()").split(",")]
        if len(numbers) == 2:
            return (Click(point_of(numbers, size)),), None
        box = box_of_fractions(edges_of(numbers), size)
        return (Click(box.centre),), box
    try:
        return dialect.parse(text, size), None
    except Unreadable as error:
        raise Refused(f"answer unreadable: {error}", answer[:80]) from error
