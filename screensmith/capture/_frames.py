"""Pictures of the screen as they were taken, and what must be painted over in them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field

from screensmith.core.geometry import Box, Size

JPEG_QUALITY = 90
MASK_MARGIN_PIXELS = 4
MASK_SLACK_SECONDS = 0.3
"""Boxes reported this long before or after a picture are painted over too: clocks and paints differ."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: when it was taken (epoch seconds) and its JPEG bytes.

    After a `complete` one nothing changed before the next; after others a change may have been missed.
    """

    seconds: float
    jpeg: bytes
    complete: bool = True


@dataclass(slots=True)
class FrameLog:
    """The latest pictures of one page, in order of their times."""

    _frames: list[Frame] = field(default_factory=list)

    @property
    def newest(self) -> Frame | None:
        """The picture with the latest time, if any."""
        return self._frames[-1] if self._frames else None

    def add(self, frame: Frame) -> None:
        """Keep a picture; it may arrive later than a newer one."""
        self._frames.append(frame)
        self._frames.sort(key=lambda kept: kept.seconds)

    def before(self, seconds: float) -> Frame | None:
        """The newest picture not later than the time: what was on the screen just then."""
        for frame in reversed(self._frames):
            if frame.seconds <= seconds:
                return frame
        return None

    def forget_before(self, seconds: float) -> None:
        """Drop the pictures that `before(seconds)` and later times cannot return."""
        current = self.before(seconds)
        if current is not None:
            self._frames = [frame for frame in self._frames if frame.seconds >= current.seconds]


@dataclass(slots=True)
class Reveals:
    """Where secrets could be read on one page, over time, by document."""

    _reports: dict[str, list[tuple[float, tuple[Box, ...]]]] = field(default_factory=dict)
    _always: list[tuple[float, Box]] = field(default_factory=list)

    def note(self, document: str, seconds: float, boxes: Iterable[Box]) -> None:
        """From this time on, these boxes of the document show secrets."""
        self._reports.setdefault(document, []).append((seconds, tuple(boxes)))

    def note_from(self, seconds: float, box: Box) -> None:
        """From the given time on this box showed a secret, which was only learned later."""
        self._always.append((seconds, box))

    def new_document(self, seconds: float) -> None:
        """The page shows another document: nothing of the earlier ones is visible any longer."""
        for reports in self._reports.values():
            reports.append((seconds, ()))
        self._always.clear()

    def around(self, seconds: float) -> tuple[Box, ...]:
        """Every box that may show a secret in a picture of this time."""
        boxes = [box for since, box in self._always if since - MASK_SLACK_SECONDS <= seconds]
        for reports in self._reports.values():
            in_force: tuple[Box, ...] = ()
            for reported, shown in sorted(reports, key=lambda report: report[0]):
                if reported <= seconds - MASK_SLACK_SECONDS:
                    in_force = shown
                elif reported <= seconds + MASK_SLACK_SECONDS:
                    boxes.extend(shown)
            boxes.extend(in_force)
        return tuple(boxes)


def size_of(jpeg: bytes) -> Size:
    """Width and height of an encoded picture, from its header."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return Size(*image.size)


def paint_over(jpeg: bytes, boxes: Iterable[Box]) -> bytes:
    """The picture with the boxes filled in grey; the same bytes when there are none."""
    boxes = tuple(boxes)
    if not boxes:
        return jpeg
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(jpeg)) as opened:
        image = opened.convert("RGB")
    draw = ImageDraw.Draw(image)
    for box in boxes:
        corners = (
            box.left * image.width - MASK_MARGIN_PIXELS,
            box.top * image.height - MASK_MARGIN_PIXELS,
            box.right * image.width + MASK_MARGIN_PIXELS,
            box.bottom * image.height + MASK_MARGIN_PIXELS,
        )
        draw.rectangle(corners, fill=(128, 128, 128))
    painted = io.BytesIO()
    image.save(painted, format="JPEG", quality=JPEG_QUALITY)
    return painted.getvalue()
