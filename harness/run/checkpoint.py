"""Saves what a method trained, and loads it again into a fresh base."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

from peft import PeftModel

from ..models import integrity
from ..models.base_model import Model


def save(model: Model, folder: Path) -> int:
    """Save the adapter, or the whole model if there is none, as safetensors; returns the size in bytes."""
    model.save_pretrained(folder)
    return sum(path.stat().st_size for path in _files(folder))


def digest(folder: Path) -> str:
    """Twelve hex digits of the weights that were saved."""
    return integrity.digest(sorted(_files(folder)))


def reload(model: Model, folder: Path, fresh: Callable[[], Model]) -> Model:
    """What was saved from ``model``, loaded: an adapter into a fresh base, or else a model of the base's class.

    So there are never more than two models in memory.
    """
    base = fresh()
    if isinstance(model, PeftModel):
        return PeftModel.from_pretrained(base, folder)
    kind, dtype, device = type(base), base.dtype, base.device
    del base
    gc.collect()
    return kind.from_pretrained(folder, use_safetensors=True, dtype=dtype).to(device)


def _files(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.safetensors")
