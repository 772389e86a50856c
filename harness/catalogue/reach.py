"""Which parts of a model a method's training can change: found out by changing everything trainable, not from names."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ..models.base_model import Model
from ..models.parts import ATTENTION, FEED_FORWARD, Parts, parts

EMBEDDINGS = "embeddings"  # seen by what comes into the first block of each stack
CROSS, HEAD = "cross-attention", "LM head"
PARTS = (
    EMBEDDINGS,
    "encoder self-attention",
    "encoder feed-forward",
    "decoder self-attention",
    CROSS,
    "decoder feed-forward",
    HEAD,
)
NORM = "norm"  # beside the modules of the parts: it belongs to the part that is called after it
STEP = 0.1  # the size of the random change


@dataclass(frozen=True)
class _Call:
    """What a module was given, by position and by name, and what it gave."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    gave: torch.Tensor


_Calls = dict[str, _Call]  # by the module's name in the base
Places = Mapping[str, str]  # the part that a module belongs to, by its name in the base


def places(base: Model) -> Places:
    """The modules of each part of a base without an adapter: the largest ones that have nothing of another part."""
    found = parts(base)
    projections = {name: part for name in found.roles if (part := _part(found, name))}
    around = defaultdict[str, set[str]](set)
    for name, part in projections.items():
        for module in _around(name):
            around[module].add(part)
    whole = {
        next(module for module in _around(name) if len(around[module]) == 1): part for name, part in projections.items()
    }
    blocks = [block for stack in found.blocks.values() for block in stack]
    norms = [name for name, roles in found.roles.items() if "norm" in roles]
    beside = [name for name in norms if _within(blocks, name) and not _within(whole, name)]
    first = [stack[0] for stack in found.blocks.values()]
    return {**dict.fromkeys(first, EMBEDDINGS), **whole, **dict.fromkeys(beside, NORM)}


def of(model: Model, where: Places, run: Callable[[], object]) -> tuple[str, ...]:
    """The parts that answer otherwise, given the same, once everything trainable has changed; it stays changed.

    ``where`` are the ``places`` of the base that it was made from; ``run`` puts the same inputs through it each time.
    """
    modules = _modules(model, where)
    before = _trace(modules, where, run, {})
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += STEP * torch.randn_like(parameter)
    after = _trace(modules, where, run, before)
    called = _parts_called(before, where)
    changed = {called[name] for name, call in before.items() if not torch.equal(call.gave, after[name].gave)}
    return tuple(part for part in PARTS if part in changed)


def _part(found: Parts, name: str) -> str:
    """The part that a module with a role belongs to; empty for embeddings and norms."""
    if name in found.cross:
        return CROSS
    stack = next((stack for stack, blocks in found.blocks.items() if _within(blocks, name)), "")
    if ATTENTION.keys() & found.roles[name]:
        return f"{stack} self-attention"
    if FEED_FORWARD.keys() & found.roles[name]:
        return f"{stack} feed-forward"
    return HEAD if "head" in found.roles[name] else ""


def _around(name: str) -> list[str]:
    """The modules that a module is in, from the outermost to itself."""
    path = name.split(".")
    return [".".join(path[: length + 1]) for length in range(len(path))]


def _within(modules: Iterable[str], name: str) -> bool:
    return name.startswith(tuple(f"{module}." for module in modules))


def _modules(model: Model, where: Places) -> dict[str, torch.nn.Module]:
    """The modules of these places in a model with an adapter, which adds to the front of names, or wraps modules."""
    found: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        path = f".{name.replace('.base_layer', '')}"
        for place in where:
            if path.endswith(f".{place}"):
                found.setdefault(place, module)  # a wrapper comes before what it wraps
    return found


def _trace(modules: Mapping[str, torch.nn.Module], where: Places, run: Callable[[], object], given: _Calls) -> _Calls:
    """The calls of all modules in a run, in which each is given the tensors that it was given in those calls."""
    calls: _Calls = {}
    with ExitStack() as hooks:
        for name, module in modules.items():
            if name in given and where[name] != EMBEDDINGS:
                before = partial(_given, given[name])
                hooks.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
            after = partial(_note, calls, name, where[name])
            hooks.callback(module.register_forward_hook(after, with_kwargs=True).remove)
        run()
    return calls


def _given(was: _Call, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    same = tuple(old if isinstance(old, torch.Tensor) else new for old, new in zip(was.args, args, strict=True))
    return same, {name: was.kwargs[name] if isinstance(new, torch.Tensor) else new for name, new in kwargs.items()}


def _note(
    calls: _Calls, name: str, part: str, _: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> None:
    if part == EMBEDDINGS:
        gave = next(each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor))
    else:
        gave = output[0] if isinstance(output, tuple) else output
    calls[name] = _Call(args, kwargs, gave)


def _parts_called(calls: _Calls, where: Places) -> dict[str, str]:
    """The part of each module that was called, in whose order ``calls`` are."""
    found, following = dict[str, str](), ""
    for name in reversed(calls):
        if where[name] not in (NORM, EMBEDDINGS):
            following = where[name]
        found[name] = following if where[name] == NORM else where[name]
    return found
