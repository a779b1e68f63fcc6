"""PLUG-IN: what differs between model families.

A family file has one function, `family() -> Family`. Laws (tests/contracts/test_families.py): the
size an image is seen at, its patches and the token positions equal the library's own; a tiny random
model trains on the CPU, offline; learned labels decode to exactly the learned text; sequences that
share a row give the loss and gradients of separate ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from screensmith.data.pixels import PatchGeometry


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The marks of a family's chat format."""

    turn_start: str
    turn_end: str
    image_start: str
    image: str
    image_end: str
    text_end: str
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every special token, in the order of their ids."""
        return (
            self.text_end,
            self.turn_start,
            self.turn_end,
            *self.others,
            self.image_start,
            self.image_end,
            self.image,
        )


class Family(Protocol):
    """One model family."""

    @property
    def name(self) -> str:
        """The plug-in's name, and the start of `model_type` in the library's configurations."""

    @property
    def special(self) -> SpecialTokens:
        """The chat format's special tokens."""

    @property
    def chat_template(self) -> str:
        """The Jinja template shipped with a checkpoint; it adds no system message of its own."""

    @property
    def adapter_targets(self) -> str:
        """Regular expression of the module names that LoRA adapts by default."""

    @property
    def vision_prefix(self) -> str:
        """What the names of the vision tower's parameters contain."""

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> PatchGeometry:
        """How the tower of a library configuration cuts images."""

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        """A library configuration with random weights in mind.

        Raises:
            screensmith.plugins.UnknownName: there is no such size.
        """

    def new_model(self, config: Any) -> Any:
        """The library's stock model with random weights."""

    def new_processor(self, tokenizer: Any, geometry: PatchGeometry) -> Any:
        """The library's stock processor around a tokenizer, with the family's chat template."""
