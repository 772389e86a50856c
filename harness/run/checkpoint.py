"""Saves what a method trained, and loads it again into a fresh base."""

from collections.abc import Iterator
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


def reload(model: Model, folder: Path, base: Model) -> Model:
    """What was saved from ``model``, loaded: an adapter into the fresh ``base``, or else a model of its class."""
    if isinstance(model, PeftModel):
        return PeftModel.from_pretrained(base, folder)
    return type(base).from_pretrained(folder, use_safetensors=True, dtype=base.dtype).to(base.device)


def _files(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.safetensors")
