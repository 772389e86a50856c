"""Every run in a fresh process: a crash, a kill or a hang costs one row.

The processes are forked from a server that has torch, transformers and peft loaded, so that one starts
in a tenth of a second. An answer travels in a file: a process that dies half-way, even with exit code 0
(which pebble's pool takes for idleness), or whose children keep its pipes open, is told apart for sure.
"""

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import wait
from pathlib import Path
from threading import Event, Lock
from time import perf_counter
from typing import Any

from ..spec import failure
from ..spec.errors import UsageError
from ..spec.names import PACKAGE
from ..spec.record import Cost, Record, RunOutcome, RunSpec
from ..spec.registry import Plugin
from . import processes

PRELOAD = [f"{PACKAGE}.run.preflight", f"{PACKAGE}.run.runner", "evaluate", "transformers.models.t5.modeling_t5"]
ANSWER, COMPLAINT, FOUND, LOG = "answer.json", "usage-error.txt", "found.jsonl", "output.log"
LOG_BYTES = 64_000  # what is kept of a run's output
IMPORT_SECONDS = 60.0  # in which methods are imported to look at their hyper-parameters
SHORT, LONGEST = "/tmp", 60  # a folder for sockets, and the length from which it is used: 40 more must fit into 104
# glibc asks the kernel for every large tensor anew, and its empty pages took a tenth of a training step.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
# A thread that waits for others in a loop keeps them from running wherever something else needs a core, too.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
VARIABLES = {**WAITING, **MEMORY}  # the environment that runs start with, where the user's says nothing else

# Runs end at once and leave their locks to the tracker, which would say on the terminal that it removes them.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}


class Executor:
    """Does orders in processes of their own, ``jobs`` at a time."""

    def __init__(self, scratch: Path, jobs: int = 1):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        processes.adopt_orphans()
        _keep_socket_short()
        with _variables(QUIET):
            resource_tracker.ensure_running()
        with _variables({**VARIABLES, **_caches(scratch)}):
            forkserver.ensure_running()
        self._known = processes.children()
        self._scratch = scratch
        self._threads = ThreadPoolExecutor(max_workers=jobs)
        self._running: set[Any] = set()
        self._starting = Lock()
        self._closed = Event()

    def submit(self, order: Any) -> "Future[RunOutcome]":
        """Begin a run as soon as a place is free; whatever happens to its process, there is an outcome."""
        return self._threads.submit(self._run, order)

    def check(self, order: Any) -> str:
        """What ``preflight.check`` says about this order, as JSON; raises the ``UsageError`` that it raised."""
        return self._threads.submit(self._check, order).result()

    def examine(
        self, methods: Sequence[tuple[Plugin, Mapping[str, Any]]], patience: float = IMPORT_SECONDS
    ) -> list[str]:
        """What is wrong with the hyper-parameters of these plugins under these overrides, by ``registry.problems``.

        They are imported in a process of their own, one after the other. One that ends it, or that does not let it
        end within ``patience`` seconds, is left to its run; those behind it are imported in the next process.
        """
        found: list[str] = []
        while methods:
            done = self._threads.submit(self._examine, methods, patience).result()
            found += chain.from_iterable(done)
            methods = methods[len(done) + 1 :]
        return found

    def close(self) -> None:
        """End whatever is still running, and everything that it started."""
        with self._starting:
            self._closed.set()
            for process in self._running:
                process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._sweep()

    def _run(self, order: Any) -> RunOutcome:
        spec: RunSpec = order.spec
        began, kills = perf_counter(), processes.memory_kills()
        try:
            folder = self._folder(spec.name)
        except OSError as error:
            status, why = failure.of_no_room(error)
            return RunOutcome(record=Record(spec=spec, status=status, error=why))
        try:
            exitcode = self._process(_execute, order, folder, spec.budget.hard_seconds)
            answer = folder / ANSWER
            if answer.exists():
                outcome = RunOutcome.model_validate_json(answer.read_bytes())
            else:
                if exitcode is None:
                    status, why = failure.of_timeout(spec.budget.hard_seconds)
                else:
                    status, why = failure.of_death(exitcode, processes.memory_kills() > kills and exitcode == -9)
                cost = Cost(wall_seconds=perf_counter() - began)
                outcome = RunOutcome(record=Record(spec=spec, status=status, cost=cost, error=why))
            return outcome.model_copy(update={"log": _tail(folder / LOG)})
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _check(self, order: Any) -> str:
        folder = self._folder("check")
        try:
            exitcode = self._process(_check, order, folder, timeout=None)
            if (folder / COMPLAINT).exists():
                raise UsageError((folder / COMPLAINT).read_text(encoding="utf-8"))
            if exitcode == os.EX_IOERR:
                raise UsageError(f"{self._scratch}: cannot be written; {failure.DISK}")
            if not (folder / ANSWER).exists():
                raise UsageError(f"loading model and data ended with exit code {exitcode}: {_tail(folder / LOG)}")
            return (folder / ANSWER).read_text(encoding="utf-8")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _examine(self, methods: Sequence[tuple[Plugin, Mapping[str, Any]]], patience: float) -> list[list[str]]:
        """The problems of each plugin, as far as a process got."""
        folder = self._folder("examine")
        try:
            self._process(_examine, methods, folder, patience)
            text = (folder / FOUND).read_text(encoding="utf-8") if (folder / FOUND).exists() else ""
            return [json.loads(line) for line in text.split("\n")[:-1]]  # whole lines, however it ended
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _process(
        self, target: Callable[[Any, Path], None], order: Any, folder: Path, timeout: float | None
    ) -> int | None:
        """Run ``target`` in a process; its exit code, or ``None`` if it had to be ended at its time-out."""
        process = self._context.Process(target=target, args=(order, folder))
        with self._starting:
            if self._closed.is_set():
                raise CancelledError
            process.start()
            self._running.add(process)
        try:
            in_time = bool(wait([process.sentinel], timeout))
            if not in_time:
                process.kill()
            process.join()
            return process.exitcode if in_time else None
        finally:
            self._running.discard(process)
            self._sweep()

    def _sweep(self) -> None:
        """End processes that outlived the run that started them: they have become our children."""
        processes.end(processes.children() - self._known)

    def _folder(self, name: str) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._scratch))


def _caches(scratch: Path) -> dict[str, str]:
    """Folders that Hugging Face's libraries write to while data are read and answers are scored.

    In the session's own one, since a home may be read-only, and a cache that is shared may be in use.
    """
    names = ("HF_MODULES_CACHE", "HF_METRICS_CACHE", "HF_EVALUATE_CACHE", "HF_DATASETS_CACHE")
    return {name: str(scratch.absolute() / "caches" / name) for name in names}


def _keep_socket_short() -> None:
    """Have ``multiprocessing`` put its socket elsewhere where its path would be longer than the system allows."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= LONGEST or not os.access(SHORT, os.W_OK):
        return
    tempfile.tempdir = SHORT
    try:
        util.get_temp_dir()  # which it makes once, and removes in the end
    finally:
        tempfile.tempdir = usual


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for processes that start meanwhile, and no longer; what is set already stays."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _execute(order: Any, folder: Path) -> None:
    """In the new process: do the run, leave the answer, and go without waiting for threads it left."""
    _isolate(folder)
    from ..run import runner

    process = os.getpid()
    outcome = runner.execute(order, folder)
    if os.getpid() == process:  # not a copy of it that a plugin forked
        _answer(folder / ANSWER, outcome.model_dump_json())
    os._exit(1)


def _check(order: Any, folder: Path) -> None:
    _isolate(folder)
    from ..run import preflight

    try:
        _answer(folder / ANSWER, preflight.check(order))
    except UsageError as error:
        _answer(folder / COMPLAINT, str(error))
    except Exception as error:
        if failure.full_disk(error):
            os._exit(os.EX_IOERR)
        raise


def _examine(methods: Sequence[tuple[Plugin, Mapping[str, Any]]], folder: Path) -> None:
    _isolate(folder)
    from ..run import loader

    process = os.getpid()
    os.chdir(folder)  # what a plugin writes when it is imported goes away
    with (folder / FOUND).open("w", encoding="utf-8") as file:
        for plugin, overrides in methods:
            found = loader.problems(plugin, overrides)
            if os.getpid() != process:  # a copy of it that a plugin forked
                os._exit(0)
            file.write(f"{json.dumps(found)}\n")
            file.flush()
    os._exit(0)


def _isolate(folder: Path) -> None:
    """Die with the session, and print into a file."""
    processes.die_with_parent()
    with (folder / LOG).open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _answer(path: Path, text: str) -> None:
    """Leave a file for the session and end; what else the process has written goes first, since it takes room."""
    beside = path.with_suffix(".part")
    try:
        for other in path.parent.iterdir():
            if other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
            elif other.name != LOG:
                other.unlink()
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError:
        os._exit(os.EX_IOERR)
    os._exit(0)


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        return file.read().decode(errors="replace")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
