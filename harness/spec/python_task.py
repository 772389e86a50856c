"""A task in Python: its file is imported, and its class held against the contract."""

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
    return _task(path)


def keys(path: Path) -> dict[str, Any]:
    """The keys of ``[task]`` that the class of a file has as attributes. Raises as ``load`` does."""
    task = _task(path)
    return {key: value for key in KEYS if (value := getattr(task, key, None)) is not None}


def _task(path: Path) -> Task:
    module = importing.module(f"tuneoff_task_{path.stem}", path.absolute(), TASK_CONTRACT)
    cls: type[Task] = importing.only_class(module, Task, path, TASK_CONTRACT)
    if problem := _unknown(cls):
        raise PluginError(f"{path}: {cls.__name__}.{problem}")
    task: Task = importing.instance(cls, path)
    if problem := next(filter(None, (importing.misfit(task, name, 1) for name in HOOKS)), None):
        raise PluginError(f"{path}: {cls.__name__}: {problem}")
    return task


def _unknown(cls: type[Task]) -> str | None:
    """The first attribute of a class that is no key, and what to do; ``None`` if all are."""
    known = {*KEYS, *HOOKS}
    for name, value in vars(cls).items():
        hidden = name.startswith("_") or callable(value) or isinstance(value, property | classmethod | staticmethod)
        if not hidden and name not in known:
            return f"{name}: no such key{closest(name, KEYS)} Begin the names of other attributes with _"
    return None
