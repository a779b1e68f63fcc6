"""What is known of each screenshot that `screensmith predict` walks, from JSON files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from screensmith.cli._parser import UsageError
from screensmith.core.refusals import Refused

Grounding = Mapping[str, Any]


def grounding_of(given: Path, pictures: Sequence[Path]) -> dict[str, Grounding]:
    """What is known of the pictures, by their names; those without it are not in it.

    Args:
        given: a folder with `step1.json` or `step1.png.json` for `step1.png`; or a JSON file with an object
            that has each picture's name as a key.
        pictures: the screenshots.

    Raises:
        UsageError: there is no such place, a file of it cannot be read, or it knows none of the pictures.
    """
    if given.is_dir():
        found = {picture.name: _of_picture(given, picture) for picture in pictures}
        needed = f"{pictures[0].stem}.json or {pictures[0].name}.json"
    elif given.is_file():
        held = _object_in(given)
        found = {picture.name: held.get(picture.name) for picture in pictures}
        needed = f"the key {pictures[0].name!r}"
    else:
        raise UsageError(f"--grounding: there is no file or folder {given}")
    known = {name: value for name, value in found.items() if value is not None}
    for name, value in known.items():
        if not isinstance(value, Mapping):
            raise UsageError(f"--grounding: {given}: {name} must be an object, got {type(value).__name__}")
    if not known:
        raise UsageError(f"--grounding: {given} knows none of the screenshots: it needs {needed}")
    return known


def _of_picture(folder: Path, picture: Path) -> Grounding | None:
    for name in (f"{picture.name}.json", f"{picture.stem}.json"):
        if (folder / name).is_file():
            return _object_in(folder / name)
    return None


def _object_in(file: Path) -> dict[str, Any]:
    from screensmith.readers._task_results_cells import object_of

    try:
        return object_of(file.read_text("utf-8-sig"), "grounding")
    except (Refused, OSError, UnicodeDecodeError) as error:
        why = error.detail if isinstance(error, Refused) else error
        raise UsageError(f"--grounding: {file}: {why}") from error
