"""Which ``conftest.py`` a ``--benchmark`` session loads: the root folder's, and none of the test folders'.

pytest loads the files of test folders before it parses ``--benchmark``. What these files do for tests, such as
keeping them off the hub or a GPU, would affect the session and every run.
"""

import glob
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

OWN = Path(__file__).parents[2] / "conftest.py"


def leave_out_those_of_tests(config: pytest.Config) -> None:
    """With ``--benchmark``, keep pytest from loading any ``conftest.py`` below the root folder that is not loaded yet.

    Call this while pytest loads plugins: options are not parsed yet.
    """
    given = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.getini("addopts")]
    given += map(str, config.invocation_params.args)
    if "--benchmark" not in given:
        return
    for path in _places(config, given):
        with suppress(OSError):  # an argument that is not a path may be too long for one
            for folder in (path, *path.glob("test*"), *path.parents):
                if config.rootpath in folder.parents and (folder / "conftest.py").is_file():
                    _stand_in(config.pluginmanager, folder / "conftest.py")


def leave_out_own(config: pytest.Config) -> None:
    """Leave out the ``conftest.py`` of Tuneoff's checkout.

    In another project, pytest rejects it because it is not in the root folder.
    """
    _stand_in(config.pluginmanager, OWN)


def _places(config: pytest.Config, given: Sequence[str]) -> Iterator[Path]:
    """The places where pytest may start to look for tests, and for test folders one level below."""
    patterns = [str(config.rootpath / each) for each in config.getini("testpaths")]
    configured = [found for each in patterns for found in glob.iglob(each, recursive=True)]  # noqa: PTH207 (as pytest)
    for each in ("", *(each.partition("::")[0] for each in given), *configured):
        path = config.invocation_params.dir / each
        yield Path(os.path.abspath(path))  # noqa: PTH100 (pytest leaves links as they are)


def _stand_in(plugins: pytest.PytestPluginManager, path: Path) -> None:
    """Register an empty module under the name of a ``conftest.py``, so that pytest considers the file loaded."""
    if not plugins.has_plugin(str(path)):
        plugins.register(ModuleType("conftest"), str(path))
