"""``pytest --benchmark``: the items of searches, runs and the gate, from the options to the leaderboard."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from ..spec.errors import UsageError
from . import options, other_plugins
from .options import REQUEST

if TYPE_CHECKING:
    from ..session.bakeoff import Bakeoff, Selection
    from ..session.gate import Accepted, Gate

PAST: "pytest.StashKey[Accepted]" = pytest.StashKey()
SELECTION: "pytest.StashKey[Selection]" = pytest.StashKey()
BAKEOFF: "pytest.StashKey[Bakeoff]" = pytest.StashKey()  # once the checks have passed
GATE: "pytest.StashKey[Gate]" = pytest.StashKey()  # once the checks have passed
UPDATED: pytest.StashKey[list[str]] = pytest.StashKey()
UNLIMITED = 100_000  # characters in a line of a log, which is not read on a screen of that width


def start(config: pytest.Config) -> Mapping[str, Sequence[str]]:
    """The parameter values from which pytest's items are made: runs, methods to search, and the gate's rows.

    There are rows only if there is something to compare them with.
    """
    from ..session.gate import accepted

    request = config.stash[REQUEST] = options.request(config)
    past = config.stash[PAST] = accepted(request)
    _check_gate(config, past)
    rows = [] if config.getoption("update_baseline") else past.rows
    parameters = {"run": [run.name for run in request.runs], "search": request.searched, "row": rows}
    return {name: values for name, values in parameters.items() if values}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which searches, runs and rows were selected."""
    from ..session.bakeoff import Selection

    names = other_plugins.values(session.items, ("search", "run", "row"))
    session.config.stash[SELECTION] = Selection(names["search"], names["run"], names["row"])


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Check methods, model, data and results folder before the first run; end all runs after the last."""
    if options.runs_nothing(session):
        return (yield)
    from ..session.bakeoff import begin
    from ..session.gate import Gate

    stash = session.config.stash
    with options.as_pytest_says():
        bakeoff = stash[BAKEOFF] = begin(stash[REQUEST], stash[SELECTION])
    _tell(session.config, bakeoff.footprints.lines())
    stash[GATE] = Gate(bakeoff, stash[PAST].baselines, stash[SELECTION].rows)
    try:
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
    """Accept the rows that ran, if requested. Fail the session if a requested gate compared nothing.

    This happens after the loop, which stores what has finished, and before the terminal summary.
    """
    if session.config.option.collectonly:
        return
    gate = session.config.stash.get(GATE, None)
    if session.config.getoption("update_baseline"):
        if gate and gate.bakeoff.ran:
            _accept(session, gate)
    elif session.config.getoption("gate") and not (gate and gate.judged) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Release the results folder, now that it contains the leaderboard."""
    if bakeoff := config.stash.get(BAKEOFF, None):
        bakeoff.close()


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Report a run that ``--resume`` took from an earlier session as reused instead of passed."""
    if report.when == "call" and report.passed and ("reused", True) in report.user_properties:
        return "reused", "r", ("REUSED", {"green": True})
    return None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which suite runs, and where its results go."""
    request = config.stash[REQUEST]
    return f"tuneoff: suite {request.suite.name}, {len(request.runs)} runs, results in {request.folder}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the leaderboard, the gate's verdicts, and the learning rates found, ready to paste."""
    if config.option.collectonly:
        return
    bakeoff = config.stash.get(BAKEOFF, None)
    if bakeoff and bakeoff.ran:
        _leaderboard(terminalreporter, bakeoff)
    for line in _compared(config):
        terminalreporter.write_line(line)
    if bakeoff and (lines := bakeoff.searches.lines()):
        terminalreporter.section("learning rates found, for the suite file")
        terminalreporter.write_line("\n".join(lines))


def _check_gate(config: pytest.Config, past: "Accepted") -> None:
    """Raise ``UsageError`` for a gate that would compare results with nothing or with themselves, or accept all."""
    asked, updates = config.getoption("gate"), config.getoption("update_baseline")
    if asked and updates:
        raise UsageError(
            "--gate would compare the results with the baseline that --update-baseline makes of them; "
            "leave out one of the two"
        )
    if asked and not past.rows:
        raise UsageError(f"--gate: no baseline in {past.folder}; accept one with --update-baseline")
    if updates and os.environ.get("CI") and not config.getoption("even_in_ci"):
        raise UsageError(
            "--update-baseline: refused, because CI is set: a gate that accepts every result checks nothing; to accept "
            "results in CI anyway, add --even-in-ci"
        )


def _tell(config: pytest.Config, lines: Sequence[str]) -> None:
    """Write lines before the first run."""
    if reporter := config.pluginmanager.get_plugin("terminalreporter"):
        for line in lines:
            reporter.write_line(line)


def _leaderboard(terminalreporter: pytest.TerminalReporter, session: "Bakeoff") -> None:
    from ..report import advice, lines, notes, table

    config = terminalreporter.config
    width = config.get_terminal_writer().fullwidth if terminalreporter.isatty else UNLIMITED
    details = config.get_verbosity() > 0
    terminalreporter.section(f"leaderboard: {session.suite.name}")
    try:
        shown = session.tables()
        text, left_out = table.fitting(shown.rows, width)
        terminalreporter.write_line(text)
        terminalreporter.write_line("")
        narrow = [f"columns that do not fit: {', '.join(left_out)}"] if left_out else []
        remarks = [*narrow, *_decided(session, shown.left_out), *notes.problems(shown.notes)]
        for remark in [*session.notices, *remarks, *advice.lines(session.suite, shown.rows)]:
            for line in lines.wrapped(remark, width, whole=details):
                terminalreporter.write_line(line)
        for path in session.write(shown):
            terminalreporter.write_line(f"wrote {options.relative(path, config.rootpath)}")
        for line in session.keep():
            terminalreporter.write_line(line)
    except UsageError as error:
        terminalreporter.write_line(str(error), red=True)


def _accept(session: pytest.Session, gate: "Gate") -> None:
    """Accept this session's rows as the baseline, and store the lines to show about it."""
    if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.config.stash[UPDATED] = ["baseline: not updated, because the session did not finish"]
        return
    try:
        path, lines = gate.accept()
        where = options.relative(path, session.config.rootpath) if path else "nothing to update"
        session.config.stash[UPDATED] = [f"baseline: {where}", *lines]
    except UsageError as error:
        session.config.stash[UPDATED] = [f"baseline: not updated: {error}"]
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _compared(config: pytest.Config) -> Iterator[str]:
    """The lines about the gate's verdicts, or about what was accepted."""
    gate, rows = config.stash.get(GATE, None), config.stash[PAST].rows
    if config.getoption("update_baseline"):
        yield from config.stash.get(UPDATED, [])
    elif gate and gate.judged:
        yield from (f"gate: {line}" for line in gate.remarks)
        yield f"gate: {gate.summary.line}"
    elif rows:
        fails = "; nothing was compared, so the session fails" if config.getoption("gate") else ""
        yield f"gate: not compared: {', '.join(rows)}{fails}"


def _decided(session: "Bakeoff", left_out: Sequence[str]) -> Iterator[str]:
    """The lines about reused runs, why the others were repeated, runs that are not shown, and disturbed runs."""
    if reused := [decision.run.name for decision in session.decisions if decision.stored]:
        yield f"reused: {', '.join(reused)}"
    if session.request.resumes:
        yield from (f"not reused: {each.run.name}: {each.reason}" for each in session.decisions if not each.stored)
    if left_out:
        yield f"left out, because they ran in a different environment or on different data: {', '.join(left_out)}"
    if shares := session.disturbed:
        runs, longest = f"{len(shares)} of {len(session.asked)} runs", max(shares)
        yield (
            f"contended: other programs kept {runs} waiting for up to {longest:.0%} of their time; "
            "the affected times are shown in brackets"
        )
