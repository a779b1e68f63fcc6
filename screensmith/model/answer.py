"""Greedy answers to a batch of requests of different lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from screensmith.data.trie import TokenSequence, positions_of
from screensmith.model.encode import Pixels


@torch.inference_mode()
def generate(
    model: Any,
    requests: Sequence[TokenSequence],
    pixels: Pixels,
    *,
    merge: int,
    turn_end: int,
    padding: int,
    max_new_tokens: int,
) -> list[list[int]]:
    """The most likely continuation of each request, token by token.

    Args:
        model: a library model in evaluation mode.
        requests: what the model is asked; padded on the left to the longest.
        pixels: patches of the requests' images, by key.
        merge: patches along each side of one image token.
        turn_end: the token that ends an answer; it is included in the result.
        padding: token id for the padding, which nothing looks at.
        max_new_tokens: answers that reach it are cut there.

    Returns:
        Token ids of each answer, in the order of the requests.
    """
    device = next(model.parameters()).device
    inputs, mask, positions = _padded(requests, padding, device)
    next_position = positions.amax(dim=(0, 2)) + 1
    images = _images(requests, pixels, merge, device)
    output = model.model(
        input_ids=inputs, attention_mask=mask, position_ids=positions, use_cache=True, **images
    )
    answers: list[list[int]] = [[] for _ in requests]
    running = torch.ones(len(requests), dtype=torch.bool, device=device)
    for count in range(max_new_tokens):
        tokens = model.lm_head(output.last_hidden_state[:, -1]).argmax(dim=-1)
        for number in torch.nonzero(running).flatten().tolist():
            answers[number].append(int(tokens[number]))
        running &= tokens != turn_end
        if count + 1 == max_new_tokens or not running.any():
            break
        mask = torch.cat([mask, mask.new_ones(len(requests), 1)], dim=1)
        output = model.model(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=next_position[None, :, None].expand(3, -1, -1),
            past_key_values=output.past_key_values,
            use_cache=True,
        )
        next_position = next_position + 1
    return answers


def _padded(
    requests: Sequence[TokenSequence], padding: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(request.tokens) for request in requests)
    inputs = np.full((len(requests), longest), padding, dtype=np.int64)
    mask = np.zeros((len(requests), longest), dtype=np.int64)
    positions = np.zeros((3, len(requests), longest), dtype=np.int64)
    for number, request in enumerate(requests):
        start = longest - len(request.tokens)
        inputs[number, start:] = request.tokens
        mask[number, start:] = 1
        positions[:, number, start:] = positions_of(request)
    return (
        torch.from_numpy(inputs).to(device),
        torch.from_numpy(mask).to(device),
        torch.from_numpy(positions).to(device),
    )


def _images(
    requests: Sequence[TokenSequence], pixels: Pixels, merge: int, device: torch.device
) -> dict[str, Tensor]:
    spans = [span for request in requests for span in request.images]
    if not spans:
        return {}
    grids = [[1, span.rows * merge, span.columns * merge] for span in spans]
    patches = torch.cat([torch.from_numpy(pixels[str(span.key)]) for span in spans])
    return {"pixel_values": patches.to(device), "image_grid_thw": torch.tensor(grids).to(device)}
