"""PLUG-IN: what differs between model families.

A family file has one function, `family() -> Family`. Laws (tests/contracts/test_families.py): the
size an image is seen at, its patches and the token positions equal the library's own; a tiny random
model trains on the CPU, offline; learned labels decode to exactly the learned text; sequences that
share a row give the loss and gradients of separate ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor

from screensmith.data.pixels import ImageGeometry, Tile

ModelPart = Literal["vision", "projector", "language"]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How turns are written: the text around messages, and the marks that are single tokens.

    A message is `turn_start`, its role's `headers` text, `before_text` when it does not begin with
    an image, its parts, and `turn_end`; `between` joins messages. A header and `before_text` are
    never learned when the header is all that a request ends with: `before_text` of a learned message
    belongs to its answer.
    """

    beginning: str
    turn_start: str
    headers: Mapping[str, str]
    before_text: str
    turn_end: str
    padding: str
    image: str
    between: str = "\n"
    other_marks: tuple[str, ...] = field(default=())

    @property
    def marks(self) -> tuple[str, ...]:
        """Every special token, in the order of their ids in a tokenizer that is made here."""
        named = [
            self.padding,
            self.beginning,
            self.turn_start,
            self.turn_end,
            *self.other_marks,
            self.image,
        ]
        return tuple(dict.fromkeys(mark for mark in named if mark))


class VisualFeatures(NamedTuple):
    """What the tower says of V image tokens.

    `tokens` (V, width) take the image tokens' places; `levels` are (V, width) each and are added
    after the first language layers (deep stacking), one layer each.
    """

    tokens: Tensor
    levels: tuple[Tensor, ...] = ()


class Family(Protocol):
    """One model family."""

    @property
    def name(self) -> str:
        """The plug-in's name, and the start of `model_type` in the library's configurations."""

    @property
    def chat(self) -> ChatFormat:
        """How turns are written."""

    @property
    def chat_template(self) -> str:
        """The Jinja template shipped with a checkpoint; it adds no system message of its own."""

    @property
    def adapter_targets(self) -> str:
        """Regular expression of the module names that adapters take by default."""

    def coordinate_frame(self, name: str) -> str:
        """How a model of this name was taught to write places: fraction, thousand or seen_pixels."""

    def part_of(self, parameter: str) -> ModelPart:
        """Which part of the model a parameter's or module's name belongs to."""

    def geometry(self, config: Any, min_pixels: int, max_pixels: int) -> ImageGeometry:
        """How the tower of a library configuration reads images; areas in pixels."""

    def image_text(self, tiles: tuple[Tile, ...]) -> tuple[tuple[str, ...], str]:
        """The text and marks before each tile's image tokens, and those after the last."""

    def new_config(self, size: str, vocabulary: int, token_ids: Mapping[str, int]) -> Any:
        """A library configuration with random weights in mind.

        Raises:
            screensmith.plugins.UnknownName: there is no such size.
        """

    def new_model(self, config: Any) -> Any:
        """The library's stock model with random weights."""

    def new_processor(self, tokenizer: Any, geometry: ImageGeometry) -> Any:
        """The library's stock processor around a tokenizer, with the family's chat template."""

    def prepare(self, model: Any) -> None:
        """Make a library model's tower read bytes; its parameters keep their names."""

    def see(self, model: Any, patches: Tensor, grids: Sequence[tuple[int, int]]) -> VisualFeatures:
        """The features of tiles.

        Args:
            model: a prepared library model.
            patches: uint8 (P, 3 * patch * patch), tile after tile, in the geometry's order; colours
                are not normalised, that is part of the first product.
            grids: rows and columns of each tile's patches.
        """

    def language(self, model: Any) -> Any:
        """The library's language model: `embed_tokens`, `layers`, `norm`, `rotary_emb`."""

    def vision(self, model: Any) -> Any:
        """The library's vision tower."""

    def rotary(self, positions: Tensor) -> Tensor:
        """(3, B, L) positions as the language model's rotary embedding takes them."""
