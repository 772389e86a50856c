"""How long this process' threads were ready to run and had no processor.

The kernel counts that time for each thread: behind other programs, and while the quota of a container is spent. A
thread that sleeps is not counted, so that a program which waits for its own threads, for a device or for a disk does
not look disturbed. Of several threads the one that waited longest is what the others wait for.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")  # Linux; with schedstat in it, as distributions build their kernels

Waits = Mapping[str, int]  # nanoseconds by thread, so far


def waits() -> Waits:
    """Those of this process; empty where the system does not tell."""
    found, ran = {}, 0
    with suppress(OSError, MemoryError):  # a run may have left no memory to list its threads in
        for path in TASKS.glob("*/schedstat"):
            with suppress(OSError, ValueError):  # a thread that has just ended
                running, waiting, _ = map(int, path.read_text().split())
                found[path.parent.name] = waiting
                ran += running
    return found if ran else {}  # a kernel that does not count says 0 of everything


def waited(before: Waits) -> float | None:
    """Seconds since then of the thread that waited longest; ``None`` where the system does not tell."""
    longest = max((waiting - before.get(thread, 0) for thread, waiting in waits().items()), default=None)
    return None if longest is None else longest / 1e9
