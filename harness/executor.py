"""Every run in a fresh process: a crash, a kill or a hang costs one row."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from harness.record import Failure, Record, Status

PRELOAD = ["harness.runner", "transformers.models.t5.modeling_t5"]


class Executor:
    """Runs orders in processes forked from a server that has torch, transformers and peft loaded already."""

    def __init__(self, jobs: int = 1):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self._pool = ProcessPool(max_workers=jobs, max_tasks=1, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End whatever is still running."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def check(self, order: Any) -> None:
        """Raise the ``UsageError`` that this order would meet before its training."""
        self._submit(_check, order, timeout=None).result()

    def run(self, order: Any) -> Any:
        """The outcome of this order; a process that did not survive becomes a record as well."""
        from harness.runner import Outcome  # torch: here only, so that reading results needs none

        spec = order.spec
        try:
            return self._submit(_execute, order, timeout=spec.budget.hard_seconds).result()
        except FutureTimeout:
            message = f"killed after hard_seconds = {spec.budget.hard_seconds:g}"
            failure = Failure(
                type="TimeoutError", message=message, remedy="raise hard_seconds in [budget], or find what hangs"
            )
            return Outcome(Record(spec=spec, status=Status.TIMED_OUT, error=failure))
        except ProcessExpired as error:
            return Outcome(Record(spec=spec, status=Status.CRASHED, error=_death(error.exitcode)))

    def _submit(self, function: Callable[[Any], Any], order: Any, timeout: float | None) -> "ProcessFuture[Any]":
        return self._pool.schedule(function, args=[order], timeout=timeout)


def _execute(order: Any) -> Any:
    from harness import runner

    return runner.execute(order)


def _check(order: Any) -> None:
    from harness import runner

    runner.check(order)


def _death(code: int) -> Failure:
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return Failure(
        type="ProcessExpired",
        message=f"the process ended by {name}",
        remedy="run the method alone with -k and look at what it calls outside Python",
    )


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
