"""``pytest --benchmark --fit``: the items of the methods whose memory is found out, and its table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from ..spec.errors import UsageError
from . import options, other_plugins
from .options import REQUEST

if TYPE_CHECKING:
    from ..session.footprints import Footprints

SELECTION: pytest.StashKey[Sequence[str]] = pytest.StashKey()  # methods
FOOTPRINTS: pytest.StashKey["Footprints"] = pytest.StashKey()  # once the checks have passed


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The parameter values from which pytest's items are made: methods."""
    options.refuse_other_kinds(config, "--fit")
    if config.getoption("cluster"):
        raise UsageError("--fit looks at this machine, and --cluster executes runs on others; leave out one of the two")
    request = config.stash[REQUEST] = options.request(config)
    return {"fit": request.methods}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which methods were selected."""
    session.config.stash[SELECTION] = other_plugins.values(session.items, ["fit"])["fit"]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model and data before the first method is tried out; end all processes after the last."""
    if options.runs_nothing(session):
        return (yield)
    from ..session.bakeoff import Selection, begin

    stash = session.config.stash
    with options.as_pytest_says():
        bakeoff = begin(stash[REQUEST], Selection())
    stash[FOOTPRINTS] = bakeoff.footprints
    try:
        return (yield)
    finally:
        bakeoff.close()


@pytest.fixture(scope="session")
def footprints(pytestconfig: pytest.Config) -> "Footprints":
    """What is known about the memory of the session's methods."""
    return pytestconfig.stash[FOOTPRINTS]


def pytest_report_header(config: pytest.Config) -> str:
    """Say which suite's methods are tried out."""
    return f"tuneoff: the memory that the methods of suite {config.stash[REQUEST].suite.name} need"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what each method needs."""
    found = config.stash.get(FOOTPRINTS, None)
    if found is None:
        return
    terminalreporter.section(f"memory: {config.stash[REQUEST].suite.name}")
    terminalreporter.write_line(found.table(config.stash[SELECTION]))
