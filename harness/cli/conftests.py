"""Which ``conftest.py`` a session of ``--benchmark`` loads: the root folder's, and none of a project's tests.

pytest loads those of its test folders before it knows of ``--benchmark``. What they do for the sake of tests, such as
keeping them away from the hub or from a GPU, would reach the session and every run.
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
    """With ``--benchmark``, keep pytest from loading what is below the root folder and is not loaded yet.

    To be called while pytest loads plugins: options are not parsed yet.
    """
    given = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.getini("addopts")]
    given += map(str, config.invocation_params.args)
    if "--benchmark" not in given:
        return
    for path in _places(config, given):
        with suppress(OSError):  # an argument that is no path may be too long for one
            for folder in (path, *path.glob("test*"), *path.parents):
                if config.rootpath in folder.parents and (folder / "conftest.py").is_file():
                    _stand_in(config.pluginmanager, folder / "conftest.py")


def leave_out_own(config: pytest.Config) -> None:
    """For another project, the ``conftest.py`` of a checkout of Tuneoff is not a root one, which pytest refuses."""
    _stand_in(config.pluginmanager, OWN)


def _places(config: pytest.Config, given: Sequence[str]) -> Iterator[Path]:
    """Where pytest may begin to look for tests, and for test folders just below."""
    patterns = [str(config.rootpath / each) for each in config.getini("testpaths")]
    configured = [found for each in patterns for found in glob.iglob(each, recursive=True)]  # noqa: PTH207 (as pytest)
    for each in ("", *(each.partition("::")[0] for each in given), *configured):
        path = config.invocation_params.dir / each
        yield Path(os.path.abspath(path))  # noqa: PTH100 (pytest leaves links as they are)


def _stand_in(plugins: pytest.PytestPluginManager, path: Path) -> None:
    """Put an empty module in the place of a ``conftest.py``, by whose name pytest takes it for loaded."""
    if not plugins.has_plugin(str(path)):
        plugins.register(ModuleType("conftest"), str(path))
