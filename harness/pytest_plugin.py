"""pytest's face: options, items, terminal output. Without ``--benchmark`` it does nothing.

A project opts in with one line in its root ``conftest.py``:
``pytest_plugins = ["harness.pytest_plugin"]``.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.session import Bakeoff
    from harness.session_gate import Gate

pytest_plugins = ["harness.pytest_search"]
BENCH = Path(__file__).parent / "bench.py"
BAKEOFF, GATE = pytest.StashKey["Bakeoff"](), pytest.StashKey["Gate"]()
ACCEPTED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the bake-off."""
    group = parser.getgroup("tuneoff", "fine-tuning bake-off")
    group.addoption("--benchmark", action="store_true", help="run the suite's methods instead of the tests")
    group.addoption("--suite", metavar="NAME|FILE", default="embedded", help="the suite to run (default: embedded)")
    group.addoption("--model", metavar="NAME[@REVISION]", help="hub id or folder instead of the suite's base model")
    group.addoption("--data", metavar="NAME[@REVISION]", help="hub id, folder or file instead of the suite's data")
    group.addoption("--seeds", metavar="N,N,…", help="the seeds to run instead of the suite's")
    group.addoption("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    group.addoption("--jobs", metavar="N", type=int, default=1, help="runs at once; their times are not comparable")
    group.addoption(
        "--resume", action="store_true", help="reuse stored runs that are ok and that nothing has changed for"
    )
    group.addoption("--results", metavar="DIR", help="where results go (default: results/ in pytest's root folder)")
    group.addoption("--gate", action="store_true", help="fail where there is no baseline to compare with")
    group.addoption(
        "--update-baseline",
        action="store_true",
        help="accept the rows that run as what later sessions are held against",
    )
    group.addoption("--even-in-ci", action="store_true", help="let --update-baseline work where CI is set")
    parser.addini("method_paths", "folders with method files of this project", type="paths", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the suite and point pytest at its runs."""
    if not config.getoption("benchmark"):
        return
    if config.pluginmanager.hasplugin("xdist") and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--benchmark runs its methods in processes of its own; leave out -n")
    try:
        config.stash[BAKEOFF] = _bakeoff(config)
        config.stash[GATE] = _gate(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.option.benchmark_quiet = True  # pytest-benchmark's own table would only repeat the training times
    ids = [_here(argument) for argument in config.args if "::" in argument]
    config.args[:] = ids or [str(BENCH)]
    _pass_over_own_conftest(config)


class NoRuns(pytest.Module):
    """The runs as they are without ``--benchmark``: not there."""

    def collect(self) -> Sequence[pytest.Item | pytest.Collector]:
        """Nothing."""
        return []


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Without ``--benchmark`` the runs are not there, whatever is asked for."""
    hidden = module_path == BENCH and BAKEOFF not in parent.config.stash
    return NoRuns.from_parent(parent, path=module_path) if hidden else None


def pytest_pycollect_makeitem(collector: pytest.Module, name: str) -> list[pytest.Item] | None:
    """Where nothing is to be held against a baseline, the gate has no items."""
    stash = collector.config.stash
    idle = GATE in stash and (collector.config.getoption("update_baseline") or not stash[GATE].rows)
    return [] if idle and name == "test_gate" and collector.path == BENCH else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each run of the suite, and for each row of the gate."""
    if Path(metafunc.module.__file__ or "") != BENCH:
        return
    if "run" in metafunc.fixturenames:
        metafunc.parametrize("run", [run.name for run in metafunc.config.stash[BAKEOFF].runs])
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", metafunc.config.stash[GATE].rows)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--benchmark`` nothing but runs is run."""
    if BAKEOFF in config.stash:
        others = [item for item in items if item.path != BENCH]
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if item.path == BENCH]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the bake-off which runs were selected."""
    if BAKEOFF in session.config.stash:
        names: dict[str, list[str]] = {"run": [], "row": []}
        for item in session.items:
            for kind, value in item.callspec.params.items():  # type: ignore[attr-defined]
                names.setdefault(kind, []).append(value)
        session.config.stash[BAKEOFF].expect(names["run"])
        session.config.stash[GATE].ask(names["row"])


@pytest.fixture(scope="session")
def bakeoff(pytestconfig: pytest.Config) -> Iterator["Bakeoff"]:
    """The session's bake-off, its model, data and results folder checked."""
    session = pytestconfig.stash[BAKEOFF]
    try:
        session.start()
        yield session
    except UsageError as error:
        pytest.exit(f"{error}", returncode=pytest.ExitCode.USAGE_ERROR)
    finally:
        session.stop()


@pytest.fixture(scope="session")
def gate(pytestconfig: pytest.Config, bakeoff: "Bakeoff") -> "Gate":
    """The session's gate, its bake-off started."""
    return pytestconfig.stash[GATE]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Accept what ran, if that was asked for. A gate or a baseline that was asked for and did not come is no success.

    It comes after the fixtures' end, which keeps what has finished, and before the terminal's summary.
    """
    if BAKEOFF not in session.config.stash or session.config.option.collectonly:
        return
    gate = session.config.stash[GATE]
    if session.config.getoption("update_baseline"):
        if gate.bakeoff.ran:
            _accept(session, gate)
    elif session.config.getoption("gate") and not gate.judged and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the results folder back, now that the leaderboard is in it."""
    if BAKEOFF in config.stash:
        config.stash[BAKEOFF].close()


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """A run that ``--resume`` took from an earlier session is not called passed, but reused."""
    if report.when == "call" and report.passed and ("reused", True) in report.user_properties:
        return "reused", "r", ("REUSED", {"green": True})
    return None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Which suite runs, and where its results go."""
    if BAKEOFF not in config.stash:
        return None
    session = config.stash[BAKEOFF]
    return f"tuneoff: suite {session.suite.name}, {len(session.runs)} runs, results in {session.store.folder}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The leaderboard, and what the gate found."""
    if BAKEOFF not in config.stash or config.option.collectonly:
        return
    if config.stash[BAKEOFF].ran:
        _leaderboard(terminalreporter, config)
    for line in _compared(config):
        terminalreporter.write_line(line)


def _leaderboard(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    from harness.report import notes, table

    session = config.stash[BAKEOFF]
    terminalreporter.section(f"leaderboard: {session.suite.name}")
    try:
        rows, remarks, paths = session.report()
    except UsageError as error:
        terminalreporter.write_line(str(error), red=True)
        return
    terminalreporter.write_line(table.leaderboard(rows, "simple"))
    terminalreporter.write_line("")
    for line in [*_decided(session), notes.line(remarks)]:
        if line:
            terminalreporter.write_line(line)
    for path in paths:
        terminalreporter.write_line(f"wrote {_relative(path, config.rootpath)}")


def _pass_over_own_conftest(config: pytest.Config) -> None:
    """For another project, the ``conftest.py`` of a checkout of Tuneoff is not a root one, which pytest refuses."""
    own = str(BENCH.parents[1] / "conftest.py")
    if not config.pluginmanager.has_plugin(own):
        config.pluginmanager.register(ModuleType("conftest"), own)  # in its place: pytest loads it by this name


def _bakeoff(config: pytest.Config) -> "Bakeoff":
    from harness import registry, suite
    from harness.session import Bakeoff

    chosen = suite.load(config.getoption("suite"), _overrides(config))
    plugins = registry.discover([config.rootpath / "methods", *config.getini("method_paths")])
    results = Path(config.getoption("results") or config.rootpath / "results").absolute()
    jobs = config.getoption("jobs")
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: expected a number from 1")
    resumes = config.getoption("resume")
    return Bakeoff(chosen, plugins, results, device=config.getoption("device"), jobs=jobs, resumes=resumes)


def _gate(config: pytest.Config) -> "Gate":
    from harness.session_gate import Gate

    gate = Gate(config.stash[BAKEOFF])
    if config.getoption("gate"):
        gate.require()
    if config.getoption("update_baseline") and os.environ.get("CI") and not config.getoption("even_in_ci"):
        raise UsageError(
            "--update-baseline: refused, since CI is set: a gate that accepts what it sees is none; add --even-in-ci"
        )
    return gate


def _accept(session: pytest.Session, gate: "Gate") -> None:
    """Make this session's rows the baseline, and keep what is to be said about it."""
    try:
        session.config.stash[ACCEPTED] = gate.accept()
    except UsageError as error:
        session.config.stash[ACCEPTED] = [f"baseline: not updated: {error}"]
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _compared(config: pytest.Config) -> Iterator[str]:
    """What the gate found, or what was accepted."""
    gate = config.stash[GATE]
    if config.getoption("update_baseline"):
        yield from config.stash.get(ACCEPTED, [])
    elif gate.judged:
        yield f"gate: {gate.summary.line}"
    elif gate.rows:
        fails = "; nothing was compared, and that fails" if config.getoption("gate") else ""
        yield f"gate: not compared: {', '.join(gate.rows)}{fails}"


def _here(node_id: str) -> str:
    """A node id as this repository or another project shows it, with the file that it means."""
    file, _, rest = node_id.partition("::")
    return f"{BENCH}::{rest}" if file in ("", "harness/bench.py") else node_id


def _decided(session: "Bakeoff") -> Iterator[str]:
    """What was taken from earlier sessions, why ``--resume`` did the others again, and what is not shown."""
    if reused := [decision.run.name for decision in session.decisions if decision.stored]:
        yield f"reused: {', '.join(reused)}"
    if session.resumes:
        yield from (f"not reused: {each.run.name}: {each.reason}" for each in session.decisions if not each.stored)
    if session.left_out:
        yield f"left out, since they ran in another environment or on other data: {', '.join(session.left_out)}"


def _overrides(config: pytest.Config) -> dict[str, dict[str, Any]]:
    """The suite's keys that the command line replaces, by table."""
    seeds, model, data, trials = (config.getoption(name) for name in ("seeds", "model", "data", "search"))
    return {
        "run": {"seeds": _seeds(seeds)} if seeds else {},
        "model": _pinned("name", model) if model else {},
        "task": _pinned("data", data) if data else {},
        "search": {"trials": trials} if trials is not None else {},
    }


def _pinned(key: str, text: str) -> dict[str, str | None]:
    """A hub id, which may end in ``@REVISION``, or a path; the suite's own revision is another repository's."""
    name, _, revision = text.partition("@") if not Path(text).exists() else (text, "", "")
    return {key: name, "revision": revision or None}


def _seeds(text: str) -> Sequence[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {text}: expected whole numbers such as 0,1,2") from error


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
