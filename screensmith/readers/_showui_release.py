"""What ShowUI releases itself: screenshots in `images/`, their elements in `metadata/hf_train.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from screensmith.core.episode import Episode
from screensmith.core.refusals import RefusalLog
from screensmith.readers._folder import Folder, check_layout, fingerprint_of
from screensmith.readers._showui_elements import stream_prepared

METADATA = "hf_train"


def release(dataset: str) -> tuple[Callable[..., Iterator[Episode]], Callable[..., str]]:
    """The `stream` and `fingerprint` of one of the releases, whose episodes say that they are of it."""

    def stream(
        root: str,
        *,
        json: str = "",
        layout: str = "auto",
        verify_images: bool = False,
        refusals: RefusalLog | None = None,
    ) -> Iterator[Episode]:
        """One episode of one step for each screenshot, one row in memory at a time.

        Args:
            root: the folder with `images` and `metadata`.
            json: name of the metadata file without its ending; "" takes hf_train.
            layout: "auto", "raw" or "showui", which are the same here: it is released as ShowUI reads it.
            verify_images: also read each image's header, and refuse it where its size is not the recorded
                one.
            refusals: where refused screenshots ("<metadata name>/<image>") and elements
                ("<screenshot>#<place>", from 0) are recorded; both count as considered.

        Raises:
            ValueError: a folder or the metadata is not there, or the metadata is broken.
        """
        check_layout(layout)
        folder = Folder(root)
        metadata = folder.metadata((json or METADATA,))
        log = RefusalLog() if refusals is None else refusals
        return stream_prepared(dataset, folder, metadata, verify_images, log)

    def fingerprint(
        root: str,
        *,
        json: str = "",
        layout: str = "auto",
        verify_images: bool = False,  # noqa: ARG001
    ) -> str:
        """A hash of the metadata file that `stream` would read with these options."""
        check_layout(layout)
        return fingerprint_of([Folder(root).metadata((json or METADATA,))])

    return stream, fingerprint
