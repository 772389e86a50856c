"""Leaves no process behind: what a run forks ends with it."""

import ctypes
import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
VMSTAT = Path("/proc/vmstat")


def adopt_orphans() -> None:
    """On Linux, become the parent of processes whose own parent dies, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Make this process end when the session that requested it ends, even if the session is killed.

    Ctrl-C is ignored here, because the session handles it.
    The fork server, which is the parent as the kernel sees it, lives as long as one of its children.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if session := multiprocessing.parent_process():
        Thread(target=_end_with, args=(session,), daemon=True).start()


def die_first() -> None:
    """On Linux, let the kernel kill this process before any other if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def die_with_starter() -> None:
    """On Linux, end when the process that started this one ends, even if it is killed; for ``preexec_fn``."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children() -> set[psutil.Process]:
    """The current children of this process."""
    return set(psutil.Process().children())


def end(processes: set[psutil.Process]) -> None:
    """Kill these processes and everything below them, and wait until they are gone."""
    doomed: list[psutil.Process] = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            doomed += [process, *process.children(recursive=True)]
    for process in doomed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=10)


def end_all_of(process: BaseProcess) -> None:
    """Kill a process with everything below it, while it is still known what that is."""
    with suppress(psutil.NoSuchProcess):
        end({psutil.Process(process.pid)})


def memory_kills() -> int:
    """How many processes the kernel has killed to free memory since it started; 0 if it does not report that."""
    try:
        lines = VMSTAT.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _end_with(session: multiprocessing.process.BaseProcess) -> None:
    session.join()
    os.kill(os.getpid(), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
