"""What PEFT cannot do with the packed weights of a quantised base model, although it does not always say so."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from peft import PeftConfig, PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch.nn import Module

from ..spec import failure
from ..spec.errors import TuneoffError, Unsupported
from . import precision

PEFT = "peft."  # what the names of its modules begin with
FOR_PACKED_WEIGHTS = ".bnb"  # what the names of those end with that have its layers for packed weights
VARIANT_MARK = "is_lora_variant"  # in PEFT's configurations: a field that asks for another arithmetic than LoRA's


@contextmanager
def refusals(base: Module) -> Iterator[None]:
    """Raise ``Unsupported`` for an error of PEFT's that comes from taking packed weights of ``base`` for matrices."""
    try:
        yield
    except Exception as error:  # a packed weight has another type, dtype and shape, so anything may be raised
        own = isinstance(error, TuneoffError) or failure.out_of_memory(error)
        if own or not (_in_peft(error) and any(map(_is_packed, base.modules()))):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise Unsupported(f"it needs weights that are not quantised (model.quantization): {reason}") from error


def check(model: Module) -> None:
    """Raise ``Unsupported`` if PEFT adapts packed weights with a layer not made for them, or leaves out a variant."""
    configs = model.peft_config.values() if isinstance(model, PeftModel) else ()
    asked = sorted({name for config in configs for name in _variants(config)})
    for layer in model.modules():
        if not isinstance(layer, BaseTunerLayer) or not _is_packed(layer.get_base_layer()):
            continue
        kind = type(layer.get_base_layer()).__name__
        if layer.quantization_backend is None and not type(layer).__module__.endswith(FOR_PACKED_WEIGHTS):
            raise Unsupported(f"PEFT has no such adapter for {kind} layers (model.quantization)")
        if asked and not getattr(layer, "lora_variant", None):
            raise Unsupported(f"PEFT leaves out {' and '.join(asked)} for {kind} layers (model.quantization)")


def _variants(config: PeftConfig) -> list[str]:
    """The fields of a configuration that ask for a variant of LoRA."""
    marked = [field.name for field in fields(config) if field.metadata.get(VARIANT_MARK)]
    return [name for name in marked if getattr(config, name)]


def _is_packed(module: Module) -> bool:
    """Whether a module has packed weights of its own."""
    return any(type(weight).__name__ == precision.PACKED_CLASS for weight in module.parameters(recurse=False))


def _in_peft(error: Exception) -> bool:
    """Whether an error was raised in PEFT, or in what PEFT called."""
    names = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(name.startswith(PEFT) for name in names)
