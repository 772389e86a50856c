"""pytest's face: what ``--benchmark`` makes of a session. Without it nothing is different.

A project opts in with one line in its root ``conftest.py``: ``pytest_plugins = ["tuneoff.pytest_plugin"]``, or
``["harness.pytest_plugin"]`` where Tuneoff is not installed and its repository is in ``PYTHONPATH``.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from .cli import against, conftests, options, other_plugins, runs, selftest, terminal
from .spec.names import INSTALLED, PACKAGE, REPOSITORY

BENCH = Path(__file__).parent / "bench.py"
NODE_ID = f"{PACKAGE}/{BENCH.name}"  # wherever it is installed: a name for the same run on every machine
PARAMETERS = pytest.StashKey[Mapping[str, Sequence[str]]]()  # what the items are made of, by parameter


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The options of the bake-off; with ``--benchmark`` nothing that belongs to tests is loaded from here on."""
    other_plugins.refuse_twice(pluginmanager)
    options.add(parser)
    if config := pluginmanager.get_plugin("pytestconfig"):
        conftests.leave_out_those_of_tests(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the suite and point pytest at its runs."""
    mode = _mode(config)
    if mode is None:
        return
    terminal.use_plain_words()
    other_plugins.refuse(config)
    with options.as_pytest_says():
        config.stash[PARAMETERS] = mode.start(config)
    config.pluginmanager.register(mode)
    other_plugins.settle(config)
    ids = [_here(argument) for argument in config.args if "::" in argument]
    config.args[:] = ids or [str(BENCH)]
    conftests.leave_out_own(config)


class NoRuns(pytest.Module):
    """The runs as they are without ``--benchmark``: not there."""

    def collect(self) -> Sequence[pytest.Item | pytest.Collector]:
        """Nothing."""
        return []


def pytest_report_header(config: pytest.Config) -> str | None:
    """Which files in the folders of methods are none."""
    return (options.passed_over(config) or None) if PARAMETERS in config.stash else None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir | None:
    """The package is here already: pytest would import it again, by the name of its folder."""
    return pytest.Dir.from_parent(parent, path=path) if path == BENCH.parent else None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The runs, by the name that the package has here; without ``--benchmark`` none, whatever is asked for."""
    if module_path != BENCH:
        return None
    if PARAMETERS not in parent.config.stash:
        return NoRuns.from_parent(parent, path=module_path)
    module: pytest.Module = pytest.Module.from_parent(parent, path=module_path, nodeid=NODE_ID)
    from . import bench  # what the items need, which a session without them does not

    module.obj = bench
    return module


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> list[pytest.Item] | None:
    """A test that has nothing to be made of, such as the gate's without a baseline, is not there."""
    if collector.path != BENCH:
        return None
    if not inspect.isfunction(obj) or not name.startswith("test_"):
        return []
    made_of = next(iter(inspect.signature(obj).parameters))
    return None if made_of in collector.config.stash[PARAMETERS] else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each run, each row of the gate, each method on two sides, or each case of the self-test."""
    if Path(metafunc.module.__file__ or "") == BENCH:
        for name, values in metafunc.config.stash[PARAMETERS].items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--benchmark`` nothing but runs is run."""
    if PARAMETERS in config.stash:
        ours = [item for item in items if item.path == BENCH and other_plugins.is_item(item)]
        if others := [item for item in items if item not in ours]:
            config.hook.pytest_deselected(items=others)
        items[:] = ours
        other_plugins.spare(config, items)


def _mode(config: pytest.Config) -> ModuleType | None:
    """The module that knows the items of this session and all that belongs to them; ``None``: nothing is different."""
    modes = {"--against": against, "--gate-selftest": selftest}
    kinds = options.kinds(config)
    if not config.getoption("benchmark"):
        if kinds:
            raise pytest.UsageError(f"{kinds[0]} goes with --benchmark")
        return None
    return next((module for option, module in modes.items() if option in kinds), runs)


def _here(node_id: str) -> str:
    """A node id as this repository or another project shows it, with the file that it means."""
    file, _, rest = node_id.partition("::")
    shown = {(name, BENCH.name) for name in (INSTALLED, REPOSITORY)}  # behind ../ in a folder below the root
    return f"{BENCH}::{rest}" if not file or Path(file).parts[-2:] in shown else node_id
