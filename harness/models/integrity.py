"""Proving that a base model loaded whole: bit by bit what its checkpoint says, nothing left at random."""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedModel

from ..spec.errors import ModelError
from ..spec.hashing import digest_of

SINGLE_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
INITIALIZED_MARK = (
    "_is_hf_initialized"  # transformers gives a value to a module without it, but not to those tensors that it loaded
)

State = Mapping[str, torch.Tensor]  # a model's tensors by name


def verify(model: PreTrainedModel, folder: Path, name: str) -> None:
    """Raise ``ModelError`` with the name of the first tensor that is not what the checkpoint in ``folder`` holds.

    A tensor that the checkpoint does not hold must be tied to one that it does, an input embedding to another input
    embedding wherever the checkpoint has one; else the architecture must compute it, and no training change it.
    """
    state = model.state_dict()
    stored = {path: _names(model, path, state) for path in weight_files(folder)}
    held = {key for names in stored.values() for key in names.values()}
    untied = json.loads((folder / "config.json").read_text()).get("tie_word_embeddings") is False
    for key in (key for key in state if key not in held):
        source = _source(model, key, state, held, untied)
        if source is not None:
            _same(state[key], state[source], key, name)
        elif not _is_computed(model, key):
            raise ModelError(f"model {name!r}: the checkpoint has no tensor {key}, which would stay random")
    for path, names in stored.items():  # last: what was computed again above must have left the others alone
        with safe_open(path, framework="pt") as file:
            for theirs, key in names.items():
                _same(state[key], file.get_tensor(theirs), key, name)


def finite(model: PreTrainedModel, name: str) -> None:
    """Raise ``ModelError`` with the name of the first weight that is NaN or infinite."""
    for key, parameter in model.named_parameters():
        wrong = int((~torch.isfinite(parameter)).sum())
        if wrong:
            raise ModelError(
                f"model {name!r}: {key} holds {wrong:,} values that are NaN or infinite, so its answers mean nothing; "
                "choose a checkpoint whose training did not diverge, or get this one again"
            )


def digest(files: Iterable[Path]) -> str:
    """Twelve hex digits of weights, file by file in that order."""
    return digest_of(_sha256(path).digest() for path in files)


def digest_of_all(folder: Path, files: Iterable[Path]) -> str:
    """Twelve hex digits of files in a folder, by name and content in that order."""
    names = ((path.relative_to(folder).as_posix(), _sha256(path).hexdigest()) for path in files)
    return digest_of(f"{name}\0{content}\0".encode() for name, content in names)


def weight_files(folder: Path) -> list[Path]:
    """The files of a checkpoint's weights: one, or the parts that an index lists."""
    index = folder / INDEX_FILE
    parts = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {SINGLE_FILE}
    return [folder / part for part in sorted(parts)]


def _sha256(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def _names(model: PreTrainedModel, path: Path, state: State) -> dict[str, str]:
    """A file's names of a model's tensors, each with the model's; a base model that was saved alone lacks a prefix."""
    prefix, names = f"{model.base_model_prefix}.", {}
    with safe_open(path, framework="pt") as file:
        for theirs in file.keys():  # noqa: SIM118
            possible = (theirs, prefix + theirs, theirs.removeprefix(prefix))
            if key := next((key for key in possible if key in state), None):
                names[theirs] = key
    return names


def _source(model: PreTrainedModel, key: str, state: State, held: Collection[str], untied: bool) -> str | None:
    """The tensor of the checkpoint that a tensor which it does not hold must be equal to.

    Input embeddings are tied to each other first, and to the output projection only where ``config.json`` does not
    forbid it: transformers ties both in every T5, and has tied the wrong ones when the usual one was missing.
    """
    ties = model.get_expanded_tied_weights_keys(all_submodels=True)
    partners = [
        other
        for other in state
        if other in held
        and (_root(other, ties) == _root(key, ties) or state[other].data_ptr() == state[key].data_ptr())
    ]
    alike = [other for other in partners if _embeds(model, other) == _embeds(model, key)]
    return next(iter(alike or (partners if not untied else [])), None)


def _root(key: str, ties: Mapping[str, str]) -> str:
    """The tensor that the architecture declares this one to be tied to, directly or through others; or itself."""
    while key in ties:
        key = ties[key]
    return key


def _embeds(model: PreTrainedModel, key: str) -> bool:
    return isinstance(_owner(model, key), torch.nn.Embedding)


def _owner(model: PreTrainedModel, key: str) -> torch.nn.Module:
    owner: torch.nn.Module = model.get_submodule(key.rpartition(".")[0])
    return owner


@torch.no_grad()
def _is_computed(model: PreTrainedModel, key: str) -> bool:
    """Whether no training gave a tensor its value: a buffer or a table of positions that comes out the same again.

    A table is told from what training starts with by its being an embedding, and not the same everywhere.
    """
    tensor, owner = model.get_parameter_or_buffer(key), _owner(model, key)
    table = _embeds(model, key) and bool(tensor.min() < tensor.max())
    if isinstance(tensor, torch.nn.Parameter) and not table:
        return False
    value = tensor.clone()
    tensor.fill_(math.nan if tensor.is_floating_point() else -1)
    setattr(owner, INITIALIZED_MARK, False)
    with torch.random.fork_rng(devices=[]):
        torch.seed()
        model.initialize_weights()
    return torch.equal(tensor, value)


def _same(parameter: torch.Tensor, stored: torch.Tensor, key: str, name: str) -> None:
    if not torch.equal(parameter.cpu(), stored.to(parameter.dtype)):
        raise ModelError(
            f"model {name!r}: {key} is not what the checkpoint holds after loading with this version of "
            f"transformers; save the checkpoint again with all its embeddings, or pin another version"
        )
