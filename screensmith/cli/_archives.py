"""Archives of a fetched data set unpacked beside themselves: zip, tar, and tar in several parts.

Members are written one by one, whole or not at all, so an interrupted run is continued: what is there
already is compared and not written again. Nothing is written over.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

BLOCK_BYTES = 1024**2
DONE = ".unpacked"
_PART = re.compile(r"(?P<whole>.+\.(?:tar|tar\.gz|tgz|zip))\.part[_-]?(?P<place>[a-z]+|\d+)")
_ARCHIVE = re.compile(r".+\.(?:tar|tar\.gz|tgz|zip)")


class ArchiveProblem(RuntimeError):
    """An archive that cannot be unpacked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive: its name, and the paths of its parts in order, below the data set's folder."""

    name: str
    parts: tuple[str, ...]


def archives_in(paths: Sequence[str]) -> list[Archive]:
    """The archives among files of a data set, sorted by name.

    Raises:
        ArchiveProblem: a part in the middle or at the beginning is missing.
    """
    found = {path: [path] for path in paths if _ARCHIVE.fullmatch(path)}
    places: dict[str, dict[int, str]] = {}
    for path in paths:
        part = _PART.fullmatch(path)
        if part is not None:
            places.setdefault(part["whole"], {})[_place(part["place"])] = path
    for whole, parts in places.items():
        first = min(parts)
        numbers = range(first, first + len(parts))
        if first > 1 or sorted(parts) != list(numbers):
            raise ArchiveProblem(
                f"{whole}: its {len(parts)} parts do not follow each other; fetch all of them"
            )
        found[whole] = [parts[number] for number in numbers]
    return [Archive(name, tuple(parts)) for name, parts in sorted(found.items())]


def unpack(folder: Path, archive: Archive, digest: str, advance: Callable[[int], object]) -> int | None:
    """Unpack one archive into its own folder; returns how many files it holds, None if it was done before.

    Args:
        folder: of the data set.
        archive: whose parts are there and right.
        digest: of its content; an archive of this digest is unpacked once.
        advance: told how many bytes of members were looked at.

    Raises:
        ArchiveProblem: it is broken, a member would lie outside of the folder or is a link, or another file
            has a member's name.
    """
    done = _done(folder)
    if done.get(archive.name) == digest:
        return None
    target = (folder / archive.name).parent
    count = 0
    try:
        for name, member in _members(folder, archive):
            _write(target, archive, name, member, advance)
            count += 1
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ArchiveProblem(
            f"{archive.name} is broken ({' '.join(str(error).split()) or type(error).__name__}); "
            "fetch it again, and all of its parts"
        ) from error
    new = folder / f"{DONE}.new"
    new.write_text(json.dumps({**_done(folder), archive.name: digest}, indent=1) + "\n", "utf-8")
    new.replace(folder / DONE)
    return count


class _Joined(io.RawIOBase):
    """Files read as one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._paths = list(paths)
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file at hand goes."""
        while True:
            if self._file is None:
                if not self._paths:
                    return 0
                self._file = self._paths.pop(0).open("rb")
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the file at hand."""
        if self._file is not None:
            self._file.close()
        super().close()


def _members(folder: Path, archive: Archive) -> Iterator[tuple[str, IO[bytes]]]:
    """Each file in the archive with its name, after checks of the name and the kind."""
    paths = [folder / part for part in archive.parts]
    with ExitStack() as stack:
        if archive.name.endswith(".zip"):
            if len(paths) > 1:
                raise ArchiveProblem(f"{archive.name} is a zip file in parts; join them, then unpack it")
            yield from _zipped(archive, stack.enter_context(zipfile.ZipFile(paths[0])))
            return
        stream: Any = stack.enter_context(io.BufferedReader(_Joined(paths), BLOCK_BYTES))
        if not archive.name.endswith(".tar"):
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r|"))
        for member in tar:
            if member.isdir():
                continue
            if not member.isreg():
                raise _unsafe(archive, member.name, "a link or device")
            content = tar.extractfile(member)
            if content is not None:
                yield _safe(archive, member.name), content
        while stream.read(BLOCK_BYTES):  # to the end, where the checksum is compared
            pass


def _zipped(archive: Archive, file: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in file.infolist():
        if member.is_dir():
            continue
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 1:
            raise _unsafe(archive, member.filename, "a link or encrypted")
        with file.open(member) as content:
            yield _safe(archive, member.filename), content


def _safe(archive: Archive, name: str) -> str:
    path = PurePosixPath(name)
    odd = any(sign in name for sign in ("\\", "\0")) or ":" in name.partition("/")[0]
    if not path.parts or path.is_absolute() or ".." in path.parts or odd:
        raise _unsafe(archive, name, "which leads out of its folder")
    return str(path)


def _unsafe(archive: Archive, name: str, why: str) -> ArchiveProblem:
    return ArchiveProblem(f"{archive.name} holds {name!r}, {why}; it is not unpacked any further")


def _write(
    folder: Path, archive: Archive, name: str, content: IO[bytes], advance: Callable[[int], object]
) -> None:
    path = folder / name
    if not path.parent.resolve().is_relative_to(folder.resolve()):  # through a link that was there
        raise ArchiveProblem(f"{path.parent} leads out of {folder} through a link; remove it")
    if os.path.lexists(path):
        _compare(path, archive, content, advance)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveProblem(f"{archive.name} holds {name!r}, but a part of this path is a file") from error
    new = path.with_name(f".{path.name[:200]}.new")
    with new.open("wb") as file:
        while block := content.read(BLOCK_BYTES):
            file.write(block)
            advance(len(block))
    new.replace(path)


def _compare(path: Path, archive: Archive, content: IO[bytes], advance: Callable[[int], object]) -> None:
    same = path.is_file() and not path.is_symlink()
    if same:
        with path.open("rb") as file:
            while block := content.read(BLOCK_BYTES):
                same = same and file.read(len(block)) == block
                advance(len(block))
            same = same and not file.read(1)
    if not same:
        raise ArchiveProblem(f"{path} is there and is not what {archive.name} holds; move it away")


def _done(folder: Path) -> dict[str, str]:
    try:
        value = json.loads((folder / DONE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _place(letters: str) -> int:
    """The number of a part: of aa, ab, ... or 00, 01, ..."""
    if letters.isdigit():
        return int(letters)
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("a")
    return place
