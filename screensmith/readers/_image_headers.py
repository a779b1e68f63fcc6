"""The size of an image from its first bytes, several times as fast as asking Pillow.

Where those do not say it plainly, or the image has more pixels than Pillow opens without a warning, Pillow
is asked, and says what is wrong.
"""

from __future__ import annotations

import struct
from pathlib import Path

from screensmith.core.geometry import Size
from screensmith.core.refusals import Refused
from screensmith.readers._folder import image_size

HEAD_BYTES = 4096
MOST_PIXELS = 80_000_000
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_JPEG = b"\xff\xd8\xff"
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # start of frame: its size follows
_BARE = frozenset({0x01, *range(0xD0, 0xD8), 0xFF})  # markers without a length


def quick_size(path: Path) -> Size:
    """The size of an encoded image in pixels; see `_folder.image_size`.

    Raises:
        Refused: it is no image, is missing, or has too many pixels.
    """
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise Refused("image corrupt", str(error)) from error
    found = None
    if len(head) == HEAD_BYTES:  # small files may be cut off: Pillow looks at those
        found = _png(head) if head.startswith(_PNG) else _jpeg(head) if head.startswith(_JPEG) else None
    if found is None or not 0 < found[0] * found[1] <= MOST_PIXELS:
        return image_size(path)
    return Size(*found)


def _png(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += (
            1 if marker == 0xFF else 2 if marker in _BARE else 2 + struct.unpack_from(">H", head, at + 2)[0]
        )
    return None
