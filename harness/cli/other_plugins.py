"""Other pytest plugins with ``--benchmark``: incompatible options are refused, and the rest must not interfere."""

from collections.abc import Sequence

import pytest

from ..spec.names import INSTALLED, REPOSITORY


def refuse_twice(plugins: pytest.PytestPluginManager) -> None:
    """Raise ``pytest.UsageError`` if a project loads Tuneoff under both of its names."""
    found = [plugin for name in (INSTALLED, REPOSITORY) if (plugin := plugins.get_plugin(f"{name}.pytest_plugin"))]
    if len(found) > 1:
        places = " and ".join(f"{plugin.__name__} ({plugin.__file__})" for plugin in found)
        raise pytest.UsageError(f"two copies of Tuneoff are loaded, {places}; name only one of them in pytest_plugins")


def refuse(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` for options that would change what the runs do."""
    option = config.option
    if config.getoption("benchmark_skip", None) is None:
        raise pytest.UsageError(
            "--benchmark needs pytest-benchmark, which is not loaded: leave out -p no:benchmark, or add "
            "-p pytest_benchmark.plugin where PYTEST_DISABLE_PLUGIN_AUTOLOAD is set"
        )
    if getattr(option, "dist", "no") != "no" or getattr(option, "numprocesses", None):
        raise pytest.UsageError(
            "--benchmark starts its own process for each run: leave out -n, --dist and --tx, or add -n 0; "
            "--jobs=2 does two runs at once"
        )
    if _reruns(config):
        raise pytest.UsageError(
            "--benchmark never repeats a run, because a failure is a result: leave out --reruns, or add --reruns=0"
        )


def settle(config: pytest.Config) -> None:
    """Keep what a project configures for its own tests from affecting the runs."""
    config.option.benchmark_skip = config.option.benchmark_only = False
    config.option.benchmark_quiet = True  # pytest-benchmark's own table would only repeat the training times
    config.addinivalue_line("python_functions", "test_")


def is_item(item: pytest.Item) -> bool:
    """Whether an item of the runs' file is one of ours, rather than one that a linter plugin made for the file."""
    return isinstance(item, pytest.Function) and hasattr(item, "callspec")


def spare(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Exempt these items from pytest-timeout: their limit is ``hard_seconds``, which counts only the run itself."""
    if any(map(config.pluginmanager.hasplugin, ("timeout", "pytest_timeout"))):
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


def values(items: Sequence[pytest.Item], kinds: Sequence[str]) -> dict[str, list[str]]:
    """The items' values, by parameter and in order.

    Raises ``pytest.UsageError`` if another plugin turns one item into several.
    """
    found: dict[str, list[str]] = {kind: [] for kind in kinds}
    for item in filter(is_item, items):
        for kind in found.keys() & item.callspec.params.keys():  # type: ignore[attr-defined]
            value = item.callspec.params[kind]  # type: ignore[attr-defined]
            if value in found[kind]:
                raise pytest.UsageError(f"{item.nodeid}: another plugin repeats {value}; leave out its option")
            found[kind].append(value)
    return found


def _reruns(config: pytest.Config) -> bool:
    """Whether pytest-rerunfailures would repeat failed items; its options override its ini key."""
    asked = [config.getoption(name, None) for name in ("force_reruns", "reruns")]
    try:
        return bool(int(next((count for count in [*asked, config.getini("reruns")] if count is not None), 0)))
    except ValueError:  # not a number, or no such key: the plugin is not there
        return False
