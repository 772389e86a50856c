"""Executes orders on a Ray cluster: checks happen on the session's machine, and runs on any node that has room."""

import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import ray
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayError, RayTaskError

from ...spec import failure
from ...spec.footprint import Footprint
from ...spec.paths import expanded
from ...spec.plan import Order
from ...spec.preflight import Preflight
from ...spec.record import Failure, Record, RunOutcome, Status
from ...spec.suite import EMBEDDED, RunTable
from ..executor import IMPORT_SECONDS, Overridden
from ..local import LocalExecutor
from . import node, nodes, parcels
from .node import Done, Job
from .parcels import Parcel

TRIES = 4  # of a run whose node or worker is lost
CLEANING_SECONDS = 10.0  # time limit for removing the session's files from the nodes


class ClusterExecutor:
    """Executes orders on the nodes of the cluster at ``address``, as many at a time as have room for a run.

    ``run`` says what a run needs. Checks use the CPU of this machine, which has the data. ``scratch`` is a folder for
    files. Raises ``UsageError`` if there is no cluster at this address, or no node has what a run needs.
    """

    def __init__(self, scratch: Path, address: str, run: RunTable, device: str | None):
        self._needs = nodes.join(address, run, device)
        self._here = LocalExecutor(scratch)  # later, since it ends processes that it does not know, such as Ray's
        self._session = f"tuneoff-{uuid4().hex[:12]}"
        self._desk = ThreadPoolExecutor(max_workers=1)  # does what must not happen in Ray's own threads
        self._packed: dict[Path, Parcel] = {}
        self._running: dict[Future[RunOutcome], ray.ObjectRef] = {}
        self._closed = False

    def submit(self, order: Order) -> Future[RunOutcome]:
        """Begin a run as soon as a node has room; it has an outcome, whatever happens to the node."""
        found: Future[RunOutcome] = Future()
        found.add_done_callback(self._cancel)
        self._begin(order, self._job(order), found, TRIES)
        return found

    def check(self, order: Order) -> Future[Preflight]:
        """Begin ``preflight.check`` on this machine, and then find out in which environments runs will be.

        The result may be a ``UsageError``, also about a node with other versions than this machine.
        """
        return self._desk.submit(self._check, order)

    def examine(self, methods: Overridden, patience: float = IMPORT_SECONDS) -> Future[list[str]]:
        """Begin ``Sealed.examine`` on this machine."""
        return self._here.examine(methods, patience)

    def measure(self, order: Order) -> Future[Footprint]:
        """Begin ``Sealed.measure`` on this machine."""
        return self._here.measure(order)

    def close(self) -> None:
        """End whatever is still running, remove the session's files from all nodes, and leave the cluster."""
        self._closed = True
        for reference in list(self._running.values()):
            ray.cancel(reference, force=True)
        self._desk.shutdown(wait=False, cancel_futures=True)
        self._here.close()
        with suppress(RayError, GetTimeoutError):
            cleared = [nodes.on(each, node.clear).remote(self._session) for each in nodes.alive()]
            ray.get(cleared, timeout=CLEANING_SECONDS)
        ray.shutdown()

    def _check(self, order: Order) -> Preflight:
        spec = order.spec.model_copy(update={"precision": "float32"})  # which any CPU can compute in
        here = self._here.check(replace(order, spec=spec, device="cpu", gpus=())).result()
        job = self._job(order)
        return nodes.surveyed(here, lambda each: nodes.on(each, node.survey, self._needs).remote(job), self._needs)

    def _job(self, order: Order) -> Job:
        model = _local(order)
        if model:
            exact = order.model.model_copy(update={"name": str(model), "revision": None})
            order = replace(order, model=exact, origin=exact)
        paths = [order.task, *(plugin.path for plugin in (order.plugin, *order.metrics)), *filter(None, [model])]
        for path in paths:
            if path not in self._packed:
                self._packed[path] = parcels.pack(path)
        return Job(order, self._session, {path: self._packed[path] for path in paths})

    def _begin(self, order: Order, job: Job, found: Future[RunOutcome], tries: int) -> None:
        task = ray.remote(node.execute).options(**self._needs, max_retries=0, name=order.spec.name)
        self._running[found] = reference = task.remote(job)
        ended: Callable[[Future[Done]], None] = partial(self._ended, order, job, found, tries)
        reference.future().add_done_callback(lambda future: self._closed or self._desk.submit(ended, future))

    def _ended(self, order: Order, job: Job, found: Future[RunOutcome], tries: int, future: Future[Done]) -> None:
        if found.cancelled() or self._closed:
            return
        try:
            outcome = _arrived(order, future.result())
        except OutOfMemoryError as error:
            outcome = _lost(order, Status.OUT_OF_MEMORY, f"Ray ended it to free memory: {_first_line(error)}")
        except OSError as error:
            outcome = _failed(order, *failure.of_no_room(error))
        except RayTaskError as error:
            found.set_exception(error)
            return
        except RayError as error:
            if tries > 1:
                self._begin(order, job, found, tries - 1)
                return
            outcome = _lost(order, Status.CRASHED, f"its node was lost in each of {TRIES} tries: {_first_line(error)}")
        del self._running[found]
        if found.set_running_or_notify_cancel():
            found.set_result(outcome)

    def _cancel(self, found: Future[RunOutcome]) -> None:
        if found.cancelled() and (reference := self._running.pop(found, None)):
            ray.cancel(reference, force=True)


def _local(order: Order) -> Path | None:
    """The file or folder of the base model on this machine; ``None`` if nodes have it, or get it from the hub."""
    path = expanded(order.model.name)
    return path.absolute() if order.model.name != EMBEDDED and path.exists() else None


def _arrived(order: Order, done: Done) -> RunOutcome:
    """The outcome of a run, after the model that it keeps was written where the order says."""
    if order.keep and done.kept:
        shutil.rmtree(order.keep, ignore_errors=True)
        parcels.write(done.kept, order.keep)
    return RunOutcome.model_validate_json(done.outcome)


def _lost(order: Order, status: Status, message: str) -> RunOutcome:
    return _failed(order, status, failure.because(status, message))


def _failed(order: Order, status: Status, error: Failure) -> RunOutcome:
    return RunOutcome(record=Record(spec=order.spec, status=status, error=error))


def _first_line(error: RayError) -> str:
    return str(error).strip().splitlines()[0]
