"""Which parts of a T5 a method's training can change: found out by changing everything trainable, not from names."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ..models.base_model import Model

EMBEDDINGS = "embeddings"  # seen by what comes into the first block of each stack
PARTS = {  # with the ends of the names of their modules; an adapter only adds to the front of a name
    EMBEDDINGS: "block.0",
    "encoder self-attention": "encoder.block.{}.layer.0",
    "encoder feed-forward": "encoder.block.{}.layer.1",
    "decoder self-attention": "decoder.block.{}.layer.0",
    "cross-attention": "decoder.block.{}.layer.1",
    "decoder feed-forward": "decoder.block.{}.layer.2",
    "LM head": "lm_head",
}
STEP = 0.1  # the size of the random change


@dataclass(frozen=True)
class _Call:
    """What a module was given, by position and by name, and what it gave."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    gave: torch.Tensor


_Calls = dict[tuple[str, str], _Call]  # by part and module


def of(model: Model, run: Callable[[], object]) -> tuple[str, ...]:
    """The parts that answer otherwise, given the same, once everything trainable has changed; it stays changed.

    ``run`` puts the same inputs through the model each time, which may have up to ten blocks.
    """
    before = _trace(model, run, {})
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += STEP * torch.randn_like(parameter)
    after = _trace(model, run, before)
    changed = {key[0] for key, call in before.items() if not torch.equal(call.gave, after[key].gave)}
    return tuple(part for part in PARTS if part in changed)


def _trace(model: Model, run: Callable[[], object], given: _Calls) -> _Calls:
    """The calls of all parts in a run, in which each is given the tensors that it was given in those calls."""
    calls: _Calls = {}
    with ExitStack() as hooks:
        for part, name, module in _parts(model):
            if part != EMBEDDINGS and given:
                before = partial(_given, given[part, name])
                hooks.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
            after = partial(_note, calls, part, name)
            hooks.callback(module.register_forward_hook(after, with_kwargs=True).remove)
        run()
    return calls


def _given(was: _Call, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    same = tuple(old if isinstance(old, torch.Tensor) else new for old, new in zip(was.args, args, strict=True))
    return same, {name: was.kwargs[name] if isinstance(new, torch.Tensor) else new for name, new in kwargs.items()}


def _note(
    calls: _Calls, part: str, name: str, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> None:
    gave = args[0] if part == EMBEDDINGS else output[0] if isinstance(output, tuple) else output
    calls[part, name] = _Call(args, kwargs, gave)


def _parts(model: Model) -> Iterator[tuple[str, str, torch.nn.Module]]:
    for name, module in model.named_modules():
        for part, end in PARTS.items():
            if name.endswith(tuple(end.format(number) for number in range(10))):
                yield part, name, module
