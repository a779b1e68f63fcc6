"""Frozen weights of four bits each (QLoRA), through bitsandbytes.

Values are stored as indices into sixteen quantiles of a normal distribution (nf4), scaled in blocks
of 64, and the scales are quantised once more. Dettmers et al., QLoRA, arXiv:2305.14314.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import torch
from torch import Tensor, nn

from screensmith.families import Family
from screensmith.model.unsuitable import UnsuitableModel


def quantise_language(
    model: Any, family: Family, *, compute_dtype: torch.dtype, device: torch.device | str = "cpu"
) -> list[str]:
    """Quantise the linear layers of the language model's layers, in place; they cannot learn any more.

    The vision tower, projector, embeddings, norms and vocabulary projection stay as they are.

    Args:
        model: a library model.
        family: of the model.
        compute_dtype: what products are computed in.
        device: where the quantised weights are put, and where the model will be used.

    Returns:
        Names of the quantised layers.

    Raises:
        UnsuitableModel: bitsandbytes is not installed, or cannot work on the device.
    """
    bitsandbytes = _bitsandbytes(torch.device(device))
    layers = {id(module) for layer in family.language(model).layers for module in layer.modules()}
    chosen = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and id(module) in layers
    ]
    for name in chosen:
        parent, _, attribute = name.rpartition(".")
        stock = model.get_submodule(name)
        try:
            quantised = _linear_class(bitsandbytes)(stock, compute_dtype, torch.device(device))
        except (RuntimeError, NotImplementedError) as error:
            raise UnsuitableModel(_no_backend(torch.device(device), str(error))) from error
        setattr(model.get_submodule(parent), attribute, quantised)
    return chosen


def is_quantised(module: nn.Module) -> bool:
    """Whether a layer's weight was quantised here."""
    return getattr(getattr(module, "weight", None), "quant_state", None) is not None


def dequantised(module: Any) -> Tensor:
    """The weight (out, in) that a quantised layer multiplies with, in the type it had before."""
    return _dequantise(module.weight, module.weight.quant_state)


def stored_dtype_of(module: Any) -> torch.dtype:
    """The type that a quantised layer's weight had before."""
    dtype: torch.dtype = module.weight.quant_state.dtype
    return dtype


def _dequantise(packed: Tensor, state: Any) -> Tensor:
    functional: Any = importlib.import_module("bitsandbytes.functional")
    weight: Tensor = functional.dequantize_4bit(packed.data, state)
    return weight


def _bitsandbytes(device: torch.device) -> Any:
    try:
        package = importlib.import_module("bitsandbytes")
    except ImportError as error:
        raise UnsuitableModel(
            "adapter=qlora needs the package bitsandbytes (pip install 'screensmith[qlora]'), "
            f"which cannot be imported: {error}; or use adapter=lora"
        ) from error
    if device.type not in getattr(package, "supported_torch_devices", {"cuda"}):
        raise UnsuitableModel(_no_backend(device, "it does not name that device"))
    return package


def _no_backend(device: torch.device, problem: str) -> str:
    return (
        f"adapter=qlora: bitsandbytes cannot quantise on {device.type} ({problem.splitlines()[0][:200]}); "
        "update it, or use adapter=lora"
    )


class _Product(torch.autograd.Function):
    """A product with a quantised weight, which is unpacked once more for the gradient, not kept.

    bitsandbytes' own product asks the model hub for a faster kernel on some CPUs; this one does not.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, packed: Tensor, state: Any) -> Tensor:
        """(..., in) to (..., out)."""
        ctx.packed, ctx.state = packed, state
        return nn.functional.linear(values, _dequantise(packed, state).to(values.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """(..., out) to (..., in)."""
        return gradient @ _dequantise(ctx.packed, ctx.state).to(gradient.dtype), None, None


@functools.cache
def _linear_class(bitsandbytes: Any) -> Any:
    """The class of quantised layers; peft knows its base class."""

    class QuantisedLinear(bitsandbytes.nn.Linear4bit):  # type: ignore[misc]
        def __init__(self, stock: nn.Linear, compute_dtype: torch.dtype, device: torch.device) -> None:
            super().__init__(
                stock.in_features,
                stock.out_features,
                bias=stock.bias is not None,
                compute_dtype=compute_dtype,
                compress_statistics=True,
                quant_type="nf4",
                device="meta",
            )
            weight = bitsandbytes.nn.Params4bit(
                stock.weight.detach(), requires_grad=False, compress_statistics=True, quant_type="nf4"
            )
            self.weight = weight.to(device)
            self.quant_state = self.weight.quant_state
            self.bias = stock.bias

        def forward(self, values: Tensor) -> Tensor:
            product = _Product.apply(values.to(self.compute_dtype), self.weight, self.weight.quant_state)
            if self.bias is not None:
                product = product + self.bias.to(product.dtype)
            result: Tensor = product.to(values.dtype)
            return result

    return QuantisedLinear
