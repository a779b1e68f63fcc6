"""The forge's processed form: what is on a screen, and steps with their thoughts, as JSON lines.

`stage1_grounding.jsonl` has a line for each element, or for a click that is all an episode has;
`stage2_reasoning.jsonl` one for each step of the others, with its thought where it has one. Images go into
`images/`, from where the lines name them. Besides the documented keys a line has those that
`readers/forge.py` lists, so that reading gives back episodes, boxes and what was done before.
Source: formats.md 1.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from screensmith.core.episode import Episode
from screensmith.core.refusals import Refusal, RefusalLog
from screensmith.dialects import forge
from screensmith.readers import forge as reader
from screensmith.writers import Source, Tally
from screensmith.writers._forge_lines import IMAGES, Forging
from screensmith.writers._images import Images
from screensmith.writers._line_files import LineFiles
from screensmith.writers._linked_images import LinkedImages
from screensmith.writers._seen import Seen
from screensmith.writers.showui import WORK

GROUNDING, REASONING = (f"{name}.jsonl" for name in reader.STAGE_FILES.values())


def open_writer(
    out: Path, *, source: Source, like: Episode, link: bool = False, require_thoughts: bool = False
) -> ForgeWriter:
    """The writer of both files.

    Args:
        out: the folder; images go below it into `images/`.
        source: what is converted.
        like: its first episode; nothing depends on it.
        link: link images in place of copying them, where the file system can.
        require_thoughts: refuse episodes of several steps, or with a goal, of which a step has no thought.

    Raises:
        Occupied: there is another file of one of the names, or another source's.
    """
    del like
    return ForgeWriter(out, link, require_thoughts, {**source, "require_thoughts": require_thoughts})


class ForgeWriter:
    """See `open_writer`."""

    def __init__(self, out: Path, link: bool, require_thoughts: bool, source: Source) -> None:
        self._out = out
        self._files = LineFiles(out, (GROUNDING, REASONING), out / WORK, source)
        seen = Seen()
        for line in self._files.lines(GROUNDING):
            seen.add(line["image_path"], line["instruction"], line["action"])
        images = (LinkedImages if link else Images)(out / IMAGES)
        self._forging = Forging(forge.dialect(), images, seen, require_thoughts)

    @property
    def name(self) -> str:
        """The files below the folder; one that would be empty is not there."""
        return f"{GROUNDING} and {REASONING}"

    @property
    def finished(self) -> Set[str]:
        """Ids of the episodes that earlier runs have written."""
        return self._files.finished

    @property
    def written(self) -> Tally:
        """What the reader should find; a screen with elements, and steps to a goal, are episodes."""
        return self._files.written

    def write(self, episode: Episode) -> Sequence[Refusal]:
        """Copy the episode's images and add its lines.

        Elements without a name, and those whose image, instruction and action are there already, are left
        out and named.

        Raises:
            Refused: the forge has no word for one of the actions, or an image cannot be read.
        """
        made = self._forging.made_of(episode)
        self._files.add(episode.id, {GROUNDING: made.grounding, REASONING: made.reasoning}, made.tally)
        return made.left_out

    def read_back(self, refusals: RefusalLog) -> Iterator[Episode]:
        """What the forge's reader finds."""
        if self.written.episodes:
            yield from reader.stream(str(self._out), images=".", refusals=refusals)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close(complete=kind is None)
