"""The sizes of small models with random weights, the same for every family."""

from __future__ import annotations

import math
from collections.abc import Mapping

from screensmith.plugins import suggest

TEXT_SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny": {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4},
    "small": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8},
}
HEAD_SIZE = 32


def text_size(size: str) -> dict[str, int]:
    """Widths and layers of a small language model; raises UnknownName for an unknown size."""
    if size not in TEXT_SIZES:
        raise suggest("size", size, sorted(TEXT_SIZES))
    return dict(TEXT_SIZES[size])


def initial_spread(size: str) -> float:
    """Standard deviation of random weights: narrow models learn faster from more than 0.02."""
    return 0.8 / math.sqrt(TEXT_SIZES[size]["hidden_size"])
