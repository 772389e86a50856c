"""What training did to the weights: which moved, which never got a gradient, which should not have changed."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from ..models.base_model import Model


class Snapshot:
    """The weights before training: trainable ones on disk, which adds to no memory peak; frozen ones as a hash."""

    def __init__(self, model: Model, folder: Path):
        self._file = folder / "before.safetensors"
        trainable = _trainable(model)
        save_file({name: tensor.clone() for name, tensor in trainable.items()}, self._file)
        self._names = set(trainable)
        self._frozen = digest(model, self._names)

    def largest_change(self, model: Model) -> float:
        """The largest change of a trainable tensor, relative to the larger of its norms before and after."""
        before, changes = load_file(self._file), [0.0]
        for name, parameter in model.named_parameters():
            if name in self._names and name in before:
                old, new = before[name].double(), parameter.detach().cpu().double()
                scale = max(float(old.norm()), float(new.norm()))
                changes.append(float((new - old).norm()) / scale if scale else 0.0)
        return max(changes)

    def frozen_unchanged(self, model: Model) -> bool:
        """Whether all frozen weights are identical, bit by bit, to those before training."""
        return digest(model, self._names) == self._frozen


class Gradients:
    """Watches every optimiser of this process: elements that ever got a gradient, and the optimisers' state."""

    def __init__(self, model: Model):
        self._missing = {p: torch.ones_like(p, dtype=torch.bool) for p in model.parameters() if p.requires_grad}
        self._state: dict[int, int] = {}
        self._steps: Counter[int] = Counter()

    @property
    def dead_parameters(self) -> int:
        """Trainable elements that never got a non-zero gradient."""
        return sum(int(mask.sum()) for mask in self._missing.values())

    @property
    def optimizer_bytes(self) -> int:
        """The state of all optimisers after their first step."""
        return sum(self._state.values())

    @property
    def steps(self) -> int:
        """The steps of the optimiser that made the most."""
        return max(self._steps.values(), default=0)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch the optimiser steps made inside."""
        hooks = [register_optimizer_step_pre_hook(self._before), register_optimizer_step_post_hook(self._after)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _before(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Strike off elements that have a gradient; a tensor of which all had one is not checked again.

        Whether all had one is asked at few steps, because a GPU has to finish its work before it can answer.
        """
        step = self._steps[id(optimizer)] + 1
        asks = step & (step - 1) == 0  # a power of two
        for parameter in [p for p in self._missing if p.grad is not None]:
            mask = self._missing[parameter]
            mask &= parameter.grad == 0
            if asks and not mask.any():
                del self._missing[parameter]

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self._steps[id(optimizer)] += 1
        if id(optimizer) not in self._state:
            tensors = (value for state in optimizer.state.values() for value in state.values())
            self._state[id(optimizer)] = sum(t.nbytes for t in tensors if isinstance(t, torch.Tensor))


def digest(model: Model, but: Set[str] = frozenset()) -> str:
    """A hash of all weights except those named in ``but``."""
    found = hashlib.blake2b()
    for name, parameter in sorted(model.named_parameters()):
        if name not in but:
            tensor = parameter.detach().cpu()  # one at a time: a GPU may hold more than the main memory
            found.update(name.encode())
            found.update(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def finite(model: Model) -> bool:
    """Whether every trainable weight is finite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in _trainable(model).values())


def _trainable(model: Model) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().cpu() for name, parameter in model.named_parameters() if parameter.requires_grad}
