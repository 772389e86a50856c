"""The pytest plugin: ``--benchmark`` turns a session into a bake-off; without it, pytest behaves as usual.

A project opts in with one line in its root ``conftest.py``: ``pytest_plugins = ["tuneoff.pytest_plugin"]``, or
``["harness.pytest_plugin"]`` if Tuneoff is not installed and its repository is in ``PYTHONPATH``.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from .cli import against, conftests, fit, options, other_plugins, progress, runs, selftest, served, terminal
from .spec.names import INSTALLED, PACKAGE, REPOSITORY

BENCH = Path(__file__).parent / "bench.py"
NODE_ID = f"{PACKAGE}/{BENCH.name}"  # the same on every machine, wherever Tuneoff is installed
PARAMETERS = pytest.StashKey[Mapping[str, Sequence[str]]]()  # the values from which pytest's items are made


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of the bake-off; with ``--benchmark``, load nothing that belongs to tests from here on."""
    other_plugins.refuse_twice(pluginmanager)
    options.add(parser)
    if config := pluginmanager.get_plugin("pytestconfig"):
        conftests.leave_out_those_of_tests(config)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """With ``--show-example``, print it instead of running a session."""
    if not (config.getoption("benchmark") and config.getoption("show_example")):
        return None
    from .session import example  # torch

    with options.as_pytest_says():
        for line in example.lines(options.suite(config), config.getoption("device")):
            print(line)
    return pytest.ExitCode.OK


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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Show the progress of runs, now that pytest's terminal is there."""
    if session.config.pluginmanager.is_registered(runs):
        progress.follow(session.config)


class NoRuns(pytest.Module):
    """The module of the runs without ``--benchmark``: it has no items."""

    def collect(self) -> Sequence[pytest.Item | pytest.Collector]:
        """Collect nothing."""
        return []


def pytest_report_header(config: pytest.Config) -> str | None:
    """Report files in the method folders that define no method."""
    return (options.passed_over(config) or None) if PARAMETERS in config.stash else None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir | None:
    """Collect the package as a plain folder: pytest would import it a second time, under the name of its folder."""
    return pytest.Dir.from_parent(parent, path=path) if path == BENCH.parent else None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the runs under the name that the package has here; without ``--benchmark``, collect none."""
    if module_path != BENCH:
        return None
    if PARAMETERS not in parent.config.stash:
        return NoRuns.from_parent(parent, path=module_path)
    module: pytest.Module = pytest.Module.from_parent(parent, path=module_path, nodeid=NODE_ID)
    from . import bench  # only a session with items needs what this imports

    module.obj = bench
    return module


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> list[pytest.Item] | None:
    """Leave out a test that has no values, such as the gate's without a baseline."""
    if collector.path != BENCH:
        return None
    if not inspect.isfunction(obj) or not name.startswith("test_"):
        return []
    made_of = next(iter(inspect.signature(obj).parameters))
    return None if made_of in collector.config.stash[PARAMETERS] else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one item for each search, run, gate row, compared method, self-test case or method to fit."""
    if Path(metafunc.module.__file__ or "") == BENCH:
        for name, values in metafunc.config.stash[PARAMETERS].items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--benchmark``, deselect everything except the bake-off's own items."""
    if PARAMETERS in config.stash:
        ours = [item for item in items if item.path == BENCH and other_plugins.is_item(item)]
        if others := [item for item in items if item not in ours]:
            config.hook.pytest_deselected(items=others)
        items[:] = ours
        other_plugins.spare(config, items)


def _mode(config: pytest.Config) -> ModuleType | None:
    """The module that makes this session's items and handles them; ``None`` for a session without ``--benchmark``."""
    modes = {"--against": against, "--gate-selftest": selftest, "--fit": fit, "--serve": served}
    kinds = options.kinds(config)
    if not config.getoption("benchmark"):
        if kinds:
            raise pytest.UsageError(f"{kinds[0]} needs --benchmark")
        return None
    return next((module for option, module in modes.items() if option in kinds), runs)


def _here(node_id: str) -> str:
    """A node id as shown by this repository or another project, but with this installation's file in it."""
    file, _, rest = node_id.partition("::")
    shown = {(name, BENCH.name) for name in (INSTALLED, REPOSITORY)}  # after ../ in a folder below the root
    return f"{BENCH}::{rest}" if not file or Path(file).parts[-2:] in shown else node_id
