"""Finds the files that define methods, without importing any of them."""

import ast
import importlib.util
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from .errors import PluginError, unknown
from .hashing import digest
from .names import CONTRACT, CONTRACTS

ROOM = Path(__file__).resolve().parent
# Beside the package in the repository, inside it when installed.
BUILT_IN = next(folder for folder in (ROOM.parent / "methods", ROOM.parents[1] / "methods") if folder.is_dir())
ENTRY_POINTS = "tuneoff.methods"  # each names a package that holds method files, or one method's module


@dataclass(frozen=True)
class Plugin:
    """One method file, not imported yet; ``id`` is the file's name."""

    id: str
    path: Path

    @property
    def source_hash(self) -> str:
        """Twelve hex digits of the file's content."""
        return digest(self.path.read_bytes())


def discover(folders: Iterable[Path] = ()) -> dict[str, Plugin]:
    """Every method file of Tuneoff, of ``folders`` and of installed packages, by id. Imports none of them.

    Raises ``PluginError`` if a folder does not exist, or if two files have the same id.
    """
    plugins: dict[str, Plugin] = {}
    for path in _files(folders):
        if _is_method(path):
            known = plugins.setdefault(path.stem, Plugin(path.stem, path))
            if known.path != path:
                raise _clash(known.path, path)
    return dict(sorted(plugins.items()))


def passed_over(folders: Iterable[Path] = ()) -> list[Path]:
    """The Python files that ``discover`` reads but skips, because they define no method."""
    return [path for path in _files(folders) if not _is_method(path)]


def find(plugins: Mapping[str, Plugin], method: str) -> Plugin:
    """The plugin with that id. Raises ``PluginError``, which lists the known ones, if there is none."""
    if method not in plugins:
        raise PluginError(
            f"{unknown('method', method, plugins)}. A new method is one file, {method}.py, with a class derived from "
            f"{CONTRACT}.Method, in a folder that method_paths in pytest's ini names"
        )
    return plugins[method]


def installed(group: str) -> Iterable[Path]:
    """The folders or single files that installed packages offer through an entry-point group.

    Raises ``PluginError`` for a module that does not exist.
    """
    for point in entry_points(group=group):
        try:
            spec = importlib.util.find_spec(point.module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or (spec.origin is None and not spec.submodule_search_locations):
            raise PluginError(f"entry point {point.name!r} of {group}: there is no module {point.module}")
        yield from map(Path, spec.submodule_search_locations or [str(spec.origin)])


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    """The Python files of Tuneoff, of folders and of installed packages, in order; ``folders`` may contain files."""
    configured = list(folders)
    for folder in configured:
        if not folder.exists():
            raise PluginError(f"method_paths: {folder}: no such file or folder; correct it in pytest's ini")
    for place in dict.fromkeys(place.resolve() for place in [BUILT_IN, *configured, *installed(ENTRY_POINTS)]):
        found = [place] if place.is_file() else sorted(place.glob("*.py"))
        yield from (path for path in found if not path.name.startswith("_"))


def _is_method(path: Path) -> bool:
    """Whether a file has a class that may be a method, found out without running it; other files are not Tuneoff's.

    Such a class has a base class, and either the file imports from one of ``CONTRACTS`` or the base's name ends like
    one of the contract's classes. A file with a syntax error counts if it names a contract: its row shows the error.
    """
    if path.parent == BUILT_IN:
        return True
    content = path.read_bytes()
    try:
        with warnings.catch_warnings(action="ignore"):  # about invalid escapes in other people's files
            nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError, RecursionError):
        return any(name.encode() in content for name in CONTRACTS)
    bases = [base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    imports = any(_imports_contract(node) for node in nodes)
    return any(imports or _name(base).endswith(("Method", "Bound")) for base in bases)


def _imports_contract(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name in CONTRACTS for alias in node.names)
    if not isinstance(node, ast.ImportFrom):
        return False
    return bool({f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)} & set(CONTRACTS))


def _name(base: ast.expr) -> str:
    """The last part of a base class's name."""
    if isinstance(base, ast.Subscript):
        return _name(base.value)
    return base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""


def _clash(one: Path, other: Path) -> PluginError:
    return PluginError(
        f"two methods have the id {one.stem!r}: {one} and {other}; rename one of the files, begin its name with _ to "
        f"skip it, or remove its folder from method_paths in pytest's ini (or from {ENTRY_POINTS})"
    )
