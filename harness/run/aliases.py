"""While methods are imported, Tuneoff is one package under both of its names, ``tuneoff`` and ``harness``.

A method file may say ``from tuneoff.method import Method`` or ``from harness.method import Method``, and gets the
modules that are running: the ``Method`` of a second copy would be another class. A project may have a package of its
own that is called ``harness``. Its modules stay its own, and only those that it does not have are Tuneoff's.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from ..spec.names import CONTRACT, INSTALLED, PACKAGE, REPOSITORY

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
TUNEOFF_FILES = ("bench.py", "pytest_plugin.py")  # what tells a copy of Tuneoff from a stranger's package


class Aliases(MetaPathFinder, Loader):
    """Finds this package's modules under its other name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of this package, where ``name`` is its other name and nobody else's."""
        if name.partition(".")[0] not in {INSTALLED, REPOSITORY} - {PACKAGE}:
            return None
        parent = sys.modules.get(name.rpartition(".")[0])
        inside = parent is not None and parent.__name__.partition(".")[0] == PACKAGE
        if not inside and _strangers(PathFinder.find_spec(name, path)):
            return None
        return importlib.util.spec_from_loader(name, self) if importlib.util.find_spec(_real(name)) else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the running module in the place of the new one, which the import system allows for."""
        sys.modules[module.__name__] = importlib.import_module(_real(module.__name__))


def use() -> None:
    """From now on, imports in this process know both names."""
    if not any(isinstance(finder, Aliases) for finder in sys.meta_path):
        sys.meta_path.insert(0, Aliases())


def clash(error: BaseException) -> str:
    """Which ``harness`` hides which, and what to do, where an import failed for that; else empty."""
    if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] != REPOSITORY:
        return ""
    others = [folder for folder in folders() if folder != PACKAGE_FOLDER]
    if not others:
        return ""
    if PACKAGE == REPOSITORY:
        return f"; {shadow(others[0])}"
    return f"; {REPOSITORY} is {others[0]} here: write from {CONTRACT} import … for what is Tuneoff's"


def folders() -> list[Path]:
    """The folders called ``harness`` from which Python may import, in its order."""
    found = (Path(entry or ".", REPOSITORY).resolve() for entry in sys.path)
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def shadow(hidden: Path) -> str:
    """What to say of a project's own ``harness`` that this package, which runs under that name, hides."""
    return (
        f"{hidden} is hidden by Tuneoff's own folder of that name, {PACKAGE_FOLDER}: install Tuneoff with pip, which "
        f'calls it {INSTALLED}, write pytest_plugins = ["{INSTALLED}.pytest_plugin"] in conftest.py, and take '
        f"{PACKAGE_FOLDER.parent} out of PYTHONPATH"
    )


def _real(name: str) -> str:
    return PACKAGE + name[len(name.partition(".")[0]) :]


def _strangers(spec: ModuleSpec | None) -> bool:
    """Whether a module is none of Tuneoff's; another copy of Tuneoff is this one as well."""
    places = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    return spec is not None and not any(all((place / name).is_file() for name in TUNEOFF_FILES) for place in places)
