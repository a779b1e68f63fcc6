"""What autograd keeps of one forward pass, counted layer by layer and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from screensmith.families import Family
from screensmith.model.batch import Batch


@dataclass(slots=True)
class Kept:
    """What one stack of like layers keeps for its backward pass, in bytes."""

    inputs: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    outside: int = 0

    def total(self, *, checkpointed: bool) -> int:
        """All of it; checkpointed layers keep their input only, until they are computed again."""
        if not any(self.kept):
            return self.outside
        if checkpointed:
            return self.outside + sum(self.inputs) + max(self.kept)
        return self.outside + sum(self.kept)

    @property
    def working(self) -> int:
        """The gradients inside a layer while its backward pass runs: about as much as it kept."""
        return max(self.kept, default=0)


def set_checkpointing(model: Any, family: Family, *, language: bool, vision: bool) -> None:
    """Let the layers of a stack keep their inputs only, and be computed again in the backward pass."""
    from torch.utils.checkpoint import checkpoint

    def compute_again(function: Callable[..., Any], *values: Any) -> Any:
        return checkpoint(function, *values, use_reentrant=False, context_fn=_same_attention)

    for stack, on in ((family.language(model), language), (family.vision(model), vision)):
        for layer in layers_of(stack):
            layer.gradient_checkpointing = on
            layer._gradient_checkpointing_func = compute_again


def _same_attention() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts for the forward pass and for what is computed again: with the kernels allowed now.

    The backward pass runs outside of the loop's choice, and another kernel keeps other tensors.
    """
    kernels: Any = torch.backends.cuda  # what it says holds on a CPU, too
    allowed = {
        SDPBackend.FLASH_ATTENTION: kernels.flash_sdp_enabled(),
        SDPBackend.EFFICIENT_ATTENTION: kernels.mem_efficient_sdp_enabled(),
        SDPBackend.CUDNN_ATTENTION: kernels.cudnn_sdp_enabled(),
        SDPBackend.MATH: kernels.math_sdp_enabled(),
    }
    return nullcontext(), sdpa_kernel([backend for backend, allows in allowed.items() if allows])


def layers_of(stack: nn.Module) -> list[Any]:
    """The layers of a library tower that can be checkpointed, in order."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [module for module in stack.modules() if isinstance(module, GradientCheckpointingLayer)]


class _Counter:
    """Counts storages that autograd keeps, each once, in the phase in which it is first kept."""

    def __init__(self, known: set[int], phase: Callable[[int], None]) -> None:
        self.phase = phase
        self._known = known
        self._seen: dict[int, Any] = {}

    def keep(self, tensor: Tensor) -> None:
        """Autograd would keep this tensor; nothing is."""
        from torch.multiprocessing.reductions import StorageWeakRef

        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place in self._known:
            return
        # A place in memory is used again as soon as its storage is gone.
        if place in self._seen and not self._seen[place].expired():
            return
        self._seen[place] = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        self.phase(storage.nbytes())


def kept_by(
    model: Any, family: Family, batch: Batch, forward: Callable[[Batch], Any]
) -> tuple[Kept, Kept, int]:
    """What language layers, vision layers and everything after them keep, without checkpointing."""
    language, vision, head = Kept(), Kept(), Kept()
    known = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    counter = _Counter(known, _outside(vision))
    language_layers = layers_of(family.language(model))
    set_checkpointing(model, family, language=False, vision=False)
    hooks = [
        *_watch(language_layers, counter, language, after=head),
        *_watch(layers_of(family.vision(model)), counter, vision, after=vision),
    ]
    training = model.training
    model.train()
    try:
        with torch.autograd.graph.saved_tensors_hooks(counter.keep, _not_kept):
            forward(batch)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return language, vision, head.outside


def _not_kept(_: Any) -> Tensor:
    raise AssertionError("a pass that only counts has no backward")


def _outside(stack: Kept) -> Callable[[int], None]:
    def add(size: int) -> None:
        stack.outside += size

    return add


def _watch(layers: list[Any], counter: _Counter, stack: Kept, *, after: Kept) -> Iterator[Any]:
    """Hooks that tell the counter which layer it is in; behind the last one comes `after`."""
    for number, layer in enumerate(layers):
        following = after if number + 1 == len(layers) else stack
        yield layer.register_forward_pre_hook(_entering(counter, stack))
        yield layer.register_forward_hook(_leaving(counter, following))


def _entering(counter: _Counter, stack: Kept) -> Callable[[nn.Module, Any], None]:
    def enter(module: nn.Module, values: Any) -> None:  # noqa: ARG001
        stack.inputs.append(values[0].numel() * values[0].element_size())
        stack.kept.append(0)

        def add(size: int) -> None:
            stack.kept[-1] += size

        counter.phase = add

    return enter


def _leaving(counter: _Counter, following: Kept) -> Callable[[nn.Module, Any, Any], None]:
    def leave(module: nn.Module, values: Any, output: Any) -> None:  # noqa: ARG001
        counter.phase = _outside(following)

    return leave
