"""Methods as they start and as they are once changed, and what one of their layers does."""

import torch

from support import contracts, toy
from support.zoo import CLASSES

QUERY = "encoder.block.0.layer.0.SelfAttention.q"
SECOND = "encoder.block.1.layer.0.SelfAttention.q"
WEIGHT = toy.base().get_submodule(QUERY).weight.detach()  # 32 rows, 64 columns


def start(name, **values):
    """The method as it starts, with other hyper-parameters."""
    return contracts.built(contracts.having(CLASSES[name], **values))


def changed(name, size=0.1, **values):
    """The method with everything trainable changed."""
    return contracts.shaken(contracts.having(CLASSES[name], **values), size)


def query(trial, name=QUERY):
    """The adapted layer of a trial."""
    return contracts.plain(trial.model).get_submodule(name)


@torch.no_grad()
def weight(layer):
    """The matrix that a layer multiplies its input with, found by asking it."""
    return (layer(torch.eye(64)) - layer(torch.zeros(1, 64))).T


def update(name, **values):
    """What a changed method adds to the weight of a layer."""
    return weight(query(changed(name, **values))) - WEIGHT


def factors(layer):
    """LoRA's two matrices."""
    return layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()


def rank(matrix):
    """The rank, but for what rounding adds."""
    return int(torch.linalg.matrix_rank(matrix, rtol=1e-4))


def rates(trial):
    """The learning rate of each trainable parameter in the method's optimiser."""
    names = {id(parameter): name for name, parameter in trial.model.named_parameters()}
    groups = trial.method.optimizer(trial.model).param_groups
    return {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
