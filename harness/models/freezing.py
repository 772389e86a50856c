"""Which parameters of a model are trained: chosen by name, by module, or one by one."""

from collections.abc import Iterable

from torch.nn import Parameter
from transformers import PreTrainedModel

from ..spec.errors import Unsupported


def train_only(model: PreTrainedModel, *names: str) -> PreTrainedModel:
    """Freeze all parameters except those with one of these texts in their names, and return the model."""
    model.requires_grad_(False)
    unfreeze(parameter for name, parameter in model.named_parameters() if any(part in name for part in names))
    return model


def train_modules(model: PreTrainedModel, modules: Iterable[str]) -> PreTrainedModel:
    """Freeze all parameters except those in these modules, and return the model."""
    model.requires_grad_(False)
    for name in modules:
        unfreeze(model.get_submodule(name).parameters())
    return model


def unfreeze(parameters: Iterable[Parameter]) -> None:
    """Let parameters have gradients. Raises ``Unsupported`` if they are quantised and so have none."""
    for parameter in parameters:
        if not parameter.is_floating_point():
            raise Unsupported("it needs gradients of quantised weights of the base model (model.quantization)")
        parameter.requires_grad_(True)
