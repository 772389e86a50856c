"""Shows a session as it goes: a line for each run and search that has ended; on a terminal, also what runs now."""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Event, Lock, Thread
from time import monotonic
from typing import TextIO

import pytest

from ..spec.progress import under_way
from .options import REQUEST
from .runs import BAKEOFF

SECONDS = 0.5  # between two looks at what runs now
QUIET = -2  # the verbosity of -qq, at which nothing is shown


def follow(config: pytest.Config) -> None:
    """Show the session's progress, unless pytest's own lines (``-v``) or none (``-qq``) are wanted."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and QUIET < config.get_verbosity() <= 0:
        config.pluginmanager.register(Follower(config, reporter))


@dataclass
class Pace:
    """How long runs and searches take; those that are reused take no time, and say nothing about the others."""

    seconds: float = 0.0
    executed: int = 0

    def add(self, seconds: float, *, reused: bool) -> None:
        """Note one that has ended, and how long the session waited for it."""
        if not reused:
            self.seconds, self.executed = self.seconds + seconds, self.executed + 1

    def left(self, others: int, since: float) -> float | None:
        """The seconds that ``others`` take, of which ``since`` have passed; ``None`` if nobody knows."""
        if not self.executed:
            return None
        left = self.seconds / self.executed * others - since
        return left if left > 0 else None


class Follower:
    """The lines of a session, instead of pytest's dots."""

    def __init__(self, config: pytest.Config, reporter: pytest.TerminalReporter):
        self._config = config
        self._reporter = reporter
        self._ended, self._writing = Event(), Lock()
        self._done = self._total = 0
        self._pace, self._last = Pace(), monotonic()
        reporter.showfspath = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """On a terminal, show what runs now, until the last run has ended."""
        self._total = sum(_of(item) is not None for item in session.items)
        try:
            with self._looking() if self._reporter.isatty else nullcontext():
                return (yield)
        finally:
            self._ended.set()

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Generator[None, tuple, tuple]:  # type: ignore[type-arg]
        """Show no letter of a run or a search; the summary at the end has words for them."""
        category, letter, word = yield
        ours = "::test_method[" in report.nodeid or "::test_search[" in report.nodeid
        return (category, "", "") if ours and not self._ended.is_set() else (category, letter, word)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Write the line of a run that has ended."""
        self._last = began = monotonic()
        result = yield
        if parameter := _of(item):
            self._done, self._last = self._done + 1, monotonic()
            self._pace.add(self._last - began, reused=("reused", True) in item.user_properties)
            self._write(*self._line(*parameter))
        return result

    def _line(self, kind: str, name: str) -> tuple[str, bool]:
        """What to say about a run or a search that has ended, and whether it failed."""
        bakeoff = self._config.stash.get(BAKEOFF, None)
        if bakeoff is None:
            return "", False
        return bakeoff.line_of_search(name) if kind == "search" else bakeoff.line_of_run(name)

    def _write(self, line: str, failed: bool) -> None:
        with self._writing:
            if self._reporter.isatty:
                self._reporter.rewrite("", erase=True)
                self._reporter.rewrite("")
            if line:
                self._reporter.write_line(line, red=failed)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Look at what runs now, again and again, and show it on a screen of our own: pytest captures that of a run."""
        with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace") as screen:
            thread = Thread(target=self._look, args=[screen], daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()

    def _look(self, screen: TextIO) -> None:
        from ..report import lines

        folder = self._config.stash[REQUEST].folder / ".scratch"
        while not self._ended.wait(SECONDS):
            left = self._pace.left(self._total - self._done, monotonic() - self._last)
            text = lines.of_progress(under_way(folder), self._done, self._total, left)
            width = self._config.get_terminal_writer().fullwidth - 1
            with self._writing:
                screen.write(f"\r{text[:width].ljust(width)}")
                screen.flush()
        self._write("", failed=False)


def _of(item: pytest.Item) -> tuple[str, str] | None:
    """The kind and the name of what an item executes; ``None`` for a row of the gate."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return next(((kind, str(parameters[kind])) for kind in ("run", "search") if kind in parameters), None)
