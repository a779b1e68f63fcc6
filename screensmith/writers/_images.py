"""Screenshots copied into a data set's folder of images, each once."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from pathlib import Path, PurePosixPath

from screensmith.core.episode import Screenshot
from screensmith.core.refusals import Refused

REMEMBERED = 1024  # the latest sources; what is older is compared with the copy itself
LONGEST_NAME_BYTES = 200  # most file systems take 255
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_ODD = re.compile(r"[^\w.~=+@,-]")
SIGNATURES = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"), (b"BM", ".bmp"))


class Images:
    """A folder of images. A copy appears complete or not at all, so a kill leaves no half ones.

    Args:
        folder: where they go; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._latest: OrderedDict[tuple[Path, str], str] = OrderedDict()

    def add(self, screenshot: Screenshot, name: str, otherwise: str) -> str:
        """Copy a screenshot, unless it is there, and return its name below the folder.

        Args:
            screenshot: with its bytes as they are stored; nothing is encoded anew.
            name: the wanted name; parts of it that are no file names are replaced.
            otherwise: the name where another image has the wanted one.

        Raises:
            Refused: the image cannot be read.
        """
        source = screenshot.source
        key = (source, name) if isinstance(source, Path) else None
        if key is not None and key in self._latest:
            self._latest.move_to_end(key)
            return self._latest[key]
        data = bytes_of(screenshot)
        stored = self._place(data, file_name(name), file_name(otherwise))
        if key is not None:
            self._latest[key] = stored
            if len(self._latest) > REMEMBERED:
                self._latest.popitem(last=False)
        return stored

    def _place(self, data: bytes, name: str, otherwise: str) -> str:
        for candidate in (name, otherwise):
            path = self.folder / candidate
            try:
                if path.stat().st_size == len(data) and path.read_bytes() == data:
                    return candidate
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                new = path.with_name(f".{path.name}.new")
                new.write_bytes(data)
                new.replace(path)
                return candidate
        raise Refused("image name taken twice", f"{name} and {otherwise} are other images")


def bytes_of(screenshot: Screenshot) -> bytes:
    """The encoded image.

    Raises:
        Refused: it cannot be read.
    """
    try:
        data = screenshot.read_bytes()
    except FileNotFoundError as error:
        raise Refused("image missing", str(error.filename)) from error
    except OSError as error:
        raise Refused("image unreadable", str(error)) from error
    if not any(data.startswith(signature) for signature, _ in SIGNATURES):
        raise Refused("image of an unknown kind", f"it begins with {data[:8]!r}")
    return data


def name_of(screenshot: Screenshot, otherwise: str) -> str:
    """The name that a screenshot has below its own folder of images, with its ending.

    Screenshots that are no files get `otherwise` and the ending of their kind.
    """
    source = screenshot.source
    if isinstance(source, Path):
        parts = source.parts
        places = [number for number, part in enumerate(parts[:-1]) if part == "images"]
        return "/".join(parts[places[-1] + 1 :]) if places else source.name
    data = bytes_of(screenshot)
    return otherwise + next(ending for signature, ending in SIGNATURES if data.startswith(signature))


def file_name(name: str) -> str:
    """A name that every file system and reader takes, with the folders in it; equal names stay equal."""
    parts = [_ODD.sub("_", part) for part in name.split("/") if part not in ("", ".")]
    return "/".join(_shortened(part if part.strip(".") else "_") for part in parts) or "_"


def with_part(name: str, part: str) -> str:
    """The name with something added before its ending."""
    stem, dot, ending = name.rpartition(".")
    if not stem or stem.endswith("/") or "/" in ending:  # the dot begins no ending
        return f"{name}~{part}"
    return f"{stem}~{part}{dot}{ending}"


def without_ending(name: str) -> str:
    """The name without the ending of an image; another dot is a part of the name."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and f".{ending.lower()}" in ENDINGS else name


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME_BYTES:
        return name
    ending = PurePosixPath(name).suffix
    ending = ending if len(ending.encode()) <= 8 else ""
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    room = LONGEST_NAME_BYTES - len(digest) - len(ending.encode()) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}-{digest}{ending}"
