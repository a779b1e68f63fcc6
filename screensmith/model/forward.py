"""The forward pass over rows of tries, through the library's own towers and layers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from screensmith.families import Family, VisualFeatures
from screensmith.model.attention import Visibility, visibility
from screensmith.model.batch import Batch, Pictures
from screensmith.model.head import summed_loss
from screensmith.model.select import Kept, kept_tokens
from screensmith.model.vision_cache import VisionCache


class TokenLoss(nn.Module):
    """A model together with its loss, so that data-parallel wrappers see one forward pass.

    `skipped_by_layer` counts the tokens that each selecting layer (from 0) did not work on so far.
    """

    def __init__(
        self,
        model: nn.Module,
        family: Family,
        *,
        selecting_layers: tuple[bool, ...] = (),
        vision_cache: VisionCache | None = None,
        merge: int = 1,
    ) -> None:
        super().__init__()
        self.model = model
        self._family = family
        self._selecting_layers = selecting_layers
        self._vision_cache = vision_cache
        self._merge = merge
        self.skipped_by_layer: Counter[int] = Counter()

    def forward(self, batch: Batch) -> Tensor:
        """The weighted sum of the labels' cross-entropies, in float32, not yet divided by anything.

        Only labelled positions reach the vocabulary projection.
        """
        if self._vision_cache is not None:
            batch = self._remembered(batch, self._vision_cache)
        hidden, views = hidden_states(self.model, self._family, batch, self._selecting_layers)
        self.skipped_by_layer.update(
            {number: view.kept.skipped for number, view in enumerate(views) if view.kept is not None}
        )
        picked = hidden.flatten(0, 1)[batch.label_at]
        head: Any = self.model.lm_head
        loss = summed_loss(head, picked, batch.label_target, batch.label_weight)
        if (
            batch.pictures is None
            and torch.distributed.is_available()
            and torch.distributed.is_initialized()
        ):
            loss = loss + self._nothing_seen()
        return loss

    def _nothing_seen(self) -> Tensor:
        """Zero, as a function of the tower: processes with images wait for its gradients from all."""
        values = [p.flatten()[0] for p in self._family.vision(self.model).parameters() if p.requires_grad]
        return torch.stack(values).sum() * 0.0 if values else torch.zeros(())

    def _remembered(self, batch: Batch, cache: VisionCache) -> Batch:
        """The batch with features instead of patches, which the cache keeps from now on."""
        pictures = batch.pictures
        if pictures is None or pictures.patches is None:
            return batch
        with torch.no_grad():
            features = see(self.model, self._family, pictures)
        cache.write(pictures, features, self._merge)
        stacked = torch.stack([features.tokens, *features.levels], dim=2)
        return dataclasses.replace(
            batch, pictures=dataclasses.replace(pictures, patches=None, features=stacked)
        )


def hidden_states(
    model: Any,
    family: Family,
    batch: Batch,
    selecting_layers: tuple[bool, ...] = (),
) -> tuple[Tensor, list[View]]:
    """The last hidden states (B, L, width) of a library model, and what each layer worked on."""
    language = family.language(model)
    embedded, levels = embed(model, family, batch)
    views = views_of(language, family, embedded, batch, selecting_layers)
    hidden = through_layers(language, embedded, views, levels=levels, image_at=batch.image_at)
    return hidden, views


def embed(model: Any, family: Family, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Embedded tokens (B, L, width) with image features in place, and (V, width) levels to add later."""
    embedded = family.language(model).embed_tokens(batch.tokens)
    if batch.pictures is None:
        return embedded, ()
    features = see(model, family, batch.pictures)
    shown = features.tokens[batch.image_feature].to(embedded.dtype)
    flat = embedded.flatten(0, 1).index_copy(0, batch.image_at, shown)
    return flat.view_as(embedded), tuple(level[batch.image_feature] for level in features.levels)


def see(model: Any, family: Family, pictures: Pictures) -> VisualFeatures:
    """The features of a batch's distinct tiles: from the tower, or as they were kept."""
    if pictures.features is not None:
        tokens, *levels = pictures.features.unbind(dim=2)
        return VisualFeatures(tokens, tuple(levels))
    assert pictures.patches is not None  # noqa: S101 - one of the two is there
    return family.see(model, pictures.patches, pictures.grids)


class View(NamedTuple):
    """What one layer works on: the tokens' rotary cosines and sines, and what each may look at.

    `kept` says which tokens those are where the layer skips some.
    """

    rotary: Any
    seen: Visibility
    kept: Kept | None = None


def views_of(
    language: Any, family: Family, hidden: Tensor, batch: Batch, selecting_layers: tuple[bool, ...]
) -> list[View]:
    """The view of each layer; layers that select share one, and so do those that do not."""
    whole = View(language.rotary_emb(hidden, family.rotary(batch.positions)), visibility(batch.subtree_end))
    layers = len(language.layers)
    if batch.keep is None or not any(selecting_layers) or bool(batch.keep.all()):
        return [whole] * layers
    kept = kept_tokens(batch.keep, batch.image_at, *batch.tokens.shape)
    positions = torch.stack([kept.take(axis) for axis in batch.positions])
    rotary = language.rotary_emb(hidden, family.rotary(positions))
    narrow = View(rotary, visibility(batch.subtree_end, keys=kept.at), kept)
    return [narrow if selects else whole for selects in selecting_layers]


def through_layers(
    language: Any,
    hidden: Tensor,
    views: Sequence[View],
    *,
    levels: tuple[Tensor, ...] = (),
    image_at: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Embedded tokens (B, L, width) through the decoder layers and the last norm.

    Args:
        language: the library's language model.
        hidden: embedded tokens, image features in place.
        views: one for each layer.
        levels: (V, width) each, added at `image_at` after the first layers.
        image_at: (V,) places of image tokens, counted through all rows.
        cache: keys and values of earlier tokens, updated in place.
    """
    for number, (layer, view) in enumerate(zip(language.layers, views, strict=True)):
        if view.kept is None:
            hidden = _layer(layer, hidden, view, cache)
        else:
            hidden = view.kept.put_back(hidden, _layer(layer, view.kept.take(hidden), view, cache))
        if number < len(levels):
            assert image_at is not None  # noqa: S101 - levels come with their places
            added = levels[number].to(hidden.dtype)
            hidden = hidden.flatten(0, 1).index_add(0, image_at, added).view_as(hidden)
    normed: Tensor = language.norm(hidden)
    return normed


def _layer(layer: Any, hidden: Tensor, view: View, cache: Any) -> Tensor:
    output = layer(
        hidden,
        attention_mask=view.seen,
        position_embeddings=view.rotary,
        past_key_values=cache,
        use_cache=cache is not None,
    )
    result: Tensor = output[0] if isinstance(output, tuple) else output  # 4.57 and 5.x differ
    return result
