"""Checks what ``build`` and ``generate`` return."""

from typing import Any

import torch

from ..method import Method
from ..models.base_model import Model
from ..spec.errors import ContractError


def model(returned: Any, method: Method) -> Model:
    """What ``build`` returned, if it is a module with something to train (unless the method trains nothing)."""
    name = type(method).__name__
    if not isinstance(returned, torch.nn.Module):
        raise ContractError(f"{name}.build() returned {type(returned).__name__}; it must return the model")
    if method.trains and not any(parameter.requires_grad for parameter in returned.parameters()):
        raise ContractError(
            f"{name}.build() left nothing to train; set requires_grad on what is trained, "
            f"or trains = False on the class if that is intended"
        )
    return returned


def texts(returned: Any, prompts: int) -> list[str]:
    """What ``generate`` returned, if it is one string for each prompt."""
    if not isinstance(returned, list | tuple):
        raise ContractError(f"generate() returned {type(returned).__name__}; it must return a list of strings")
    if len(returned) != prompts:
        raise ContractError(f"generate() returned {len(returned)} texts for {prompts} prompts")
    for number, text in enumerate(returned):
        if not isinstance(text, str):
            raise ContractError(f"generate() returned {type(text).__name__} for prompt {number}; it must be a string")
        if text.encode(errors="ignore").decode() != text:
            raise ContractError(f"generate() returned half a character for prompt {number} (a lone surrogate)")
    return list(returned)
