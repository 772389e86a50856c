"""The contract of an executor: it does what orders ask for, each in a process of its own."""

from concurrent.futures import Future
from typing import Protocol

from ..spec.plan import Order
from ..spec.record import Preflight, RunOutcome
from .child import Overridden

IMPORT_SECONDS = 60.0  # in which methods are imported to look at their hyper-parameters


class Executor(Protocol):
    """Where runs happen. All work begins as soon as a place is free, and its result is a future's."""

    def submit(self, order: Order) -> Future[RunOutcome]:
        """Begin a run; whatever happens to its process, there is an outcome."""
        ...

    def check(self, order: Order) -> Future[Preflight]:
        """Begin ``run.preflight.check``, which leaves the task in ``order.task``; it may raise a ``UsageError``."""
        ...

    def examine(self, methods: Overridden, patience: float = IMPORT_SECONDS) -> Future[list[str]]:
        """Begin to look for problems in the hyper-parameters of these methods, by ``run.loader.problems``.

        A method that cannot be imported within ``patience`` seconds has none: its run says what is wrong.
        """
        ...

    def close(self) -> None:
        """End whatever is still running, and everything that it started."""
        ...
