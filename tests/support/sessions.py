"""What a session finds out before its runs, and a session whose runs are done, or are never to be done."""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from harness.execute.executor import Overridden
from harness.metrics.rouge.metric import ROUGE
from harness.session.bakeoff import Bakeoff, Selection
from harness.spec import plan
from harness.spec.footprint import Footprint
from harness.spec.plan import Order
from harness.spec.preflight import Leakage, Preflight
from harness.spec.record import Environment, Record, RunOutcome
from harness.spec.registry import Plugin
from harness.spec.suite import Suite
from harness.store.results import Store

HERE = Environment(
    device="cpu",
    device_name="Some CPU",
    threads=2,
    python="3.11.7",
    platform="Linux-x86_64",
    packages={"torch": "2.13.0", "peft": "0.21.2"},
    git="0123456789ab",
)
SESSION = Preflight(
    leakage=Leakage(test=2, exact=0, near=0),
    environment=HERE,
    data_hash="0d1e2f3a4b5c",
    model_revision="5c4b3a2f1e0d",
    metrics=ROUGE,
)


class Idle:
    """An executor that must not be asked for anything."""

    def submit(self, order: Order) -> Future[RunOutcome]:
        raise AssertionError(f"{order.spec.name} was not to run")

    def check(self, order: Order) -> Future[Preflight]:
        raise AssertionError("nothing was to be checked")

    def examine(self, methods: Overridden, patience: float = 0.0) -> Future[list[str]]:
        raise AssertionError("nothing was to be examined")

    def measure(self, order: Order) -> Future[Footprint]:
        raise AssertionError(f"{order.spec.name} was not to be measured")

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
