"""The server from which runs are forked, with torch, transformers and peft loaded: a run starts in 0.1 s."""

import importlib.util
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from ..spec.names import PACKAGE

LIBRARIES = ["evaluate", "transformers.models.t5.modeling_t5"]
OURS = [f"{PACKAGE}.run.preflight", f"{PACKAGE}.run.runner"]
USES_CUDA = "bitsandbytes"  # as soon as it is imported, which peft does; a process forked after that cannot use CUDA
# Apple's libraries may crash in a process that is forked after they were loaded; there, each process loads them anew.
FORK_IS_SAFE = sys.platform != "darwin"
# For sockets: a socket's path is limited to 104 bytes, and 40 of them follow the folder.
SHORT_FOLDER, MAX_FOLDER_BYTES = "/tmp", 60
# By default, glibc gets new pages from the kernel for every large tensor; this took a tenth of the time of a training
# step.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
# Without it, a library that asks torch whether there is a GPU, as some do when they are imported, starts CUDA.
CUDA = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
# A thread that waits for others in a busy loop keeps them from running if something else needs a core, too.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
DYING_SECONDS = 10.0  # time limit for a killed server to be gone
Start = Callable[..., BaseProcess]
VARIABLES = {**WAITING, **MEMORY, **CUDA}  # the environment of runs, unless the user sets these variables

# Runs exit without cleaning up and leave their locks to the tracker, which would otherwise report on the terminal that
# it removed them.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}


def start(scratch: Path) -> Start:
    """Start the server, unless this process has one; the result starts a process with a function and its arguments.

    Hugging Face's caches of all runs are in ``scratch``.
    """
    variables = {**VARIABLES, **_caches(scratch)}
    _keep_socket_short()
    with _variables(QUIET):
        resource_tracker.ensure_running()
    if not FORK_IS_SAFE:
        return partial(_started, "spawn", variables)
    multiprocessing.set_forkserver_preload(preloaded())
    with _variables(variables):
        forkserver.ensure_running()
    return partial(_started, "forkserver", variables)  # which another server gets if this one dies


def servers() -> set[int]:
    """The process ids of the server and of the resource tracker, which are others after one has died."""
    found: list[int | None] = [
        forkserver._forkserver._forkserver_pid,  # type: ignore[attr-defined]
        resource_tracker._resource_tracker._pid,  # type: ignore[attr-defined]
    ]
    return {pid for pid in found if pid is not None}


def preloaded() -> list[str]:
    """The modules that the server loads; none of them uses a GPU."""
    has_it = importlib.util.find_spec(USES_CUDA) is not None
    return LIBRARIES if has_it else [*LIBRARIES, *OURS]


def _started(method: str, variables: Mapping[str, str], target: Callable[..., None], *arguments: Any) -> BaseProcess:
    process: BaseProcess = multiprocessing.get_context(method).Process(target=target, args=arguments)  # type: ignore[attr-defined]
    with _variables(variables):
        deadline = perf_counter() + DYING_SECONDS
        while True:
            try:
                process.start()
            except (EOFError, ConnectionError):  # the server is dying; after that, multiprocessing starts another
                if perf_counter() > deadline:
                    raise
                sleep(0.05)
            else:
                return process


def _caches(scratch: Path) -> dict[str, str]:
    """Folders that Hugging Face's libraries write to while data are read and answers are scored.

    They are in the session's own folder, since the home folder may be read-only, and a shared cache may be in use.
    """
    names = ("HF_MODULES_CACHE", "HF_METRICS_CACHE", "HF_EVALUATE_CACHE", "HF_DATASETS_CACHE")
    return {name: str(scratch.absolute() / "caches" / name) for name in names}


def _keep_socket_short() -> None:
    """Make ``multiprocessing`` put its socket elsewhere if its path would be longer than the system allows."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= MAX_FOLDER_BYTES or not os.access(SHORT_FOLDER, os.W_OK):
        return
    tempfile.tempdir = SHORT_FOLDER
    try:
        util.get_temp_dir()  # which it makes once, and removes at exit
    finally:
        tempfile.tempdir = usual


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes that start inside the context; those already set stay as they are."""
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
