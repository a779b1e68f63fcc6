"""What answering took, by formula: tokens and images that went through a model, and its products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from screensmith.data.trie import TokenSequence
from screensmith.families import Family
from screensmith.model.images import content_of


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums over answers; `operations` are 2 for each weight of a linear layer and token that meets it.

    Attention's own products are left out, the vocabulary's projection counts for answers alone, and
    requests count whole, although beginnings that they share are computed once.
    """

    tokens: int = 0
    images: int = 0
    operations: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.tokens + other.tokens, self.images + other.images, self.operations + other.operations
        )

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.tokens - other.tokens, self.images - other.images, self.operations - other.operations
        )


class Meter:
    """Counts for one model."""

    def __init__(self, model: Any, family: Family) -> None:
        self._language = _linear_weights(family.language(model).layers)
        self._vision = _linear_weights(family.vision(model))
        self._head = model.get_output_embeddings().weight.numel()

    def of(
        self, requests: Sequence[TokenSequence], answers: Sequence[Sequence[int]], patches: int
    ) -> Spent:
        """What some requests and their answers took.

        Args:
            requests: what was asked.
            answers: token ids.
            patches: of all images, which go through the vision tower once.
        """
        read = sum(len(request.tokens) for request in requests)
        said = sum(map(len, answers))
        keys = {content_of(str(span.key)) for request in requests for span in request.images}
        operations = 2.0 * (self._language * (read + said) + self._head * said + self._vision * patches)
        return Spent(read + said, len(keys), operations)


def _linear_weights(module: Any) -> int:
    layers = [one for one in module.modules() if isinstance(one, nn.Linear)]
    return sum(layer.in_features * layer.out_features for layer in layers)
