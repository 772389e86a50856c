"""A task in Python: its file is imported, and its class held against the contract."""

import inspect
from pathlib import Path
from typing import Any

from . import importing
from .errors import PluginError, closest
from .names import TASK_CONTRACT
from .task_contract import Task
from .task_table import TaskTable

KEYS = [key for key in TaskTable.model_fields if key != "name"]
HOOKS = ("row", "read")


def load(path: Path) -> Task:
    """The task of a file. Raises ``PluginError``, which names the file, if it breaks the contract."""
    return _class(path)()


def keys(path: Path) -> dict[str, Any]:
    """The keys of ``[task]`` that the class of a file has as attributes. Raises as ``load`` does."""
    cls = _class(path)
    return {key: value for key in KEYS if (value := getattr(cls, key, None)) is not None}


def _class(path: Path) -> type[Task]:
    module = importing.module(f"tuneoff_task_{path.stem}", path.absolute(), TASK_CONTRACT)
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Task) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise PluginError(f"{path}: needs exactly one class derived from {TASK_CONTRACT}.Task, found {found}")
    if problem := _problem(classes[0]):
        raise PluginError(f"{path}: {classes[0].__name__}{problem}")
    return classes[0]


def _problem(cls: type[Task]) -> str | None:
    """What breaks the contract; ``None`` if nothing does."""
    for name, value in vars(cls).items():
        public = not name.startswith("_") and not callable(value) and not isinstance(value, property)
        if public and name not in KEYS:
            return f".{name}: no such key{closest(name, KEYS)} Begin the names of other attributes with _"
    for name in HOOKS:
        arguments = [*inspect.signature(getattr(cls, name)).parameters]
        if len(arguments) != 2:
            return f".{name}({', '.join(arguments)}): takes self and one more"
    return None
