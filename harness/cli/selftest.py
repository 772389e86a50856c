"""``pytest --benchmark --gate-selftest``: the items of the gate's self-test, and its table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from . import options

if TYPE_CHECKING:
    from ..session.selftest import Selftest

SELFTEST = pytest.StashKey["Selftest"]()


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The values that make the items: cases."""
    from ..gate.selftest.case import CASES
    from ..session.selftest import Selftest

    options.refuse_beside(config, "--gate-selftest")
    config.stash[SELFTEST] = Selftest(options.suite(config), config.getoption("device"))
    return {"case": list(CASES)}


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model and data before the first case; remove the temporary projects after the last."""
    if options.runs_nothing(session):
        return (yield)
    selftest = session.config.stash[SELFTEST]
    try:
        with options.as_pytest_says():
            options.check(session.config)
        return (yield)
    finally:
        selftest.close()


@pytest.fixture(scope="session")
def selftest(pytestconfig: pytest.Config) -> "Selftest":
    """The session's self-test."""
    return pytestconfig.stash[SELFTEST]


def pytest_report_header(config: pytest.Config) -> str:
    """Say what the gate is tried on."""
    return f"tuneoff: the gate's self-test on suite {config.stash[SELFTEST].suite.name}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was caught, and what was a false alarm."""
    session = config.stash[SELFTEST]
    if not session.tried:
        return
    from tabulate import tabulate

    terminalreporter.section("the gate's self-test")
    rows = [(what, result, message.partition("\n")[0]) for what, result, message in session.table]
    terminalreporter.write_line(tabulate(rows, ("what was changed", "the gate", "what it said"), "simple"))
    terminalreporter.write_line("")
    for line in session.lines:
        terminalreporter.write_line(line)
