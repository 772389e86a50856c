"""``pytest --benchmark``: the items of searches, runs and the gate, from the options to the leaderboard."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from ..spec.errors import UsageError
from . import options, other_plugins

if TYPE_CHECKING:
    from ..session.bakeoff import Bakeoff
    from ..session.gate import Gate

BAKEOFF, GATE = pytest.StashKey["Bakeoff"](), pytest.StashKey["Gate"]()
ACCEPTED = pytest.StashKey[list[str]]()


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The values that make the items: runs, methods to search, and the gate's rows if there is something to compare."""
    bakeoff = config.stash[BAKEOFF] = options.bakeoff(config)
    gate = config.stash[GATE] = _gate(config)
    rows = [] if config.getoption("update_baseline") else gate.rows
    parameters = {"run": [run.name for run in bakeoff.runs], "search": bakeoff.searches.methods, "row": rows}
    return {name: values for name, values in parameters.items() if values}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the bake-off which searches and runs were selected."""
    names = other_plugins.values(session.items, ("search", "run", "row"))
    session.config.stash[BAKEOFF].searches.expect(names["search"])
    session.config.stash[BAKEOFF].expect(names["run"])
    session.config.stash[GATE].ask(names["row"])


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model, data and results folder before the first run; end all runs after the last."""
    if options.runs_nothing(session):
        return (yield)
    bakeoff = session.config.stash[BAKEOFF]
    try:
        with options.as_pytest_says():
            bakeoff.start()
        return (yield)
    finally:
        bakeoff.stop()


@pytest.fixture(scope="session")
def bakeoff(pytestconfig: pytest.Config) -> "Bakeoff":
    """The session's bake-off, after its checks."""
    return pytestconfig.stash[BAKEOFF]


@pytest.fixture(scope="session")
def gate(pytestconfig: pytest.Config, bakeoff: "Bakeoff") -> "Gate":
    """The session's gate, with its bake-off started."""
    return pytestconfig.stash[GATE]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Accept what ran, if requested. Fail if a requested gate or baseline did not come about.

    This happens after the loop, which stores what has finished, and before the terminal summary.
    """
    if session.config.option.collectonly:
        return
    gate = session.config.stash[GATE]
    if session.config.getoption("update_baseline"):
        if gate.bakeoff.ran:
            _accept(session, gate)
    elif session.config.getoption("gate") and not gate.judged and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Release the results folder, now that it contains the leaderboard."""
    config.stash[BAKEOFF].close()


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Report a run that ``--resume`` took from an earlier session as reused instead of passed."""
    if report.when == "call" and report.passed and ("reused", True) in report.user_properties:
        return "reused", "r", ("REUSED", {"green": True})
    return None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which suite runs, and where its results go."""
    session = config.stash[BAKEOFF]
    return f"tuneoff: suite {session.suite.name}, {len(session.runs)} runs, results in {session.store.folder}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the leaderboard, what the gate found, and the learning rates found, ready to paste."""
    if config.option.collectonly:
        return
    if config.stash[BAKEOFF].ran:
        _leaderboard(terminalreporter, config)
    for line in _compared(config):
        terminalreporter.write_line(line)
    if lines := config.stash[BAKEOFF].searches.lines():
        terminalreporter.section("learning rates found, for the suite file")
        terminalreporter.write_line("\n".join(lines))


def _leaderboard(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    from ..report import advice, notes, table

    session = config.stash[BAKEOFF]
    terminalreporter.section(f"leaderboard: {session.suite.name}")
    try:
        rows, remarks, records = session.report()
        terminalreporter.write_line(table.leaderboard(rows, "simple"))
        terminalreporter.write_line("")
        for line in [*session.notices, *_decided(session), notes.line(remarks), *advice.lines(session.suite, rows)]:
            if line:
                terminalreporter.write_line(line)
        for path in session.write(rows, remarks, records):
            terminalreporter.write_line(f"wrote {options.relative(path, config.rootpath)}")
    except UsageError as error:
        terminalreporter.write_line(str(error), red=True)


def _gate(config: pytest.Config) -> "Gate":
    from ..session.gate import Gate

    gate = Gate(config.stash[BAKEOFF])
    if config.getoption("gate") and config.getoption("update_baseline"):
        raise UsageError("--gate: it would compare with what --update-baseline accepts; leave out one of the two")
    if config.getoption("gate"):
        gate.require()
    if config.getoption("update_baseline") and os.environ.get("CI") and not config.getoption("even_in_ci"):
        raise UsageError(
            "--update-baseline: refused, since CI is set: a gate that accepts every result checks nothing; to accept "
            "results in CI even so, add --even-in-ci"
        )
    return gate


def _accept(session: pytest.Session, gate: "Gate") -> None:
    """Make this session's rows the baseline, and store the lines to show about it."""
    if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.config.stash[ACCEPTED] = ["baseline: not updated, since the session did not finish"]
        return
    try:
        path, lines = gate.accept()
        where = options.relative(path, session.config.rootpath) if path else "nothing to update"
        session.config.stash[ACCEPTED] = [f"baseline: {where}", *lines]
    except UsageError as error:
        session.config.stash[ACCEPTED] = [f"baseline: not updated: {error}"]
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _compared(config: pytest.Config) -> Iterator[str]:
    """The lines about what the gate found, or what was accepted."""
    gate = config.stash[GATE]
    if config.getoption("update_baseline"):
        yield from config.stash.get(ACCEPTED, [])
    elif gate.judged:
        yield from (f"gate: {line}" for line in gate.remarks)
        yield f"gate: {gate.summary.line}"
    elif gate.rows:
        fails = "; nothing was compared, so the session fails" if config.getoption("gate") else ""
        yield f"gate: not compared: {', '.join(gate.rows)}{fails}"


def _decided(session: "Bakeoff") -> Iterator[str]:
    """The lines about reused runs, why others were repeated, runs that are not shown, and disturbed runs."""
    if reused := [decision.run.name for decision in session.decisions if decision.stored]:
        yield f"reused: {', '.join(reused)}"
    if session.resumes:
        yield from (f"not reused: {each.run.name}: {each.reason}" for each in session.decisions if not each.stored)
    if session.left_out:
        yield f"left out, since they ran in another environment or on other data: {', '.join(session.left_out)}"
    if shares := session.disturbed:
        runs, longest = f"{len(shares)} of {len(session.asked)} runs", max(shares)
        yield f"contended: other programs kept {runs} waiting for up to {longest:.0%} of their time; see the brackets"
