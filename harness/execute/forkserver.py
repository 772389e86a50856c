"""The server that runs are forked from: torch, transformers and peft are loaded, so that a run starts in 0.1 s."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext
from pathlib import Path

from ..spec.names import PACKAGE

PRELOAD = [f"{PACKAGE}.run.preflight", f"{PACKAGE}.run.runner", "evaluate", "transformers.models.t5.modeling_t5"]
SHORT_FOLDER, MAX_FOLDER_BYTES = "/tmp", 60  # for sockets: their paths may have 104 bytes, and 40 follow the folder
# glibc asks the kernel for every large tensor anew, and its empty pages took a tenth of a training step.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
# A thread that waits for others in a loop keeps them from running wherever something else needs a core, too.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
VARIABLES = {**WAITING, **MEMORY}  # the environment that runs start with, where the user's says nothing else

# Runs end at once and leave their locks to the tracker, which would say on the terminal that it removes them.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}


def start(scratch: Path) -> ForkServerContext:
    """Start the server, unless this process has one; Hugging Face's caches of all runs are in ``scratch``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    _keep_socket_short()
    with _variables(QUIET):
        resource_tracker.ensure_running()
    with _variables({**VARIABLES, **_caches(scratch)}):
        forkserver.ensure_running()
    return context


def _caches(scratch: Path) -> dict[str, str]:
    """Folders that Hugging Face's libraries write to while data are read and answers are scored.

    In the session's own one, since a home may be read-only, and a cache that is shared may be in use.
    """
    names = ("HF_MODULES_CACHE", "HF_METRICS_CACHE", "HF_EVALUATE_CACHE", "HF_DATASETS_CACHE")
    return {name: str(scratch.absolute() / "caches" / name) for name in names}


def _keep_socket_short() -> None:
    """Have ``multiprocessing`` put its socket elsewhere where its path would be longer than the system allows."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= MAX_FOLDER_BYTES or not os.access(SHORT_FOLDER, os.W_OK):
        return
    tempfile.tempdir = SHORT_FOLDER
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
