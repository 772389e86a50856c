"""What a model predicts at some places of a batch, without the memory that all of its places would take."""

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel


class Places(NamedTuple):
    """Places of a batch: their rows, and how far they are from the ends of these, padding included; the last is 1.

    What a method puts in front of rows does not move them.
    """

    rows: torch.Tensor
    from_end: torch.Tensor

    def of(self, batch: torch.Tensor) -> torch.Tensor:
        """What a tensor of shape (rows, places of a row, size) has at these places, of shape (places, size)."""
        return batch[self.rows, batch.shape[1] - self.from_end]


def at(model: PreTrainedModel, places: Places, **inputs: Any) -> tuple[torch.Tensor, Any]:
    """What a model predicts at these places, of shape (places, vocabulary), and its output.

    Its output layer sees these places alone, so that the logits of all others are never computed; a model whose output
    layer is no module computes them all.
    """
    narrowed: list[bool] = []

    def narrow(_: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if narrowed or not given:
            return None
        narrowed.append(True)
        return (places.of(given[0])[None], *given[1:])

    with ExitStack() as hooked:
        if (head := _head(model)) is not None:
            hooked.enter_context(head.register_forward_pre_hook(narrow))
        output = model(**inputs)
    return (output.logits[0] if narrowed else places.of(output.logits)), output


def _head(model: torch.nn.Module) -> torch.nn.Module | None:
    """The layer that makes logits of what the last block returns."""
    found = getattr(model, "get_output_embeddings", lambda: None)()
    return found if isinstance(found, torch.nn.Module) else None
