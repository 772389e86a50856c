"""A session whose runs are done, or are never to be done."""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from harness.execute.child import Overridden
from harness.session.bakeoff import Bakeoff, Selection
from harness.spec import plan
from harness.spec.plan import Order
from harness.spec.record import Preflight, Record, RunOutcome
from harness.spec.registry import Plugin
from harness.spec.suite import Suite
from harness.store.results import Store


class Idle:
    """An executor that must not be asked for anything."""

    def submit(self, order: Order) -> Future[RunOutcome]:
        raise AssertionError(f"{order.spec.name} was not to run")

    def check(self, order: Order) -> Future[Preflight]:
        raise AssertionError("nothing was to be checked")

    def examine(self, methods: Overridden, patience: float = 0.0) -> Future[list[str]]:
        raise AssertionError("nothing was to be examined")

    def close(self) -> None: ...


def session(
    suite: Suite, plugins: Mapping[str, Plugin], folder: Path, here: Preflight, *records: Record, jobs: int = 1
) -> Bakeoff:
    """The session of a suite; these runs of it are done, and no other was asked for."""
    request = plan.request(suite, plugins, folder, jobs=jobs)
    selection = Selection(runs=[record.spec.name for record in records])
    found = Bakeoff(request, Store(folder, suite.name), Idle(), here, [], selection)
    found.ledger.done.update({record.spec.name: record for record in records})
    return found
