"""pytest's face of a search: its option, its items, and at the end the lines for the suite file."""

from pathlib import Path

import pytest

from harness.pytest_plugin import BAKEOFF, BENCH


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of a search."""
    parser.getgroup("tuneoff").addoption(
        "--search",
        metavar="TRIALS",
        type=int,
        help="try so many learning rates for every method first, on validation rows (0: none, whatever the suite says)",
    )


def pytest_pycollect_makeitem(collector: pytest.Module, name: str) -> list[pytest.Item] | None:
    """Where nothing is searched, there are no items for it."""
    stash = collector.config.stash
    idle = BAKEOFF in stash and not stash[BAKEOFF].searches.methods
    return [] if idle and name == "test_search" and collector.path == BENCH else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each method that is searched."""
    if Path(metafunc.module.__file__ or "") == BENCH and "search" in metafunc.fixturenames:
        metafunc.parametrize("search", metafunc.config.stash[BAKEOFF].searches.methods)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the bake-off which searches were selected."""
    if BAKEOFF in session.config.stash:
        callspecs = [getattr(item, "callspec", None) for item in session.items]
        asked = [callspec.params["search"] for callspec in callspecs if callspec and "search" in callspec.params]
        session.config.stash[BAKEOFF].searches.expect(asked)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was found, ready to be pasted."""
    if BAKEOFF in config.stash and (lines := config.stash[BAKEOFF].searches.lines()):
        terminalreporter.section("learning rates found, for the suite file")
        for line in lines:
            terminalreporter.write_line(line)
