"""Makes Tuneoff one package under both of its names, ``tuneoff`` and ``harness``, while authors' files are imported.

A method file may say ``from tuneoff.method import Method`` or ``from harness.method import Method``, and gets the
modules that are already loaded: the ``Method`` of a second copy would be a different class. If a project has its own
package called ``harness``, it keeps its modules, and only those that it lacks are Tuneoff's.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from .names import CONTRACT, INSTALLED, PACKAGE, REPOSITORY

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
TUNEOFF_FILES = ("bench.py", "pytest_plugin.py")  # files by which a copy of Tuneoff is recognised


class Aliases(MetaPathFinder, Loader):
    """Finds this package's modules under its other name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of this package, if ``name`` is its other name and no other package's module."""
        if name.partition(".")[0] not in {INSTALLED, REPOSITORY} - {PACKAGE}:
            return None
        parent = sys.modules.get(name.rpartition(".")[0])
        inside = parent is not None and parent.__name__.partition(".")[0] == PACKAGE
        if not inside and _is_foreign(PathFinder.find_spec(name, path)):
            return None
        return importlib.util.spec_from_loader(name, self) if importlib.util.find_spec(_real(name)) else None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the new module with the one already loaded, as the import system permits."""
        sys.modules[module.__name__] = importlib.import_module(_real(module.__name__))


def use() -> None:
    """Make imports in this process accept both names from now on, as the process of a run may."""
    if not _used():
        sys.meta_path.insert(0, Aliases())


@contextmanager
def used() -> Iterator[None]:
    """Make imports accept both names inside the context, of which nothing stays in a process of others, such as pytest.

    Without effect in a process that accepts both names anyway.
    """
    if _used():
        yield
        return
    finder, before = Aliases(), set(sys.modules)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            _forget(name)


def clash(error: BaseException, contract: str = CONTRACT) -> str:
    """Which ``harness`` hides which, and what to do, if an import failed because of that; else empty.

    ``contract`` is the module that the file which failed should import from.
    """
    if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] != REPOSITORY:
        return ""
    others = [folder for folder in folders() if folder != PACKAGE_FOLDER]
    if not others:
        return ""
    if PACKAGE == REPOSITORY:
        return f"; {shadow(others[0])}"
    return f"; {REPOSITORY} is {others[0]} here: to import from Tuneoff, write from {contract} import …"


def folders() -> list[Path]:
    """The folders called ``harness`` from which Python may import, in the order of its search."""
    found = (Path(entry or ".", REPOSITORY).resolve() for entry in sys.path)
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def shadow(hidden: Path) -> str:
    """A message about a project's own ``harness`` that is hidden by this package, which has the same name."""
    return (
        f"{hidden} is hidden by Tuneoff's own folder of that name, {PACKAGE_FOLDER}: install Tuneoff with pip, under "
        f'the name {INSTALLED}, write pytest_plugins = ["{INSTALLED}.pytest_plugin"] in conftest.py, and remove '
        f"{PACKAGE_FOLDER.parent} from PYTHONPATH"
    )


def _used() -> bool:
    return any(isinstance(finder, Aliases) for finder in sys.meta_path)


def _forget(name: str) -> None:
    """Remove a module of this package under its other name, also from the package that it seemed to be part of."""
    module, (parent, _, own) = sys.modules[name], name.rpartition(".")
    if name.partition(".")[0] == PACKAGE or getattr(module, "__name__", "").partition(".")[0] != PACKAGE:
        return
    del sys.modules[name]
    package = sys.modules.get(parent)
    if package is not None and package.__name__ == parent and vars(package).get(own) is module:
        delattr(package, own)


def _real(name: str) -> str:
    return PACKAGE + name[len(name.partition(".")[0]) :]


def _is_foreign(spec: ModuleSpec | None) -> bool:
    """Whether a module belongs to a package other than Tuneoff; another copy of Tuneoff does not."""
    places = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    return spec is not None and not any(all((place / name).is_file() for name in TUNEOFF_FILES) for place in places)
