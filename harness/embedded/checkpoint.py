"""An unfinished pre-training in one safetensors file: weights, optimizer states, and how far it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import PreTrainedModel

NAME = "checkpoint.safetensors"


class Reached(NamedTuple):
    """How far a pre-training is: phase, steps of it that are done, and the seconds that they took."""

    phase: int
    step: int
    seconds: float


def write(folder: Path, model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer], progress: Reached) -> None:
    """Replace the checkpoint in ``folder``; a kill leaves the old one or the new one."""
    tensors = {f"model {name}": tensor.detach() for name, tensor in model.named_parameters()}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer {number} {parameter} {name}": tensor for name, tensor in state.items()}
    save_file(tensors, folder / "unfinished", {name: repr(value) for name, value in progress._asdict().items()})
    (folder / "unfinished").replace(folder / NAME)


def progress(folder: Path) -> Reached:
    """How far the checkpoint in ``folder`` is; raises ``FileNotFoundError`` where there is none."""
    with safe_open(folder / NAME, "pt") as file:
        told = file.metadata()
    return Reached(int(told["phase"]), int(told["step"]), float(told["seconds"]))


def read(folder: Path, model: PreTrainedModel, optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Put the checkpoint's weights and states into a model and optimizers like those that were written."""
    states: list[dict[int, dict[str, torch.Tensor]]] = [{} for _ in optimizers]
    weights: dict[str, torch.Tensor] = {}
    with safe_open(folder / NAME, "pt") as file:
        for key in file.keys():  # noqa: SIM118 (not a mapping)
            kind, *path = key.split(" ")
            if kind == "model":
                weights[path[0]] = file.get_tensor(key)
            else:
                number, parameter, name = path
                states[int(number)].setdefault(int(parameter), {})[name] = file.get_tensor(key)
    model.load_state_dict(weights, strict=False)  # without the names of shared weights
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
