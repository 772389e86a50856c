"""Checks that a base model loaded in full: every tensor equals its checkpoint's, and none has random values."""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.core_model_loading import WeightRenaming, apply_renamings, revert_weight_conversion

from ..spec.errors import ModelError
from ..spec.hashing import digest_of, sha256

SINGLE_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
INITIALIZED_MARK = (
    "_is_hf_initialized"  # transformers initialises modules without this mark, except for the tensors that it loaded
)

State = Mapping[str, torch.Tensor]  # a model's tensors by name


def verify(model: PreTrainedModel, folder: Path, name: str) -> None:
    """Raise ``ModelError``, which names the first tensor that differs from the checkpoint in ``folder``.

    A tensor that the checkpoint lacks must be tied to one that it has (an input embedding to another input embedding,
    if the checkpoint has one), or else be computed by the architecture and not trained. What transformers splits or
    joins on loading is compared in the checkpoint's pieces.
    """
    state = _pieces(model)
    stored = {path: _names(model, path, state) for path in weight_files(folder)}
    held = {key for names in stored.values() for key in names.values()}
    untied = json.loads((folder / "config.json").read_text()).get("tie_word_embeddings") is False
    for key in (key for key in state if key not in held):
        source = _source(model, key, state, held, untied)
        if source is not None:
            _same(state[key], state[source], key, name)
        elif key not in model.state_dict() or not _is_computed(model, key):
            raise ModelError(_missing(key, name))
    state = _pieces(model)  # computing tensors again, above, must not have changed others
    for path, names in stored.items():
        with safe_open(path, framework="pt") as file:
            for theirs, key in names.items():
                _same(state[key], file.get_tensor(theirs), key, name)


def complete(missing: Collection[str], name: str) -> None:
    """Raise ``ModelError`` if there are tensors that transformers did not find in the checkpoint."""
    if missing:
        raise ModelError(_missing(min(missing), name))


def finite(model: PreTrainedModel, name: str) -> None:
    """Raise ``ModelError``, which names the first tensor with NaN or infinite values."""
    for key, parameter in model.named_parameters():
        wrong = int((~torch.isfinite(parameter)).sum())
        if wrong:
            raise ModelError(
                f"model {name!r}: {key} has {wrong:,} values that are NaN or infinite, so its answers would be "
                "meaningless; choose a checkpoint whose training did not diverge, or download this one again"
            )


def digest(files: Iterable[Path]) -> str:
    """Twelve hex digits of the contents of weight files, in that order."""
    return digest_of(sha256(path).digest() for path in files)


def weight_files(folder: Path) -> list[Path]:
    """The files of a checkpoint's weights: the single one, which transformers prefers, or those that an index lists."""
    single, index = folder / SINGLE_FILE, folder / INDEX_FILE
    if single.exists() or not index.exists():
        return [single]
    return [folder / part for part in sorted(set(json.loads(index.read_text())["weight_map"].values()))]


def _pieces(model: PreTrainedModel) -> State:
    """The model's tensors by name; those that transformers made by splitting or joining others, as these others."""
    state: State = model.state_dict()
    if not model._weight_conversions:  # that transformers used to load it
        return state
    return {_renamed(model, theirs): tensor for theirs, tensor in revert_weight_conversion(model, state).items()}


def _renamed(model: PreTrainedModel, theirs: str) -> str:
    """The name that transformers gave to a tensor of the checkpoint."""
    renamings = [each for each in model._weight_conversions if isinstance(each, WeightRenaming)]
    name: str = apply_renamings(theirs, renamings)
    return name


def _names(model: PreTrainedModel, path: Path, state: State) -> dict[str, str]:
    """The names of a model's tensors, by their names in the file; a base model that was saved alone lacks a prefix."""
    prefix, names = f"{model.base_model_prefix}.", {}
    with safe_open(path, framework="pt") as file:
        for theirs in file.keys():  # noqa: SIM118
            known = dict.fromkeys((_renamed(model, theirs), theirs))
            possible = (each for name in known for each in (name, prefix + name, name.removeprefix(prefix)))
            if key := next((key for key in possible if key in state), None):
                names[theirs] = key
    return names


def _source(model: PreTrainedModel, key: str, state: State, held: Collection[str], untied: bool) -> str | None:
    """The tensor of the checkpoint that must equal the missing tensor ``key``, if there is one.

    Input embeddings are tied to each other first, and to the output projection only if ``config.json`` does not forbid
    it: transformers ties both in every T5, and ties the wrong ones if the usual one is missing.
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
    """Whether a tensor is computed, not trained: a buffer or a table of positions that initialising again reproduces.

    An embedding counts as a table of positions if its values are not all the same.
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


def _missing(key: str, name: str) -> str:
    return f"model {name!r}: the checkpoint has no tensor {key}, which would keep random values"


def _same(parameter: torch.Tensor, stored: torch.Tensor, key: str, name: str) -> None:
    if not torch.equal(parameter.cpu(), stored.to(parameter.dtype)):
        raise ModelError(
            f"model {name!r}: {key} differs from the checkpoint after loading with this version of "
            f"transformers; save the checkpoint again with all its embeddings, or use another version"
        )
