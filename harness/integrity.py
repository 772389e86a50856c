"""Proving that a base model loaded whole: bit by bit what its checkpoint says, nothing left at random."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedModel

from harness.errors import ModelError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
# Every name that T5-like checkpoints use for the embedding of the input, the usual one first.
EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def verify(model: PreTrainedModel, folder: Path, name: str) -> None:
    """Raise ``ModelError`` with the name of the first tensor that is not what the checkpoint in ``folder`` holds.

    A tensor that the checkpoint does not hold must share the weights of one that it does; an input
    embedding must be one of the checkpoint's input embeddings, never its output projection.
    """
    state = model.state_dict()
    files: list[Any] = [safe_open(path, framework="pt") for path in weight_files(folder)]
    stored: dict[str, Any] = {key: file for file in files for key in file.keys()}  # noqa: SIM118
    _nothing_at_random(state, stored, name)
    for key, file in stored.items():
        if key in state:
            _same(state[key], file.get_tensor(key), key, name)
    source = next((key for key in EMBEDDINGS if key in stored), None)
    if source is not None:
        embedding = stored[source].get_tensor(source)
        for key in EMBEDDINGS:
            if key in state and key not in stored:
                _same(state[key], embedding, key, name)


def digest(files: Iterable[Path]) -> str:
    """Twelve hex digits of weights, file by file in that order."""
    content = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()[:12]


def weight_files(folder: Path) -> list[Path]:
    """The files of a checkpoint's weights: one, or the parts that an index lists."""
    index = folder / INDEX
    parts = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {SINGLE}
    return [folder / part for part in sorted(parts)]


def _nothing_at_random(state: Mapping[str, torch.Tensor], stored: Mapping[str, object], name: str) -> None:
    loaded = {tensor.data_ptr() for key, tensor in state.items() if key in stored}
    for key, tensor in state.items():
        tied = tensor.data_ptr() in loaded or (key in EMBEDDINGS and any(other in stored for other in EMBEDDINGS))
        if key not in stored and not tied:
            raise ModelError(f"model {name!r}: the checkpoint has no tensor {key}, which would stay random")


def _same(parameter: torch.Tensor, stored: torch.Tensor, key: str, name: str) -> None:
    if not torch.equal(parameter.cpu(), stored.to(parameter.dtype)):
        raise ModelError(
            f"model {name!r}: {key} is not what the checkpoint holds after loading with this version of "
            f"transformers; save the checkpoint again with all its embeddings, or pin another version"
        )
