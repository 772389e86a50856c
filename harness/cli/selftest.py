"""``pytest --benchmark --gate-selftest``: the items of the gate's self-test, and its table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from . import options
from .options import REQUEST

if TYPE_CHECKING:
    from ..session.selftest import Selftest

SELFTEST: pytest.StashKey["Selftest"] = pytest.StashKey()  # once the checks have passed


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The parameter values from which pytest's items are made: cases."""
    from ..gate.selftest.case import CASES

    options.refuse_beside(config, "--gate-selftest")
    config.stash[REQUEST] = options.request(config)
    return {"case": list(CASES)}


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model and data before the first case; remove the temporary projects after the last."""
    if options.runs_nothing(session):
        return (yield)
    from ..session.selftest import Selftest

    request = session.config.stash[REQUEST]
    with options.as_pytest_says():
        options.check(request)
    with closing(Selftest(request.suite, request.device, session.config.getini("metric_paths"))) as selftest:
        session.config.stash[SELFTEST] = selftest
        return (yield)


@pytest.fixture(scope="session")
def selftest(pytestconfig: pytest.Config) -> "Selftest":
    """The session's self-test."""
    return pytestconfig.stash[SELFTEST]


def pytest_report_header(config: pytest.Config) -> str:
    """Say which suite the gate is tested on."""
    return f"tuneoff: the gate's self-test on suite {config.stash[REQUEST].suite.name}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show which regressions were caught, and which verdicts were false alarms."""
    session = config.stash.get(SELFTEST, None)
    if not session or not session.tried:
        return
    from tabulate import tabulate

    from ..gate.selftest import case

    terminalreporter.section("the gate's self-test")
    tried = session.tried.values()
    rows = [(what, result, message.partition("\n")[0]) for what, result, message in case.table(tried)]
    terminalreporter.write_line(tabulate(rows, ("change", "result", "message"), "simple"))
    terminalreporter.write_line("")
    for line in case.lines(tried):
        terminalreporter.write_line(line)
