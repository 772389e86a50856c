"""Runs under way, submitted to an executor and collected when they have ended."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from ..spec.record import RunOutcome, RunSpec


class Queue:
    """Runs in the order in which they were added; the run named ``first`` is collected before all others."""

    def __init__(self, submit: Callable[[RunSpec], Future[RunOutcome]], first: str):
        self._submit = submit
        self._first = first
        self._pending: dict[str, tuple[RunSpec, Future[RunOutcome]]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the run of that name is under way."""
        return name in self._pending

    def add(self, run: RunSpec) -> None:
        """Submit a run; it begins as soon as the executor has a free slot."""
        self._pending[run.name] = run, self._submit(run)

    def wait(self) -> None:
        """Wait until a run can be collected."""
        first = self._pending.get(self._first)
        awaited = [first] if first else self._pending.values()
        wait([future for _, future in awaited], return_when=FIRST_COMPLETED)

    def ended(self) -> Iterator[tuple[RunSpec, RunOutcome]]:
        """Collect the runs that have ended; none while the first run is under way."""
        for name in sorted(self._pending, key=lambda name: name != self._first):
            run, future = self._pending[name]
            if future.done():
                yield run, self._outcome(name, future)
                del self._pending[name]
            if self._first in self._pending:
                return

    def _outcome(self, name: str, future: Future[RunOutcome]) -> RunOutcome:
        """The outcome of a run; an exception is raised once, and then keeps no other run from being collected."""
        try:
            return future.result()
        except BaseException:
            del self._pending[name]
            raise

    def clear(self) -> None:
        """Drop the runs that have not ended, so that ending their processes does not look like a crash."""
        self._pending.clear()
