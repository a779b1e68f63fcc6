"""Screenshots that appear in a data set's folder as hard links: no second copy on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from screensmith.core.episode import Screenshot
from screensmith.core.refusals import Refused
from screensmith.writers._images import Images, file_name


class LinkedImages(Images):
    """A folder of images linked where they are files of the same file system, and copied otherwise."""

    def add(self, screenshot: Screenshot, name: str, otherwise: str) -> str:
        """Link or copy a screenshot, unless it is there, and return its name; see `Images.add`."""
        source = screenshot.source
        if not isinstance(source, Path):
            return super().add(screenshot, name, otherwise)
        wanted = file_name(name)
        place = self.folder / wanted
        try:
            _link(source, place)
        except FileNotFoundError as error:
            raise Refused("image missing", str(source)) from error
        except OSError:  # another image has the name; another file system, or one without links
            return super().add(screenshot, name, otherwise)
        return wanted


def _link(source: Path, place: Path) -> None:
    """Link a file that may be linked already; most folders are there, so they are made where one is not."""
    try:
        os.link(source, place)
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, place)
    except FileExistsError:
        if not place.samefile(source):
            raise
