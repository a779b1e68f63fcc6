"""Which file a name in task results means."""

from __future__ import annotations

import ntpath
import os
from pathlib import Path, PurePosixPath

from screensmith.core.refusals import Refused
from screensmith.readers._folder import IMAGE_FORMATS

_ENDINGS = (*(f".{name.lower()}" for name in IMAGE_FORMATS), ".jpg")
_MOST_SHOWN = 5


class FoundImages:
    """The images below a base folder.

    Args:
        base: the folder. Its files are listed once, when the first name is not where it says; that list is
            kept in memory.

    Raises:
        ValueError: there is no such folder.
    """

    def __init__(self, base: Path) -> None:
        if not base.is_dir():
            raise ValueError(f"{base} is not a folder; the images of task results were looked for there")
        self._base = base
        self._by_name: dict[str, list[str]] | None = None

    def find(self, recorded: str) -> Path:
        """The image of an absolute path, a path below the base folder, or a file name anywhere there.

        Raises:
            Refused: there is none, more than one file has the name, or the name leads out of the folder.
        """
        name = recorded.strip()
        if ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise Refused("image name leads out of its folder", repr(name)[:200])
        path = Path(name) if Path(name).is_absolute() else self._base / name
        if _is_file(path):
            return path
        candidates = self._names().get(ntpath.basename(name).strip(), [])  # ntpath splits at both slashes
        if not candidates:
            raise Refused("image missing", name[:200])
        if len(candidates) > 1:
            shown = ", ".join(sorted(candidates)[:_MOST_SHOWN])
            raise Refused("image name ambiguous", f"{name[:200]}: {len(candidates)} files, {shown}")
        return self._base / candidates[0]

    def _names(self) -> dict[str, list[str]]:
        if self._by_name is None:
            self._by_name = {}
            for folder, _, files in os.walk(self._base):
                below = os.path.relpath(folder, self._base)
                for file in files:
                    if file.lower().endswith(_ENDINGS):
                        self._by_name.setdefault(file, []).append(
                            file if below == "." else f"{below}/{file}"
                        )
        return self._by_name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long for the file system
        return False
