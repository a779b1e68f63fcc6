"""Task results: a CSV file with a row for each step and a folder of screenshots, as applications have it.

Every action becomes an operation with a name, a target in words and, where it has one, a place in pixels
of the image (core/operations.py). The words of a place are the text of the smallest element there. Episodes
get whole numbers as task ids; their own id is in `Output` under `image_info.episode_id`. Memories are the
recorded ones, or are derived from what was done (writers/_task_results_memory.py). `Grounding` holds the
answer, as the files of applications do; the reader keeps it out of prompts. Source: formats.md 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from screensmith.core.episode import Episode
from screensmith.core.refusals import Refusal, RefusalLog
from screensmith.readers import task_results as reader
from screensmith.writers import Source, Tally
from screensmith.writers._images import Images
from screensmith.writers._showui_layout import Target
from screensmith.writers._task_results_csv import CsvFile
from screensmith.writers._task_results_rows import COLUMNS, rows_of
from screensmith.writers.showui import IMAGES, WORK


def open_writer(
    out: Path,
    *,
    source: Source,
    like: Episode,  # noqa: ARG001
) -> TaskResultsWriter:
    """The writer of `task_results.csv` and the images that it names.

    Args:
        out: the folder.
        source: what is converted.
        like: its first episode.

    Raises:
        Occupied: there is another file of that name, or another source's.
    """
    return TaskResultsWriter(out, source)


class TaskResultsWriter:
    """See `open_writer`."""

    def __init__(self, out: Path, source: Source) -> None:
        self._out = out
        self._images = Images(out / IMAGES)
        self._file = CsvFile(out / reader.NAME, out / WORK, source, COLUMNS)

    @property
    def name(self) -> str:
        """The CSV file below the folder."""
        return self._file.path.name

    @property
    def finished(self) -> Set[str]:
        """Ids of the episodes that earlier runs have written."""
        return self._file.finished

    @property
    def written(self) -> Tally:
        """What the reader should find."""
        return self._file.written

    def write(self, episode: Episode) -> Sequence[Refusal]:
        """Copy the episode's images and add its rows.

        Raises:
            Refused: an action is no operation, a memory has no place in the format, or an image cannot be
                read.
        """
        target = Target(self._images, reader.NAME, self._file.rows)
        made = rows_of(episode, target, self._file.written.episodes + 1, IMAGES)
        self._file.add(episode.id, made.rows, made.tally)
        return made.left_out

    def read_back(self, refusals: RefusalLog) -> Iterator[Episode]:
        """What the reader of task results finds."""
        yield from reader.stream(str(self._out), refusals=refusals)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close(complete=kind is None)
