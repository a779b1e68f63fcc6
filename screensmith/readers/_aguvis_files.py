"""Where AGUVIS's data lies: its data files, their images, and how much of each is read.

Source: formats.md 1.9.1. The hub's release has one JSON file for each part, with the images in a folder
that a mixture file may call by another name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from screensmith.readers._aguvis_sampling import ALL, Sampling, sampling_of
from screensmith.readers._folder import METADATA_ENDINGS, Folder, Names, fingerprint_of

MIXTURE_ENDINGS = (".yaml", ".yml")
CORRECTED = "_fix"  # omniact_fix.json takes the place of omniact.json
VERSIONS = ("", "-v2", "-v1")
MOST_FILES = 1000  # that braces may stand for
_LEVEL = re.compile(r"-l[123]$", re.ASCII)
_VERSION = re.compile(r"-v[12]$", re.ASCII)
_BRACES = re.compile(r"\{([^{}]*)\}")

# Folders of the release whose name does not follow from the data file's.
OTHER_FOLDERS = {
    "seeclick": ("seeclick/seeclick_web_imgs",),
    "seeclick_mi": ("seeclick/seeclick_web_imgs", "seeclick"),
    "guienv": ("guienvs/images", "guienvs"),
    "guienvs": ("guienv/images", "guienv"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One data file as it is read.

    Args:
        label: the file's name without its ending, with "~2" where the same name comes again.
        file: a JSON array, or JSON lines.
        folder: where its images are.
        sampling: which of its rows.
    """

    label: str
    file: Path
    folder: Folder
    sampling: Sampling

    @property
    def subset(self) -> str:
        """What the release calls it, for example "mind2web-l1"."""
        return self.file.stem


def parts_of(root: str, json: str = "", images: str = "", data: str = "") -> list[Part]:
    """The parts of a folder, a file, a pattern with braces, or a mixture; see `aguvis.stream`.

    Raises:
        ValueError: nothing is there, or the mixture cannot be read; says what was looked for.
    """
    place = Path(root)
    if place.suffix in MIXTURE_ENDINGS:
        return _mixture(place, images, data)
    names = Names()
    if place.is_dir():
        return [_part(file, images, names) for file in _files_in(place, json)]
    if json:
        raise ValueError(f"json={json!r} chooses a file in a folder, and {root} is no folder")
    files = [Path(name) for name in expanded(root)]
    for file in files:
        if file.suffix not in METADATA_ENDINGS or not file.is_file():
            raise ValueError(
                f"{file} is not there; a folder with data files, a .json or .jsonl file, a pattern such as "
                "part{1,2}.json, or a mixture in a .yaml file was looked for"
            )
    return [_part(file, images, names) for file in files]


def expanded(pattern: str) -> list[str]:
    """The names that a pattern with braces stands for: `a{1,2}.json` is a1.json and a2.json.

    Raises:
        ValueError: there are more than a thousand.
    """
    waiting, names = [pattern], []
    while waiting:
        name = waiting.pop()
        braces = _BRACES.search(name)
        if braces is None:
            names.append(name)
        else:
            inner = reversed(braces[1].split(","))
            waiting += [f"{name[: braces.start()]}{part.strip()}{name[braces.end() :]}" for part in inner]
        if len(waiting) + len(names) > MOST_FILES:
            raise ValueError(f"{pattern[:80]!r} stands for more than {MOST_FILES} files")
    return names


def fingerprint_parts(parts: Sequence[Part], seed: int) -> str:
    """A hash of the data files and of what is taken of each."""
    files = list(dict.fromkeys(part.file for part in parts))
    drawn = [f"{part.label} {part.sampling}" for part in parts]
    random = any(part.sampling.kind == "random" for part in parts)
    words = "\n".join([*drawn, f"seed {seed}" if random else ""])
    return f"{fingerprint_of(files)}-{hashlib.blake2b(words.encode(), digest_size=4).hexdigest()}"


def _files_in(folder: Path, json: str) -> list[Path]:
    there = sorted(path for ending in METADATA_ENDINGS for path in folder.glob(f"[!.]*{ending}"))
    stems = {path.stem for path in there}
    found = [path for path in there if json in ("", path.stem, path.name)]
    if not json:
        found = [path for path in found if f"{path.stem}{CORRECTED}" not in stems]
    if not found:
        wanted = f"{json.removesuffix('.json')}.json" if json else "data file (.json or .jsonl)"
        listed = ", ".join(sorted(stems)[:12]) or "nothing"
        raise ValueError(f"{folder} holds no {wanted}; found: {listed}")
    return found


def _part(
    file: Path, images: str, names: Names, sampling: Sampling = ALL, named: Sequence[Path] = ()
) -> Part:
    """A data file with the first folder of images that exists.

    Args:
        file: that exists.
        images: the folder that the caller named, below the file's own or anywhere.
        names: of the parts before it.
        sampling: which of its rows.
        named: the folder that a mixture names, in every place where it may be.
    """
    wanted = [images] if images else [*_spelled(named), *_usual_folders(file.stem)]
    if not images and not named:
        wanted.append(".")
    return Part(names.take(file.stem), file, Folder(file.parent, images=wanted, metadata=(".",)), sampling)


def _usual_folders(stem: str) -> list[str]:
    """Where the release has the images of a data file, the likeliest first."""
    name = _VERSION.sub("", _LEVEL.sub("", stem.removesuffix(CORRECTED)))
    folders = [*OTHER_FOLDERS.get(name, ())]
    for version in VERSIONS:
        folders += [f"{name}{version}/images", f"{name}{version}"]
    return [*folders, "images"]


def _spelled(named: Sequence[Path]) -> Iterator[str]:
    """The folders as they are named, then with another version in one of the last two names."""
    yield from map(str, named)
    for path in named:
        for place in (-1, -2):
            parts = list(path.parts)
            if len(parts) < -place or parts[place] == path.anchor:
                continue
            bare = _VERSION.sub("", parts[place])
            for version in VERSIONS:
                parts[place] = f"{bare}{version}"
                yield str(Path(*parts))


def _mixture(file: Path, images: str, data: str) -> list[Part]:
    names = Names()
    bases = [Path(data)] if data else [file.parent, file.parent.parent, Path()]
    parts: list[Part] = []
    for number, entry in enumerate(_entries(file)):
        where = f"{file}, data set {number}"
        path, below = entry.get("json_path"), entry.get("images_folder")
        if not isinstance(path, str) or not path or not isinstance(below, str | None):
            raise ValueError(f"{where}: json_path must name a file, and images_folder a folder")
        try:
            sampling = sampling_of(entry.get("sampling_strategy", "all"))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        for name in expanded(path):
            base, found = _found(name, bases, where)
            named = [(base / below).absolute(), (found.parent / below).absolute()] if below else []
            parts.append(_part(found, images, names, sampling, named))
    return parts


def _entries(file: Path) -> list[dict[str, Any]]:
    import yaml

    if not file.is_file():
        raise ValueError(f"{file} is not there; a mixture of AGUVIS data was looked for")
    try:
        value = yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no YAML: {' '.join(str(error).split())[:200]}") from error
    entries = value.get("datasets") if isinstance(value, dict) else None
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(entry, dict) for entry in entries)
    ):
        raise ValueError(
            f"{file} must hold `datasets:`, a list of json_path, images_folder and sampling_strategy"
        )
    return entries


def _found(name: str, bases: Sequence[Path], where: str) -> tuple[Path, Path]:
    """The data file as named, or else its correction or what that corrects; with the base it lies below."""
    path = Path(name)
    stem = path.stem
    other = stem.removesuffix(CORRECTED) if stem.endswith(CORRECTED) else f"{stem}{CORRECTED}"
    for candidate in (path, path.with_name(f"{other}{path.suffix}")):
        for base in bases:
            file = base / candidate
            if file.suffix in METADATA_ENDINGS and file.is_file():
                return base, file
    looked = " or ".join(str(base) for base in dict.fromkeys(bases))
    raise ValueError(f"{where}: there is no data file {name} (looked below {looked})")
