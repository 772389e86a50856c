"""The numbers that a base model is held in: float32, bfloat16, or 4-bit normal floats by bitsandbytes."""

import importlib.util
from collections.abc import Iterable, Set
from typing import Any

import torch
from transformers import BitsAndBytesConfig, PreTrainedModel

from ..spec.errors import ModelError, Unsupported
from ..spec.suite import ModelTable

PACKAGE = "bitsandbytes"
QUANTISED = "quantised"  # weights that are stored as integers, and cannot have a gradient


def options(table: ModelTable, device: torch.device) -> dict[str, Any]:
    """The arguments of ``from_pretrained`` that load a model in the suite's numbers.

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


def refusal(model: PreTrainedModel) -> str | None:
    """Why what a method trains cannot be trained in these numbers; ``None`` if it can."""
    wrong = {str(p.dtype).removeprefix("torch.") for p in model.parameters() if p.requires_grad} - {"float32"}
    values = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    if len(values) < len([*model.parameters()]) and all(parameter.requires_grad for parameter in values):
        wrong.add(QUANTISED)  # it means to train all weights, but nothing can train these
    return _reason(wrong) if wrong else None


def unfreeze(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Let these parameters be trained; raises ``Unsupported`` if one is quantised."""
    for parameter in parameters:
        if not parameter.is_floating_point():
            raise Unsupported(_reason({QUANTISED}))
        parameter.requires_grad_(True)


def _reason(numbers: Set[str]) -> str:
    return (
        f"it trains weights of the base model, which are {' and '.join(sorted(numbers))} here (model.dtype, "
        "model.quantization); such a base stays frozen, and only float32 weights beside it are trained"
    )
