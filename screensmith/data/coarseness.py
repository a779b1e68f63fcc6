"""Whether the coordinates that a model writes are fine enough for the targets it must hit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from screensmith.core.sample import Sample

SMALLEST_SHARE = 10  # compared with the smallest tenth of the targets
NOISE = 1e-9  # of a step: 0.52 - 0.51 is a whole step of 0.01 but for its last digits
MOST_DECIMALS = 6  # a hundredth of a pixel on the largest screens
THOUSANDTH = 3  # decimals that are as fine as whole numbers from 0 to 1000


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """One side of one target: how many coordinate steps it spans, and both in pixels of its screen."""

    steps: float
    target_pixels: float
    step_pixels: float
    screen_pixels: int


@dataclass(frozen=True, slots=True)
class Coarseness:
    """Coordinates coarser than the smallest tenth of the targets.

    `extent` belongs to the target at the end of that tenth, across ("wide") or down ("tall"),
    whichever spans fewer steps; `targets` were compared, `sizeless` had no width or no height.
    """

    extent: Extent
    across: bool
    targets: int
    sizeless: int

    @property
    def decimals_needed(self) -> int:
        """Digits after the point of a fraction whose unit is no coarser than the target."""
        return math.ceil(-math.log10(self.extent.target_pixels / self.extent.screen_pixels) - NOISE)

    @property
    def warning(self) -> str:
        """What is too coarse, with the numbers, and what would be fine enough."""
        extent, adjective = self.extent, "wide" if self.across else "tall"
        left_out = f" ({self.sizeless} targets without area are left out)" if self.sizeless else ""
        return (
            f"coordinates step {extent.step_pixels:.4g} pixels on a screen {extent.screen_pixels} pixels "
            f"{adjective}, but a tenth of the {self.targets} targets is at most {extent.steps:.3g} steps "
            f"{adjective} ({extent.target_pixels:.4g} pixels there){left_out}: {self._remedy}"
        )

    @property
    def _remedy(self) -> str:
        if self.decimals_needed > MOST_DECIMALS:
            return "no coordinates are that fine, so check the boxes of these targets"
        thousand = "a 0-1000 frame, " if self.decimals_needed <= THOUSANDTH else ""
        return (
            f"use at least {self.decimals_needed} decimals, {thousand}or, where coordinates are pixels "
            "of the image that the model sees, larger images"
        )


def coarse_coordinates(
    samples: Iterable[Sample], quantum: Callable[[Sample], tuple[float, float]]
) -> Coarseness | None:
    """What to warn about when coordinates are coarser than the smallest tenth of the targets, else None.

    A place is written as the nearest one that the coordinates can say, so the middle of a target is
    sure to stay inside while the target spans at least one step. Targets without width or height
    (a place where no box was known) are left out and counted: no step would be fine enough for them.

    Args:
        samples: whose questions' targets are looked at; those without a target box do not count.
        quantum: one coordinate step across and down, as fractions of the sample's whole screenshot.
    """
    across: list[Extent] = []
    down: list[Extent] = []
    sizeless = 0
    for sample in samples:
        size = sample.screenshot.size
        boxes = [question.target for question in sample.questions if question.target is not None]
        if not boxes:
            continue
        step_across, step_down = quantum(sample)
        for box in boxes:
            if box.width == 0 or box.height == 0:
                sizeless += 1
                continue
            across.append(_extent(box.width, step_across, size.width))
            down.append(_extent(box.height, step_down, size.height))
    if not across:
        return None
    last_of_tenth = math.ceil(len(across) / SMALLEST_SHARE) - 1
    wide, tall = sorted(across)[last_of_tenth], sorted(down)[last_of_tenth]
    smallest = min(wide, tall)
    if smallest.steps >= 1 - NOISE:
        return None
    return Coarseness(smallest, smallest is wide, len(across), sizeless)


def _extent(length: float, step: float, screen_pixels: int) -> Extent:
    return Extent(length / step, length * screen_pixels, step * screen_pixels, screen_pixels)
