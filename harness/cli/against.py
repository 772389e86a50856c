"""``pytest --benchmark --against REF``: the items of a comparison, and its summary."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from . import options, other_plugins

if TYPE_CHECKING:
    from ..session.against import Against

AGAINST = pytest.StashKey["Against"]()


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The values that make the items: methods."""
    from ..session.against import Against
    from ..spec.suite import locate

    options.refuse_beside(config, "--against")
    suite, path = options.suite(config), locate(config.getoption("suite"))
    reference, device, folders = config.getoption("against"), config.getoption("device"), options.folders(config)
    config.stash[AGAINST] = Against(suite, path, config.rootpath, reference, folders, device)
    return {"method": config.stash[AGAINST].methods}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the comparison which methods were selected."""
    session.config.stash[AGAINST].ask(other_plugins.values(session.items, ["method"])["method"])


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Before the first comparison, check methods, model and data, and check out the other revision."""
    if options.runs_nothing(session):
        return (yield)
    against = session.config.stash[AGAINST]
    try:
        with options.as_pytest_says():
            options.check(session.config)
            against.start()
        return (yield)
    finally:
        against.close()


@pytest.fixture(scope="session")
def against(pytestconfig: pytest.Config) -> "Against":
    """The session's comparison, with the other revision checked out."""
    return pytestconfig.stash[AGAINST]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session in which nothing could be compared."""
    found = session.config.stash[AGAINST]
    if found.judged and found.summary.fails and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove everything temporary, however the session ended."""
    config.stash[AGAINST].close()


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is compared with what."""
    found, suite = config.stash[AGAINST], config.getoption("suite")
    return f"tuneoff: suite {suite}, {len(found.methods)} methods, this folder as it is against {found.revision.title}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List what neither failed nor passed, and sum up all verdicts in one line."""
    found = config.stash[AGAINST]
    if found.judged:
        for line in found.remarks:
            terminalreporter.write_line(f"against: {line}")
        terminalreporter.write_line(f"against {found.revision.title}: {found.summary.line}")
