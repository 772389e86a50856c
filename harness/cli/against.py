"""``pytest --benchmark --against REF``: the items of a comparison, and its summary."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from . import options, other_plugins

if TYPE_CHECKING:
    from ..session.against import Against, Versions

VERSIONS: pytest.StashKey["Versions"] = pytest.StashKey()
SELECTION: pytest.StashKey[Sequence[str]] = pytest.StashKey()  # methods
AGAINST: pytest.StashKey["Against"] = pytest.StashKey()  # once the checks have passed


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The parameter values from which pytest's items are made: methods."""
    from ..session.against import versions
    from ..spec.suite import locate

    options.refuse_beside(config, "--against")
    request, file = options.request(config), locate(config.getoption("suite"))
    found = versions(request, file, config.rootpath, config.getoption("against"), options.folders(config))
    config.stash[VERSIONS] = found
    return {"method": found.methods}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which methods were selected."""
    session.config.stash[SELECTION] = other_plugins.values(session.items, ["method"])["method"]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model and data, and check out the other revision; afterwards, remove all temporary files."""
    if options.runs_nothing(session):
        return (yield)
    from ..session.against import begin

    stash = session.config.stash
    with options.as_pytest_says():
        against = stash[AGAINST] = begin(stash[VERSIONS], stash[SELECTION])
    try:
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
    found = session.config.stash.get(AGAINST, None)
    if found and found.judged and found.summary.fails and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is compared with what."""
    found, suite = config.stash[VERSIONS], config.getoption("suite")
    compared = f"the working tree compared with {found.revision.title}"
    return f"tuneoff: suite {suite}, {len(found.methods)} methods, {compared}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the verdicts that neither fail nor pass, and summarise all verdicts in one line."""
    found = config.stash.get(AGAINST, None)
    if found and found.judged:
        for line in found.remarks:
            terminalreporter.write_line(f"against: {line}")
        terminalreporter.write_line(f"against {config.stash[VERSIONS].revision.title}: {found.summary.line}")
