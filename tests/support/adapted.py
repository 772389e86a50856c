"""Methods as they start and as they are once changed, and what one of their layers does."""

from typing import Any

import torch

from support import contracts, toy
from support.contracts import Trial
from support.zoo import CLASSES

QUERY = "encoder.block.0.layer.0.SelfAttention.q"
SECOND = "encoder.block.1.layer.0.SelfAttention.q"
WEIGHT: torch.Tensor = toy.base().get_submodule(QUERY).weight.detach()  # 32 rows, 64 columns


def start(name: str, **values: Any) -> Trial:
    """The method as it starts, with other hyper-parameters."""
    return contracts.built(contracts.having(CLASSES[name], **values))


def changed(name: str, size: float = 0.1, **values: Any) -> Trial:
    """The method with everything trainable changed."""
    return contracts.shaken(contracts.having(CLASSES[name], **values), size)


def query(trial: Trial, name: str = QUERY) -> Any:
    """The adapted layer of a trial."""
    return contracts.plain(trial.model).get_submodule(name)


@torch.no_grad()
def weight(layer: torch.nn.Module) -> torch.Tensor:
    """The matrix that a layer multiplies its input with, found by asking it."""
    answers: torch.Tensor = layer(torch.eye(64)) - layer(torch.zeros(1, 64))
    return answers.T


def update(name: str, **values: Any) -> torch.Tensor:
    """What a changed method adds to the weight of a layer."""
    return weight(query(changed(name, **values))) - WEIGHT


def factors(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """LoRA's two matrices."""
    return layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()


def rank(matrix: torch.Tensor) -> int:
    """The rank, but for what rounding adds."""
    return int(torch.linalg.matrix_rank(matrix, rtol=1e-4))


def rates(trial: Trial) -> dict[str, float]:
    """The learning rate of each trainable parameter in the method's optimiser."""
    names = {id(parameter): name for name, parameter in trial.model.named_parameters()}
    groups = trial.method.optimizer(trial.model).param_groups
    return {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
