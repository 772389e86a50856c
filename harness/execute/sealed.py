"""Each run in a fresh process of this machine: a crash, a kill or a hang costs one row."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import CancelledError
from itertools import chain
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Lock
from time import perf_counter
from typing import TypeVar

from ..spec import failure
from ..spec.errors import UsageError
from ..spec.footprint import Footprint
from ..spec.plan import Order
from ..spec.preflight import Preflight
from ..spec.record import Cost, Environment, Failure, Record, RunOutcome, Status
from . import child, forkserver, processes
from .child import ANSWER, COMPLAINT, FOUND, LOG, NO_ROOM
from .executor import IMPORT_SECONDS, Overridden

LOG_BYTES = 64_000  # at most this much of a run's output is kept
BASE_SECONDS = 180.0  # time limit for trying out the base model, which no run waits for any longer
WAITED_SECONDS = 1.0  # at a time; Ray interrupts a thread only between two calls

Work = TypeVar("Work")


class Sealed:
    """Does work in processes of their own and waits for it; several threads may ask at a time.

    ``scratch`` is a folder for their files.
    """

    def __init__(self, scratch: Path):
        processes.adopt_orphans()
        self._start = forkserver.start(scratch)
        self._known = processes.children()
        self._scratch = scratch
        self._running: set[BaseProcess] = set()
        self._starting = Lock()
        self._closed = Event()

    def run(self, order: Order) -> RunOutcome:
        """Execute a run; it has an outcome, whatever happens to its process."""
        try:
            folder = self._folder(order.spec.name)
        except OSError as error:
            return _failed(order, *failure.of_no_room(error))
        try:
            return self.attempt(order, folder)
        except CancelledError:
            raise
        except Exception as error:  # no process could be started, or what it wrote is broken
            return _failed(order, *failure.of_lost(error))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def attempt(self, order: Order, folder: Path) -> RunOutcome:
        """Execute a run, with its files in this folder; raises whatever this machine has against it."""
        began, kills = perf_counter(), processes.memory_kills()
        exitcode = self._process(child.execute, order, folder, order.spec.budget.hard_seconds)
        answer = folder / ANSWER
        if answer.exists():
            outcome = RunOutcome.model_validate_json(answer.read_bytes())
        else:
            outcome = _unanswered(order, exitcode, perf_counter() - began, kills)
        return outcome.model_copy(update={"log": _tail(folder / LOG)})

    def measure(self, order: Order) -> Footprint:
        """Find out how much memory a run needs; there is a result, whatever happens to the process."""
        return self._measured(child.measure, order, order.spec.budget.hard_seconds)

    def measure_base(self, order: Order) -> Footprint:
        """Find out how much memory it needs to train all weights of the base model, as ``measure`` does, in short."""
        return self._measured(child.measure_base, order, min(BASE_SECONDS, order.spec.budget.hard_seconds))

    def _measured(self, target: Callable[[Order, Path], None], order: Order, seconds: float) -> Footprint:
        kills, known = processes.memory_kills(), {"batch_size": order.spec.batch_size, "room": order.room or 0}
        try:
            folder = self._folder("measure")
        except OSError as error:
            _, why = failure.of_no_room(error)
            return Footprint(**known, reason=why.cause)
        try:
            exitcode = self._process(target, order, folder, seconds)
            if (folder / ANSWER).exists():
                return Footprint.model_validate_json((folder / ANSWER).read_bytes())
            status, why = _death(order, exitcode, kills)
            exhausted = status == Status.OUT_OF_MEMORY
            return Footprint(**known, reason=f"{status}: {why.message}", exhausted=exhausted)
        except CancelledError:
            raise
        except Exception as error:
            status, why = failure.of_lost(error)
            return Footprint(**known, reason=f"{status}: {why.message}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def check(self, order: Order) -> Preflight:
        """Do ``preflight.check``, which saves the task in ``order.task``; raises its ``UsageError``."""
        return Preflight.model_validate_json(self._told(child.check, order))

    def fetch(self, order: Order) -> None:
        """Do ``preflight.fetch``, however long it takes; raises its ``UsageError``."""
        self._told(child.fetch, order)

    def survey(self, order: Order) -> Environment:
        """Do ``preflight.survey``; raises its ``UsageError``."""
        return Environment.model_validate_json(self._told(child.survey, order))

    def examine(self, methods: Overridden, patience: float = IMPORT_SECONDS) -> list[str]:
        """Check the hyper-parameters of these methods with ``run.loader.problems``.

        They are imported one after another in a process of their own. A method that ends the process, or is still being
        imported after ``patience`` seconds, is skipped, because its run will report the problem; a new process imports
        the methods after it.
        """
        found: list[str] = []
        while methods:
            done = self._examine_some(methods, patience)
            found += chain.from_iterable(done)
            methods = methods[len(done) + 1 :]
        return found

    def stop(self) -> None:
        """End all processes, and start no more."""
        with self._starting:
            self._closed.set()
            for process in list(self._running):  # threads whose process ends change the set
                process.kill()

    def sweep(self) -> None:
        """End processes that outlived the run that started them: they have become our children."""
        with self._starting:
            ours = {process.pid for process in list(self._running)} | forkserver.servers()
            strangers = {each for each in processes.children() - self._known if each.pid not in ours}
        processes.end(strangers)

    def _told(self, target: Callable[[Order, Path], None], order: Order) -> bytes:
        """What a process that is no run writes as its answer."""
        folder, kills = self._folder("check"), processes.memory_kills()
        try:
            exitcode = self._process(target, order, folder, timeout=None)
            if (folder / COMPLAINT).exists():
                raise UsageError((folder / COMPLAINT).read_text(encoding="utf-8"))
            if exitcode == NO_ROOM:
                raise UsageError(f"{self._scratch}: cannot be written to; {failure.DISK_REMEDY}")
            if exitcode is not None and _death(order, exitcode, kills)[0] == Status.OUT_OF_MEMORY:
                raise UsageError(
                    f"model {order.model.name!r} does not fit into this machine's memory; take a smaller one"
                )
            if not (folder / ANSWER).exists():
                reason = f"the process that loads the model and the data exited with code {exitcode}"
                raise UsageError(f"{reason}: {_tail(folder / LOG)}")
            return (folder / ANSWER).read_bytes()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _examine_some(self, methods: Overridden, patience: float) -> list[list[str]]:
        """The problems of each method, as far as a process got."""
        folder = self._folder("examine")
        try:
            self._process(child.examine, methods, folder, patience)
            text = (folder / FOUND).read_text(encoding="utf-8") if (folder / FOUND).exists() else ""
            return [json.loads(line) for line in text.split("\n")[:-1]]  # whole lines, however it ended
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _process(
        self, target: Callable[[Work, Path], None], work: Work, folder: Path, timeout: float | None
    ) -> int | None:
        """Run ``target`` in a process; return its exit code, or ``None`` if it was killed at its time limit."""
        with self._starting:
            if self._closed.is_set():
                raise CancelledError
            process = self._start(target, work, folder)
            self._running.add(process)
        try:
            in_time = _ends(process, timeout)
            if not in_time:
                process.kill()
            process.join()
            return process.exitcode if in_time else None
        except BaseException:  # this thread is to do something else, and may soon be killed
            processes.end_all_of(process)
            process.join()
            raise
        finally:
            self._running.discard(process)
            self.sweep()

    def _folder(self, name: str) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._scratch))


def _ends(process: BaseProcess, timeout: float | None) -> bool:
    """Wait until a process has ended; whether it did in time."""
    deadline = perf_counter() + (math.inf if timeout is None else timeout)
    while not wait([process.sentinel], max(0.0, min(WAITED_SECONDS, deadline - perf_counter()))):
        if perf_counter() >= deadline:
            return False
    return True


def _failed(order: Order, status: Status, why: Failure) -> RunOutcome:
    return RunOutcome(record=Record(spec=order.spec, status=status, error=why))


def _unanswered(order: Order, exitcode: int | None, seconds: float, kills: int) -> RunOutcome:
    """The outcome of a run whose process ended without one; ``kills`` is ``memory_kills()`` before the run."""
    status, why = _death(order, exitcode, kills)
    return RunOutcome(record=Record(spec=order.spec, status=status, cost=Cost(wall_seconds=seconds), error=why))


def _death(order: Order, exitcode: int | None, kills: int) -> tuple[Status, Failure]:
    """Why a process ended without an answer."""
    if exitcode is None:
        return failure.of_timeout(order.spec.budget.hard_seconds)
    return failure.of_death(exitcode, processes.memory_kills() > kills and exitcode == -9)


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")
