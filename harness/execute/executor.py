"""The contract of an executor: it executes orders, each in a process of its own."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from ..spec.footprint import Footprint
from ..spec.plan import Order
from ..spec.preflight import Preflight
from ..spec.record import RunOutcome
from ..spec.registry import Plugin

Overridden = Sequence[tuple[Plugin, Mapping[str, Any]]]  # methods, each with the suite's hyper-parameters for it

IMPORT_SECONDS = 60.0  # time limit for importing methods to check their hyper-parameters


class Executor(Protocol):
    """Where runs happen. Each method returns a future at once; its work begins as soon as a slot is free."""

    def submit(self, order: Order) -> Future[RunOutcome]:
        """Begin a run; it has an outcome, whatever happens to its process."""
        ...

    def check(self, order: Order) -> Future[Preflight]:
        """Begin ``run.preflight.check``, which saves the task in ``order.task``; the result may be a ``UsageError``."""
        ...

    def examine(self, methods: Overridden, patience: float = IMPORT_SECONDS) -> Future[list[str]]:
        """Begin to check the hyper-parameters of these methods with ``run.loader.problems``.

        No problem is reported here for a method that cannot be imported within ``patience`` seconds; its run will
        report it.
        """
        ...

    def measure(self, order: Order) -> Future[Footprint]:
        """Begin to find out how much memory a run needs on this machine; there is a result, whatever happens."""
        ...

    def close(self) -> None:
        """End whatever is still running, and everything that it started."""
        ...
