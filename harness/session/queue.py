"""Runs under way: given to an executor, and taken when they have ended."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

from ..spec.record import RunOutcome, RunSpec


class Queue:
    """Runs in the order in which they were added; the one called ``first`` is taken before all others."""

    def __init__(self, submit: Callable[[RunSpec], Future[RunOutcome]], first: str):
        self._submit = submit
        self._first = first
        self._pending: dict[str, tuple[RunSpec, Future[RunOutcome]]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the run of that name is under way."""
        return name in self._pending

    def add(self, run: RunSpec) -> None:
        """Begin a run as soon as the executor has a place for it."""
        self._pending[run.name] = run, self._submit(run)

    def wait(self) -> None:
        """Wait until a run can be taken."""
        first = self._pending.get(self._first)
        awaited = [first] if first else self._pending.values()
        wait([future for _, future in awaited], return_when=FIRST_COMPLETED)

    def ended(self) -> Iterator[tuple[RunSpec, RunOutcome]]:
        """Take the runs that have ended; none as long as the first one is under way."""
        for name in sorted(self._pending, key=lambda name: name != self._first):
            run, future = self._pending[name]
            if future.done():
                yield run, future.result()
                del self._pending[name]
            if self._first in self._pending:
                return

    def clear(self) -> None:
        """Forget the runs that have not ended, so that ending their processes is not taken for a crash."""
        self._pending.clear()
