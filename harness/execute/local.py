"""Runs on this machine, as many at a time as it has slots for."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from ..spec.footprint import Footprint
from ..spec.plan import Order
from ..spec.preflight import Preflight
from ..spec.record import RunOutcome
from . import slots
from .executor import IMPORT_SECONDS, Overridden
from .sealed import Sealed
from .slots import RunSlot


class LocalExecutor:
    """Executes orders in processes of their own, ``jobs`` at a time, each with ``gpus`` GPUs to itself if possible.

    If ``jobs`` is ``None``, ``check`` decides how many the machine has room for. ``scratch`` is a folder for their
    files.
    """

    def __init__(self, scratch: Path, jobs: int | None = 1, gpus: int | None = None):
        self._sealed = Sealed(scratch)
        self._jobs = jobs
        self._gpus = gpus
        self._checks = ThreadPoolExecutor(max_workers=1)
        self._open([RunSlot(shared=(jobs or 1) > 1)] * (jobs or 1))

    def submit(self, order: Order) -> Future[RunOutcome]:
        """Begin a run as soon as a slot is free; it has an outcome, whatever happens to its process."""
        return self._runs.submit(self._run, order)

    def check(self, order: Order) -> Future[Preflight]:
        """Begin ``preflight.check``, which saves the task in ``order.task``; the result may be its ``UsageError``.

        It also says which devices there are, so runs are to be submitted afterwards.
        """
        return self._checks.submit(self._check, order)

    def examine(self, methods: Overridden, patience: float = IMPORT_SECONDS) -> Future[list[str]]:
        """Begin ``Sealed.examine``."""
        return self._checks.submit(self._sealed.examine, methods, patience)

    def measure(self, order: Order) -> Future[Footprint]:
        """Begin ``Sealed.measure`` as soon as a slot is free, one at a time: each may use all the memory there is."""
        return self._checks.submit(self._measure, order)

    def close(self) -> None:
        """End whatever is still running, and everything that it started."""
        self._sealed.stop()
        for threads in (self._checks, self._runs):
            threads.shutdown(wait=True, cancel_futures=True)
        self._sealed.sweep()

    def _check(self, order: Order) -> Preflight:
        here = self._sealed.check(order)
        if order.room != 0:
            found = _run_bytes(self._sealed.measure_base(order), here, order)
            here = here.model_copy(update={"run_bytes": found})
        self._open(slots.slots(here, self._jobs, self._gpus))
        return here

    def _open(self, places: list[RunSlot]) -> None:
        self._free: SimpleQueue[RunSlot] = SimpleQueue()
        for place in places:
            self._free.put(place)
        self._runs = ThreadPoolExecutor(max_workers=len(places))

    def _run(self, order: Order) -> RunOutcome:
        with self._slot() as slot:
            done = self._sealed.run(_on(slot, order))
        return done.contended() if slot.shared else done

    def _measure(self, order: Order) -> Footprint:
        with self._slot() as slot:
            return self._sealed.measure(_on(slot, order))

    @contextmanager
    def _slot(self) -> Iterator[RunSlot]:
        slot = self._free.get()
        try:
            yield slot
        finally:
            self._free.put(slot)


def _on(slot: RunSlot, order: Order) -> Order:
    """The order with the GPUs of a slot."""
    return replace(order, gpus=order.gpus if slot.gpus is None else slot.gpus)


def _run_bytes(whole: Footprint, here: Preflight, order: Order) -> int:
    """What a run needs that trains all weights: all there is if memory ran out, or what is sure if nothing is known."""
    if whole.reason is None:
        return whole.needed(order.micro_batch_size)
    return here.room_bytes if whole.exhausted else here.run_bytes
