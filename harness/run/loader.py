"""Imports a method's file and checks its class against the contract."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..spec import aliases, hyperparameters, importing
from ..spec.errors import PluginError, Unsupported
from ..spec.names import CONTRACT
from ..spec.registry import BUILT_IN, Plugin

if TYPE_CHECKING:
    from ..method import Method


def load(plugin: Plugin, overrides: Mapping[str, Any]) -> "type[Method]":
    """Import the plugin's file and return its class with the suite's hyper-parameters.

    Raises ``PluginError``, which names the file and, if known, the line.
    """
    cls = _class(plugin)
    if found := _problems(cls, plugin, overrides):
        raise PluginError("\n".join(found))
    own = cls.hyperparameters()
    values = {name: hyperparameters.like(own[name], value) for name, value in overrides.items()}
    return type(cls.__name__, (cls,), {**values, "__module__": cls.__module__})


def defaults(cls: "type[Method]") -> dict[str, Any]:
    """The values in the method's file of those hyper-parameters that have another value in a loaded class."""
    used = cls.hyperparameters()
    return {name: own for name, own in cls.__mro__[1].hyperparameters().items() if own != used[name]}  # type: ignore[attr-defined]


def multiply(cls: "type[Method]", multiplier: float) -> None:
    """Multiply the learning rate of a trial's class, rounded to two digits for use in a suite file."""
    if not cls.trains:
        raise Unsupported("it learns nothing, so there is no learning rate to search")
    if multiplier != 1:
        cls.learning_rate = float(f"{cls.learning_rate * multiplier:.1e}")


def problems(plugin: Plugin, overrides: Mapping[str, Any]) -> list[str]:
    """The problems with a method's hyper-parameters; none for a file that cannot be used at all."""
    try:
        cls = _class(plugin)
    except PluginError:
        return []  # the method's own row says why
    return _problems(cls, plugin, overrides)


def _problems(cls: "type[Method]", plugin: Plugin, overrides: Mapping[str, Any]) -> list[str]:
    known, table = cls.hyperparameters(), f"[methods.{plugin.id}]"
    return hyperparameters.problems(cls, known, overrides, table=table, file=f"{plugin.path}")


def _class(plugin: Plugin) -> "type[Method]":
    """Import the file and return its only method class; raises ``PluginError`` if it breaks the contract."""
    aliases.use()
    module = importing.module(f"tuneoff_method_{plugin.id}", plugin.path, CONTRACT)
    from ..method import Bound, Method, PeftMethod  # imports torch, so only when a method is really used

    cls: type[Method] = importing.only_class(module, Method, plugin.path, CONTRACT)
    configured = issubclass(cls, PeftMethod) and cls.config is not PeftMethod.config
    if cls.build in (Method.build, PeftMethod.build) and not configured:
        raise PluginError(f"{plugin.path}: {cls.__name__} does not define build(); {_example('bitfit')} is an example")
    if issubclass(cls, Bound) and cls.answer is Bound.answer:
        raise PluginError(f"{plugin.path}: {cls.__name__} does not define answer(); {_example('oracle')} is an example")
    return cls


def _example(method: str) -> Path:
    return BUILT_IN / f"{method}.py"
