"""Executes orders on a Ray cluster: checks happen on the session's machine, and runs on any node that has room."""

import shutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayError, RayTaskError

from ...spec import failure
from ...spec.checkpoint import Checkpoint
from ...spec.footprint import Footprint
from ...spec.paths import expanded
from ...spec.plan import Order
from ...spec.preflight import Preflight
from ...spec.record import Environment, Failure, Record, RunOutcome, Status
from ...spec.suite import EMBEDDED, RunTable
from .. import machine
from ..executor import IMPORT_SECONDS, Overridden
from ..local import LocalExecutor
from . import node, nodes, parcels
from .node import Done, Job
from .parcels import Parcel

TRIES = 4  # of a run whose node or worker is lost, or whose node cannot execute it
WATCH_SECONDS = 10.0  # between two looks at whether nodes are left for all runs
ENDING_SECONDS = 60.0  # time limit for runs to end at an interrupt, with all that they have started
CLEANING_SECONDS = 10.0  # time limit for removing the session's files from the nodes
NODE_REMEDY = "look at the disk, the temporary folder and the installation of that node"


@dataclass(frozen=True)
class Attempt:
    """A run to execute; ``tries`` are left, and ``alone`` asks for all the memory of a node.

    That keeps away the runs that ask for some, which those with GPUs do not.
    """

    job: Job
    found: Future[RunOutcome]
    tries: int = TRIES
    alone: bool = False


@dataclass(frozen=True)
class Begun:
    """An attempt that Ray executes, or will as soon as a node has what ``options`` ask for."""

    attempt: Attempt
    reference: ray.ObjectRef
    options: Mapping[str, Any]


class ClusterExecutor:
    """Executes orders on the nodes of the cluster at ``address``, as many at a time as have room for a run.

    ``run`` says what a run needs. Checks use the CPU of this machine, which has the data. ``scratch`` is a folder for
    files. Raises ``UsageError`` if there is no cluster at this address, or no node has what a run needs.
    """

    def __init__(self, scratch: Path, address: str, run: RunTable, device: str | None):
        self._needs = nodes.join(address, run, device)
        self._execute = ray.remote(node.execute)
        self._here = LocalExecutor(scratch)  # later, since it ends processes that it does not know, such as Ray's
        self._session = f"tuneoff-{uuid4().hex[:12]}"
        self._desk = ThreadPoolExecutor(max_workers=1)  # does what must not happen in Ray's own threads
        self._packed: dict[Path, Parcel] = {}
        self._running: dict[Future[RunOutcome], Begun] = {}
        self._asked: list[ray.ObjectRef] = []  # before the first run
        self._own: Environment  # of this machine, once it was checked
        self._run_bytes = 0  # of a node's memory
        self._avoided: set[str] = set()  # Ray's ids of nodes that could not execute a run
        self._closed = Event()
        Thread(target=self._watch, daemon=True).start()

    def submit(self, order: Order) -> Future[RunOutcome]:
        """Begin a run as soon as a node has room; it has an outcome, whatever happens to the node."""
        found: Future[RunOutcome] = Future()
        found.add_done_callback(self._cancel)
        self._begin(Attempt(self._job(order), found))
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
        """End whatever is still running, remove the session's files from all nodes, and leave the cluster.

        An interrupt ends a step of this, but not the others.
        """
        if self._closed.is_set():  # for Ray would join a cluster again
            return
        self._closed.set()
        with ExitStack() as last_first:
            last_first.callback(ray.shutdown)
            last_first.callback(self._clear)
            last_first.callback(self._desk.shutdown, wait=True, cancel_futures=True)
            last_first.callback(self._here.close)
            last_first.callback(self._end)

    def _check(self, order: Order) -> Preflight:
        spec = order.spec.model_copy(update={"precision": "float32"})  # which any CPU can compute in
        untried = replace(order, spec=spec, device="cpu", gpus=(), threads=machine.cores(), room=0)
        here = self._here.check(untried).result().model_copy(update={"room_bytes": order.room or 0})
        self._own = here.environment
        self._run_bytes = 0 if self._needs["num_gpus"] else here.run_bytes
        job, needed = self._job(order), {**self._needs, "num_cpus": 0}
        nodes.fetched(partial(self._ask, node.fetch, job, {"num_cpus": 0}), self._needs)
        return nodes.surveyed(here, partial(self._ask, node.survey, job, needed), self._needs)

    def _ask(self, function: Callable[[Job], object], job: Job, needed: nodes.Needs, each: nodes.Node) -> ray.ObjectRef:
        reference = nodes.on(each, function, needed).remote(job)
        self._asked.append(reference)
        if self._closed.is_set():  # in the meantime
            ray.cancel(reference)
        return reference

    def _job(self, order: Order) -> Job:
        model = _local(order)
        if model:
            exact = order.model.model_copy(update={"name": str(model), "revision": None})
            order = replace(order, model=exact, origin=exact)
        paths = [order.task, *(plugin.path for plugin in (order.plugin, *order.metrics)), *filter(None, [model])]
        for path in paths:
            if path not in self._packed:
                self._packed[path] = parcels.pack(path)
        return Job(order, self._session, {path: self._packed[path] for path in paths}, self._own, node.sources())

    def _begin(self, attempt: Attempt) -> None:
        options = self._options(attempt)
        task = self._execute.options(**options, max_retries=0, name=attempt.job.order.spec.name)
        reference = task.remote(attempt.job)
        self._running[attempt.found] = begun = Begun(attempt, reference, options)
        ended: Callable[[Future[Done]], None] = partial(self._ended, begun)
        if self._closed.is_set():  # in the meantime
            ray.cancel(reference)
        self._cancel(attempt.found)  # likewise
        reference.future().add_done_callback(lambda future: self._closed.is_set() or self._desk.submit(ended, future))

    def _options(self, attempt: Attempt) -> dict[str, Any]:
        return nodes.options(self._needs, sys.maxsize if attempt.alone else self._run_bytes, self._avoided)

    def _watch(self) -> None:
        """Keep runs from waiting for nodes that are gone."""
        while not self._closed.wait(WATCH_SECONDS):
            with suppress(RuntimeError):  # closed in the meantime
                self._desk.submit(self._move)

    def _move(self) -> None:
        """Begin the runs again that no node can execute any more as they were begun."""
        for begun in list(self._running.values()):
            if not nodes.possible(begun.options) and self._options(begun.attempt) != begun.options:
                ray.cancel(begun.reference)
                self._begin(begun.attempt)

    def _ended(self, begun: Begun, future: Future[Done]) -> None:
        attempt = begun.attempt
        if self._running.get(attempt.found) is not begun or self._closed.is_set():  # cancelled, or begun again
            return
        order = attempt.job.order
        try:
            outcome = self._outcome(attempt, future)
        except Exception as error:  # whatever it is, the run has an outcome
            outcome = _failed(order, *failure.of_lost(error))
        if outcome is None:
            return
        del self._running[attempt.found]
        if attempt.found.set_running_or_notify_cancel():
            attempt.found.set_result(outcome)

    def _outcome(self, attempt: Attempt, future: Future[Done]) -> RunOutcome | None:
        """The outcome of an attempt; ``None`` if the run was begun again."""
        order = attempt.job.order
        try:
            done = future.result()
        except OutOfMemoryError as error:
            if self._again(replace(attempt, alone=True), unless=attempt.alone):
                return None
            return _lost(order, Status.OUT_OF_MEMORY, f"Ray ended it to free memory: {_first_line(error)}")
        except RayError as error:
            if self._again(replace(attempt, tries=attempt.tries - 1), unless=attempt.tries == 1):
                return None
            lost = f"its worker or node was lost, or is broken, in each of {TRIES} tries: {_first_line(error)}"
            if isinstance(error, RayTaskError):  # Tuneoff cannot be imported there
                lost = f"{lost}: {error.cause}"
            return _lost(order, Status.CRASHED, lost)
        found = RunOutcome.model_validate_json(done.outcome) if done.outcome else None
        if found:
            return _arrived(order, done, found)
        self._avoided.add(done.node)
        if self._again(replace(attempt, tries=attempt.tries - 1), unless=attempt.tries == 1):
            return None
        why = Failure(type="OSError", message=f"node {nodes.name_of(done.node)}: {done.refused}", remedy=NODE_REMEDY)
        return _failed(order, Status.FAILED, why)

    def _again(self, attempt: Attempt, *, unless: bool) -> bool:
        """Make another attempt, unless this was the last one; whether it was made."""
        if not unless:
            self._begin(attempt)
        return not unless

    def _cancel(self, found: Future[RunOutcome]) -> None:
        if found.cancelled() and not self._closed.is_set() and (begun := self._running.pop(found, None)):
            ray.cancel(begun.reference)

    def _end(self) -> None:
        """Interrupt checks and runs, so that what they have started ends with them; end workers that do not obey."""
        references = [*self._asked, *(begun.reference for begun in list(self._running.values()))]
        for reference in references:
            ray.cancel(reference)
        late = ray.wait(references, num_returns=len(references), timeout=ENDING_SECONDS)[1] if references else []
        for reference in late:
            ray.cancel(reference, force=True)

    def _clear(self) -> None:
        with suppress(RayError, GetTimeoutError):
            cleared = [nodes.on(each, node.clear).remote(self._session) for each in nodes.alive()]
            ray.get(cleared, timeout=CLEANING_SECONDS)


def _local(order: Order) -> Path | None:
    """The file or folder of the base model on this machine; ``None`` if nodes have it, or get it from the hub."""
    path = expanded(order.model.name)
    return path.absolute() if order.model.name != EMBEDDED and path.exists() else None


def _arrived(order: Order, done: Done, found: RunOutcome) -> RunOutcome:
    """The outcome of a run, after the model that it keeps was written where the order says."""
    if not (order.keep and done.kept):
        return found
    try:
        shutil.rmtree(order.keep, ignore_errors=True)
        parcels.write(done.kept, order.keep)
    except OSError as error:
        shutil.rmtree(order.keep, ignore_errors=True)
        lost = Checkpoint(reason=f"{order.keep}: {error}; {failure.DISK_REMEDY}", disk_failed=True)
        return found.model_copy(update={"record": found.record.keeping(lost)})
    return found


def _lost(order: Order, status: Status, message: str) -> RunOutcome:
    return _failed(order, status, failure.because(status, message))


def _failed(order: Order, status: Status, error: Failure) -> RunOutcome:
    return RunOutcome(record=Record(spec=order.spec, status=status, error=error))


def _first_line(error: RayError) -> str:
    return str(error).strip().splitlines()[0]
