"""How long this process's threads were ready to run but had no processor.

The kernel counts that time for each thread: while other programs run, and while the quota of a container is used up. A
thread that sleeps is not counted, so a program that waits for its own threads, for a device or for a disk does not look
disturbed. Only the thread that waited longest counts, because the others wait for it.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")  # on Linux; distributions' kernels provide schedstat in it

Waits = Mapping[str, int]  # nanoseconds by thread, so far


def waits() -> Waits:
    """The waits of this process's threads; empty if the system does not report them."""
    found, ran = {}, 0
    with suppress(OSError, MemoryError):  # a run may have left too little memory to list its threads
        for path in TASKS.glob("*/schedstat"):
            with suppress(OSError, ValueError):  # a thread that has just ended
                running, waiting, _ = map(int, path.read_text().split())
                found[path.parent.name] = waiting
                ran += running
    return found if ran else {}  # a kernel that does not count reports only zeros


def waited(before: Waits) -> float | None:
    """Seconds since ``before`` of the thread that waited longest; ``None`` if the system does not report them."""
    longest = max((waiting - before.get(thread, 0) for thread, waiting in waits().items()), default=None)
    return None if longest is None else longest / 1e9
