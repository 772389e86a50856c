"""The dtype and quantization of a base model: float32, bfloat16, or 4-bit NormalFloat by bitsandbytes."""

import importlib.util
from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any

import torch
from torch.nn import Module, Parameter
from transformers import BitsAndBytesConfig

from ..spec.errors import ModelError, Unsupported
from ..spec.suite import ModelTable

PACKAGE = "bitsandbytes"
PACKED_CLASS = "Params4bit"  # of its 4-bit weights
CPU_KERNEL_FLAG = "support_avx512bf16_for_cpu"  # of its layers
# By how many nats a token's log-likelihood may differ between two computations of the same, in the mean over a text.
MAX_NOISE, MAX_NOISE_IN_FEW_BITS = 1e-3, 1e-1


def options(table: ModelTable, device: torch.device) -> dict[str, Any]:
    """The arguments of ``from_pretrained`` that load a model with the suite's dtype and quantization.

    Raises ``ModelError`` if the package for quantised weights is missing.
    """
    dtype: torch.dtype = getattr(torch, table.dtype)
    if table.quantization is None:
        return {"dtype": dtype}
    if importlib.util.find_spec(PACKAGE) is None:
        raise ModelError(
            f"model {table.name!r}: model.quantization needs the package {PACKAGE}: pip install 'tuneoff[quantization]'"
        )
    quantized = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type=table.quantization, bnb_4bit_compute_dtype=dtype
    )
    return {"dtype": dtype, "quantization_config": quantized, "device_map": {"": device}}


def frozen(table: ModelTable) -> bool:
    """Whether the base model stays as it is, because its weights are not plain float32."""
    return table.frozen


def freeze(model: Module) -> None:
    """Freeze a base model; its quantised layers compute in the dtype that they were loaded with.

    On a CPU with AVX512-BF16, bitsandbytes would otherwise compute answers in bfloat16, with weights packed anew, of
    some shapes only, and through which no gradient flows from then on.
    """
    model.requires_grad_(False)
    for module in model.modules():
        if hasattr(module, CPU_KERNEL_FLAG):
            setattr(module, CPU_KERNEL_FLAG, False)


def settle(model: Module, base: Set[Parameter], table: ModelTable) -> None:
    """Hold in float32 what a method trains beside a frozen base, whose own parameters are ``base``.

    A module still computes in the dtype in which it was made, so that it does the same after being loaded again. Raises
    ``Unsupported`` if the method trains parameters of the base, or nothing.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained or not base.isdisjoint(trained):
        raise Unsupported(
            f"it trains weights of the base model, which are {table.precision} here (model.dtype, model.quantization); "
            "such a base stays frozen, and only new float32 weights beside it are trained"
        )
    made = {parameter: parameter.dtype for parameter in trained if parameter.dtype != torch.float32}
    for parameter in made:
        parameter.data = parameter.data.float()
    for module in model.modules():
        weights = module.named_parameters(recurse=False, remove_duplicate=False)
        if dtypes := {name: made[weight] for name, weight in weights if weight in made}:
            module.forward = partial(_computed, module, module.forward, dtypes)


def noise(model: Module) -> float:
    """By how much log-likelihoods per token may differ that a model computes twice, in another order of its sums.

    Quantised weights are the same each time; what they are multiplied with may have few bits.
    """
    dtypes = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    coarse = any(torch.finfo(dtype).eps > torch.finfo(torch.float32).eps for dtype in dtypes)
    return MAX_NOISE_IN_FEW_BITS if coarse else MAX_NOISE


def elements(parameter: Parameter) -> int:
    """The number of elements of a weight, as PEFT counts them: a 4-bit weight has two in each byte."""
    packed = type(parameter).__name__ == PACKED_CLASS
    return parameter.numel() * (2 * parameter.element_size() if packed else 1)


def _computed(
    module: Module, forward: Callable[..., Any], dtypes: Mapping[str, torch.dtype], *args: Any, **options: Any
) -> Any:
    """What a module returns with these weights in other dtypes; gradients flow to the weights that it holds."""
    held = {name: getattr(module, name) for name in dtypes}
    module._parameters.update({name: weight.to(dtypes[name]) for name, weight in held.items()})
    try:
        return forward(*args, **options)
    finally:
        module._parameters.update(held)
