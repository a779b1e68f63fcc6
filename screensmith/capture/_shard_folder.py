"""The files of an MDS folder under writers that may die: its lock, its index and its hidden folders."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from screensmith.readers import _mds_shards as shards

LOCK_NAME, OWNER_NAME, JOURNAL_NAME = ".lock", "owner.lock", ".compacting.json"
WRITING_PREFIX, JOINING_PREFIX = ".writing-", ".joining-"


def recover(out: Path) -> None:
    """Finish or undo a joining that was interrupted: remove its old files, or its unused new ones.

    Files go only when the index names all of those that replace them; in any other case (somebody
    changed the index) nothing is removed.
    """
    path = out / JOURNAL_NAME
    if not path.is_file():
        return
    used = {file_of(entry) for entry in entries_of(out)}
    journal = json.loads(path.read_text(encoding="utf-8"))
    old, new = set(journal["old"]), set(journal["new"])
    superfluous = old if new <= used else new if old <= used else set()
    for name in superfluous - used:
        if re.fullmatch(r"shard\.\d+\.mds[.a-z0-9]*", name):
            (out / name).unlink(missing_ok=True)
    path.unlink()


def entries_of(out: Path) -> tuple[shards.Entry, ...]:
    """The folder's index, empty where there is none yet; raises shards.NotMds where it is unreadable."""
    if not (out / shards.INDEX_NAME).exists():
        return ()
    return shards.read_index(shards.Place(str(out), out))


def replace_index(out: Path, entries: Sequence[shards.Entry]) -> None:
    """Write the index anew in one step."""
    replace_text(out / shards.INDEX_NAME, {"version": 2, "shards": list(entries)})


def replace_text(path: Path, value: Any) -> None:
    """Write a JSON file in one step; it is on the disk when this returns."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(value, sort_keys=True))  # `dump` would take its slow path
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(path)
    flush_folder(path.parent)


def file_of(entry: shards.Entry) -> str:
    """The name of the shard's file as it is stored."""
    return str((entry["zip_data"] or entry["raw_data"])["basename"])


def next_number(out: Path, entries: Iterable[shards.Entry]) -> int:
    """The number after every shard that is in the folder or in its index."""
    names = [path.name for path in out.iterdir()] + [file_of(entry) for entry in entries]
    numbers = [int(found[1]) for name in names if (found := re.match(r"shard\.(\d+)\.", name))]
    return max(numbers, default=-1) + 1


def renamed(entry: shards.Entry, number: int) -> shards.Entry:
    """The entry of the same shard under the name with this number."""
    name = f"shard.{number:05d}"
    changed = dict(entry)
    for key in ("raw_data", "zip_data"):
        if entry[key]:
            old = str(entry[key]["basename"])
            changed[key] = {**entry[key], "basename": old.replace(shards.name_of(entry), name, 1)}
    return changed


def flush_folder(folder: Path) -> None:
    """Bring renames in the folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def exclusive(out: Path) -> Iterator[None]:
    """Hold the folder against other writers, after finishing what a killed one began."""
    with (out / LOCK_NAME).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        recover(out)
        yield


@contextlib.contextmanager
def hidden_folder(out: Path, prefix: str) -> Iterator[Path]:
    """A folder for unfinished files, with a lock that dies with this process; enter it in `exclusive`."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=out))
    with (folder / OWNER_NAME).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def leftovers_of(out: Path) -> tuple[Path, ...]:
    """The folders of dead writers that hold files; empty ones and copies made for joining are removed."""
    found = []
    for folder in sorted((*out.glob(f"{WRITING_PREFIX}*"), *out.glob(f"{JOINING_PREFIX}*"))):
        owner = folder / OWNER_NAME
        if owner.exists() and not _is_free(owner):
            continue
        held = any(path != owner and path.is_file() for path in folder.rglob("*"))
        if held and folder.name.startswith(WRITING_PREFIX):
            found.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return tuple(found)


def _is_free(path: Path) -> bool:
    with path.open("r") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
