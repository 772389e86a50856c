"""The arithmetic of training: float32, or bfloat16 under autocast on a device that computes in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch

from ..models.base_model import Model
from ..spec.suite import Precision

CPU_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")  # as torch names them: two on x86, one on ARM
MACOS = (14, 0)  # the first release with autocast to bfloat16


@contextmanager
def applied(model: Model, precision: Precision) -> Iterator[None]:
    """Inside, the model computes in this precision when it is called; whatever else a method computes is float32.

    Autocast lowers products of matrices in the forward and the backward pass. Weights, gradients, the loss and what the
    optimiser computes stay float32.
    """
    if precision == "float32":
        yield
        return
    forward = model.forward

    @wraps(forward)
    def lowered(*arguments: Any, **options: Any) -> Any:
        with torch.autocast(model.device.type, dtype=torch.bfloat16):
            return forward(*arguments, **options)

    model.forward = lowered
    try:
        yield
    finally:
        model.forward = forward


def refusal(precision: Precision, device: torch.device) -> str | None:
    """Why training on this device cannot have this precision; ``None`` if it can.

    torch computes in bfloat16 on any device, but it is slower than float32 if there are no instructions for it.
    """
    if precision == "float32" or (needed := _lacking(device)) is None:
        return None
    return (
        f'run.precision = "bf16": this device does not compute in bfloat16, which takes {needed}; leave out this key, '
        "or choose another device with --device"
    )


def _lacking(device: torch.device) -> str | None:
    """What a device would need to compute in bfloat16; ``None`` if it does."""
    match device.type:
        case "cpu":
            known = torch.cpu.get_capabilities()
            return None if any(known.get(name) for name in CPU_INSTRUCTIONS) else "a CPU with AVX512-BF16 or AMX"
        case "cuda":
            with torch.cuda.device(device):
                return None if torch.cuda.is_bf16_supported(including_emulation=False) else "an NVIDIA Ampere or newer"
        case "mps":
            return None if torch.backends.mps.is_macos_or_newer(*MACOS) else f"macOS {MACOS[0]}"
    return None if torch.amp.is_autocast_available(device.type) else "another kind of device"
