"""Finding methods and checking that they keep the contract, before anything is trained."""

import ast
import hashlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import hyperparameters
from harness.errors import PluginError, unknown

if TYPE_CHECKING:
    from harness.method import Method

BUILT_IN = Path(__file__).parent.parent / "methods"
CONTRACT = "harness.method"
ENTRY_POINTS = "tuneoff.methods"  # each names a package that holds method files, or one method's module


@dataclass(frozen=True)
class Plugin:
    """One method file, not imported yet; ``id`` is the file's name."""

    id: str
    path: Path

    @property
    def source_hash(self) -> str:
        """Twelve hex digits of the file's content."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]


def discover(folders: Iterable[Path] = ()) -> dict[str, Plugin]:
    """Every method file of Tuneoff, of ``folders`` and of installed packages, by id. Imports none of them.

    Raises ``PluginError`` for a folder that is not there, and when two files claim one id.
    """
    plugins: dict[str, Plugin] = {}
    for path in _files(folders):
        if _is_method(path):
            known = plugins.setdefault(path.stem, Plugin(path.stem, path))
            if known.path != path:
                raise _clash(known.path, path)
    return dict(sorted(plugins.items()))


def passed_over(folders: Iterable[Path] = ()) -> list[Path]:
    """The Python files among those that ``discover`` looks at which define no method, and are left alone."""
    return [path for path in _files(folders) if not _is_method(path)]


def find(plugins: Mapping[str, Plugin], method: str) -> Plugin:
    """The plugin of that id, or a ``PluginError`` that lists the known ones."""
    if method not in plugins:
        raise PluginError(
            f"{unknown('method', method, plugins)}. A new method is one file, {method}.py, with a class derived from "
            "harness.method.Method, in a folder that method_paths in pytest's ini names"
        )
    return plugins[method]


def load(plugin: Plugin, overrides: Mapping[str, Any]) -> "type[Method]":
    """The plugin's class with the suite's hyper-parameters; the file is imported here.

    Raises ``PluginError`` that names the file, and the line where there is one.
    """
    cls = _class(plugin)
    if found := _problems(cls, plugin, overrides):
        raise PluginError("\n".join(found))
    own = cls.hyperparameters()
    values = {name: hyperparameters.like(own[name], value) for name, value in overrides.items()}
    return type(cls.__name__, (cls,), {**values, "__module__": cls.__module__})


def problems(plugin: Plugin, overrides: Mapping[str, Any]) -> list[str]:
    """What is wrong with a method's hyper-parameters; nothing is known of a file that cannot be used at all."""
    try:
        cls = _class(plugin)
    except PluginError:
        return []  # it costs its own row, which says why
    return _problems(cls, plugin, overrides)


def _problems(cls: "type[Method]", plugin: Plugin, overrides: Mapping[str, Any]) -> list[str]:
    known, table = cls.hyperparameters(), f"[methods.{plugin.id}]"
    return hyperparameters.problems(cls, known, overrides, table=table, file=f"{plugin.path}")


def _class(plugin: Plugin) -> "type[Method]":
    """The one class of the file, which is imported here; raises ``PluginError`` where it breaks the contract."""
    module = _import(plugin)
    from harness.method import Bound, Method, PeftMethod  # torch: only where a method is really used

    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise PluginError(f"{plugin.path}: needs exactly one class derived from harness.method.Method, found {found}")
    cls = classes[0]
    configured = issubclass(cls, PeftMethod) and cls.config is not PeftMethod.config
    if cls.build in (Method.build, PeftMethod.build) and not configured:
        raise PluginError(f"{plugin.path}: {cls.__name__} does not define build(); methods/lora.py shows the shape")
    if issubclass(cls, Bound) and cls.answer is Bound.answer:
        raise PluginError(f"{plugin.path}: {cls.__name__} does not define answer(); methods/oracle.py shows the shape")
    return cls


def _import(plugin: Plugin) -> Any:
    name = f"methods.{plugin.id}" if plugin.path.parent == BUILT_IN else f"tuneoff_method_{plugin.id}"
    spec = importlib.util.spec_from_file_location(name, plugin.path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{plugin.path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        if error.filename == str(plugin.path):
            raise PluginError(f"{plugin.path}:{error.lineno}: {error.msg}") from error
        raise _unimportable(plugin, error) from error
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        raise _unimportable(plugin, error) from error
    return module


def _unimportable(plugin: Plugin, error: BaseException) -> PluginError:
    where = f"{plugin.path}:{_line_in(error, plugin.path)}"
    return PluginError(f"{where}: cannot be imported: {type(error).__name__}: {error}")


def _line_in(error: BaseException, path: Path) -> int:
    lines, trace = [1], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    """The Python files of Tuneoff, of folders and of installed packages, in order; files may be named themselves."""
    configured = list(folders)
    for folder in configured:
        if not folder.exists():
            raise PluginError(f"method_paths: {folder}: no such file or folder; correct it in pytest's ini")
    for place in dict.fromkeys(place.resolve() for place in [BUILT_IN, *configured, *_installed()]):
        found = [place] if place.is_file() else sorted(place.glob("*.py"))
        yield from (path for path in found if not path.name.startswith("_"))


def _is_method(path: Path) -> bool:
    """Whether a file has a class that may be a method, told without running it: other files are somebody else's.

    That is a class with a base, where the file imports from ``harness.method`` or the base is called like one of its
    classes. A file that is no Python is one where it names ``harness.method``: its row then tells the error.
    """
    if path.parent == BUILT_IN:
        return True
    content = path.read_bytes()
    try:
        with warnings.catch_warnings(action="ignore"):  # about somebody else's backslashes
            nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError, RecursionError):
        return CONTRACT.encode() in content
    bases = [base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    imports = any(_imports_contract(node) for node in nodes)
    return any(imports or _name(base).endswith(("Method", "Bound")) for base in bases)


def _imports_contract(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name == CONTRACT for alias in node.names)
    if not isinstance(node, ast.ImportFrom):
        return False
    return node.module == CONTRACT or CONTRACT in {f"{node.module}.{alias.name}" for alias in node.names}


def _name(base: ast.expr) -> str:
    """The last part of a base class' name."""
    if isinstance(base, ast.Subscript):
        return _name(base.value)
    return base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""


def _clash(one: Path, other: Path) -> PluginError:
    return PluginError(
        f"two methods have the id {one.stem!r}: {one} and {other}; rename one of the files, begin its name with _ to "
        f"have it passed over, or take its folder out of method_paths in pytest's ini (or of {ENTRY_POINTS})"
    )


def _installed() -> Iterable[Path]:
    """The folders, or single files, that installed packages offer through the entry-point group."""
    for point in entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(point.module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or (spec.origin is None and not spec.submodule_search_locations):
            raise PluginError(f"entry point {point.name!r} of {ENTRY_POINTS}: there is no module {point.module}")
        yield from map(Path, spec.submodule_search_locations or [str(spec.origin)])
