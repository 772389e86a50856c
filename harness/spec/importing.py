"""Imports a file that an author wrote, and says which line of it is wrong if that fails."""

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from . import aliases
from .errors import PluginError

LATE = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def module(name: str, path: Path, contract: str) -> ModuleType:
    """Import the file under that name; ``contract`` is the module that it should import from.

    Raises ``PluginError``, which names the file and, if known, the line.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: not a Python file")
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    try:
        with aliases.used():
            spec.loader.exec_module(made)
    except SyntaxError as error:
        if error.filename == str(path):
            raise PluginError(f"{path}:{error.lineno}: {error.msg}") from error
        raise _unimportable(path, error, contract) from error
    except (Exception, SystemExit) as error:  # an author's file may raise anything
        raise _unimportable(path, error, contract) from error
    return made


def only_class(imported: ModuleType, base: type[Any], path: Path, contract: str) -> type[Any]:
    """The class of the file that is derived from ``base``, a class of the module ``contract``.

    Raises ``PluginError`` unless the file defines exactly one.
    """
    own = [
        value for value in vars(imported).values() if inspect.isclass(value) and value.__module__ == imported.__name__
    ]
    classes = [cls for cls in own if issubclass(cls, base)]
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise PluginError(f"{path}: needs exactly one class derived from {contract}.{base.__name__}, found {found}")
    return classes[0]


def line_in(error: BaseException, path: Path | str) -> int:
    """The line of a file in which an error was raised, or on whose way it was; 1 if there is none."""
    lines, trace = [1], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def instance(cls: type[Any], path: Path) -> Any:
    """An object of a class in an author's file. Raises ``PluginError`` if it cannot be made without arguments."""
    try:
        return cls()
    except Exception as error:  # an author's class may raise anything
        raise PluginError(f"{path}: {cls.__name__}() cannot be made: {type(error).__name__}: {error}") from error


def misfit(plugin: object, hook: str, arguments: int) -> str | None:
    """Why a function of an author's object cannot be called with so many arguments; ``None`` if it can.

    Whether it is a method, a class method or a static method makes no difference.
    """
    called = getattr(plugin, hook)
    if not callable(called):
        return f"{hook} is no function but {type(called).__name__}"
    if any(is_late(called) for is_late in LATE):
        return f"{hook}() must return its result; it cannot be asynchronous or a generator"
    try:
        signature = inspect.signature(called)
    except ValueError:  # of a function that is not written in Python
        return None
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        wanted = "one argument" if arguments == 1 else f"{arguments} arguments"
        return f"{hook}{signature} must take {wanted}, beside self in a method"
    return None


def _unimportable(path: Path, error: BaseException, contract: str) -> PluginError:
    clash = aliases.clash(error, contract)
    return PluginError(f"{path}:{line_in(error, path)}: cannot be imported: {type(error).__name__}: {error}{clash}")
