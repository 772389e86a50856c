"""Whether a model has positions for all that it is to read and to write."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from ..spec.errors import Unsupported
from . import learned_prompts
from .family import Demand, Family, Lengths


class Shortage(NamedTuple):
    """A part of a model with fewer positions than it needs; as a text, what it has and needs."""

    demand: Demand
    positions: int

    def __str__(self) -> str:
        demand = self.demand
        return (
            f"{demand.name} has {self.positions:,} positions, but the longest {demand.what} may take "
            f"{demand.tokens:,} tokens"
        )


def shortage(family: Family, model: torch.nn.Module, lengths: Lengths) -> Shortage | None:
    """The first part of a model that is too short for a prompt and an answer of these lengths; ``None`` if none is.

    The model may be inside another; what a PEFT model puts in front of prompts and answers is added to the lengths.
    """
    base = next((module for module in model.modules() if isinstance(module, PreTrainedModel)), None)
    if base is None:
        return None
    source, target = (sum(pair) for pair in zip(lengths, learned_prompts.lengths(model), strict=True))
    found = (Shortage(each, _positions(each)) for each in family.demands(base, source, target))
    return next((each for each in found if each.demand.tokens > each.positions), None)


def require(family: Family, model: torch.nn.Module, lengths: Lengths) -> None:
    """Raise ``Unsupported`` if a method asks a model with a prompt and an answer for which it has too few positions."""
    if short := shortage(family, model, lengths):
        raise Unsupported(f"the base model's {short}, as this method asks it")


def _positions(demand: Demand) -> int:
    """The positions of a part; as many as it needs if they have no end."""
    return min(_tables(demand.part), default=demand.tokens)


def _tables(part: torch.nn.Module) -> Iterator[int]:
    """The lengths of the tables of absolute positions, and of what rotary positions were made for."""
    for name, module in part.named_modules():
        if _holds_positions(name.rpartition(".")[2]) and isinstance(module, torch.nn.Embedding):
            yield module.num_embeddings - getattr(module, "offset", 0)
        elif type(module).__name__.endswith("RotaryEmbedding") and (
            most := getattr(module, "max_seq_len_cached", None)
        ):
            yield int(most)
    for name, buffer in part.named_buffers():  # sinusoids of GPT-J and CTRL, and no numbers of positions
        if _holds_positions(name.rpartition(".")[2]) and buffer.dim() == 2 and buffer.is_floating_point():
            yield len(buffer)


def _holds_positions(name: str) -> bool:
    return "position" in name or name in ("wpe", "pos_encoding")
