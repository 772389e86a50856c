"""Finds the files that define methods and metrics, without importing any of them."""

import ast
import importlib.util
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from .errors import PluginError, unknown
from .hashing import digest
from .names import CONTRACT, CONTRACTS, METRIC_CONTRACTS

ROOM = Path(__file__).resolve().parent
# Beside the package in the repository, inside it when installed.
BUILT_IN = next(folder for folder in (ROOM.parent / "methods", ROOM.parents[1] / "methods") if folder.is_dir())


@dataclass(frozen=True)
class Kind:
    """What files of one kind are called, and how they are found and recognised."""

    name: str
    ini: str  # the key of pytest's ini that names folders
    entry_points: str  # the group; each names a package that holds such files, or one file's module
    contracts: tuple[str, ...]  # what they import from
    bases: tuple[str, ...]  # how the names of their classes' bases end
    built_in: Path | None = None  # Tuneoff's own folder, in which every file is one


METHODS = Kind("method", "method_paths", "tuneoff.methods", CONTRACTS, ("Method", "Bound"), BUILT_IN)
METRICS = Kind("metric", "metric_paths", "tuneoff.metrics", METRIC_CONTRACTS, ("Scorer",))


@dataclass(frozen=True)
class Plugin:
    """One file of a method or a metric, not imported yet; ``id`` is the file's name."""

    id: str
    path: Path

    @property
    def source_hash(self) -> str:
        """Twelve hex digits of the file's content."""
        return digest(self.path.read_bytes())


def discover(folders: Iterable[Path] = (), kind: Kind = METHODS) -> dict[str, Plugin]:
    """Every file of this kind of Tuneoff, of ``folders`` and of installed packages, by id. Imports none of them.

    Raises ``PluginError`` if a folder does not exist, or if two files have the same id.
    """
    plugins: dict[str, Plugin] = {}
    for path in _files(folders, kind):
        if _is_one(path, kind):
            known = plugins.setdefault(path.stem, Plugin(path.stem, path))
            if known.path != path:
                raise _clash(known.path, path, kind)
    return dict(sorted(plugins.items()))


def passed_over(folders: Iterable[Path] = (), kind: Kind = METHODS) -> list[Path]:
    """The Python files that ``discover`` reads but skips, because they are not of this kind."""
    return [path for path in _files(folders, kind) if not _is_one(path, kind)]


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


def _files(folders: Iterable[Path], kind: Kind) -> Iterable[Path]:
    """The Python files of Tuneoff, of folders and of installed packages, in order; ``folders`` may contain files."""
    configured = list(folders)
    for folder in configured:
        if not folder.exists():
            raise PluginError(f"{kind.ini}: {folder}: no such file or folder; correct it in pytest's ini")
    own = [kind.built_in] if kind.built_in else []
    for place in dict.fromkeys(place.resolve() for place in [*own, *configured, *installed(kind.entry_points)]):
        found = [place] if place.is_file() else sorted(place.glob("*.py"))
        yield from (path for path in found if not path.name.startswith("_"))


def _is_one(path: Path, kind: Kind) -> bool:
    """Whether a file has a class that may be of this kind, found out without running it; others are not Tuneoff's.

    Such a class has a base class, and either the file imports from one of the contracts or the base's name ends like
    one of the contract's classes. A file with a syntax error counts if it names a contract: its row shows the error.
    """
    if path.parent == kind.built_in:
        return True
    content = path.read_bytes()
    try:
        with warnings.catch_warnings(action="ignore"):  # about invalid escapes in other people's files
            nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError, RecursionError):
        return any(name.encode() in content for name in kind.contracts)
    bases = [base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    imports = any(_imports(node, kind.contracts) for node in nodes)
    return any(imports or _name(base).endswith(kind.bases) for base in bases)


def _imports(node: ast.AST, contracts: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name in contracts for alias in node.names)
    if not isinstance(node, ast.ImportFrom):
        return False
    return bool({f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)} & set(contracts))


def _name(base: ast.expr) -> str:
    """The last part of a base class's name."""
    if isinstance(base, ast.Subscript):
        return _name(base.value)
    return base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""


def _clash(one: Path, other: Path, kind: Kind) -> PluginError:
    return PluginError(
        f"two {kind.name}s have the id {one.stem!r}: {one} and {other}; rename one of the files, begin its name with _ "
        f"to skip it, or remove its folder from {kind.ini} in pytest's ini (or from {kind.entry_points})"
    )
