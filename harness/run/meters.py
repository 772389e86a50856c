"""Measures time and memory, one phase at a time."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter

import torch

from ..spec.record import Phase
from . import processor

CPU = torch.device("cpu")
METHOD_PHASES = ("load", "prepare", "build", "train", "generate")  # the others include the harness's checks
CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Meters:
    """Measures the phases of one run in this process; the device is synchronised before every clock read."""

    def __init__(self, device: torch.device = CPU, entered: Callable[[str], None] | None = None):
        self.device = device  # may be set during the first phase, since starting a GPU takes time, too
        self.phases: dict[str, Phase] = {}
        self._entered = entered  # is told the name of each phase that begins

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside, even if it raises; a phase that is entered twice adds up."""
        if self._entered:
            self._entered(name)
        resettable, waits = restart(self.device), processor.waits()
        began = self._now()
        try:
            yield
        finally:
            give_back()  # within this phase, so that memory freed by now is not part of the next one's peak
            self._add(name, self._now() - began, processor.waited(waits), resettable)

    def peak(self, name: str) -> int | None:
        """The highest value of that peak (a field of ``Phase``) in the phases that belong to the method itself."""
        peaks = (getattr(phase, name) for key, phase in self.phases.items() if key in METHOD_PHASES)
        return max((peak for peak in peaks if peak is not None), default=None)

    def _now(self) -> float:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
        return perf_counter()

    def _add(self, name: str, seconds: float, waited: float | None, resettable: bool) -> None:
        waited = None if waited is None else min(waited, seconds)  # the kernel counts a wait when it ends
        before = self.phases.get(name, Phase(seconds=0.0))
        cuda = self.device.type == "cuda"
        self.phases[name] = Phase(
            seconds=before.seconds + seconds,
            waited_seconds=before.waited_seconds if waited is None else (before.waited_seconds or 0.0) + waited,
            peak_rss_bytes=_higher(before.peak_rss_bytes, resident_peak() if resettable else None),
            peak_gpu_bytes=_higher(
                before.peak_gpu_bytes, torch.cuda.max_memory_allocated(self.device) if cuda else None
            ),
            peak_gpu_reserved_bytes=_higher(
                before.peak_gpu_reserved_bytes, torch.cuda.max_memory_reserved(self.device) if cuda else None
            ),
        )


def restart(device: torch.device) -> bool:
    """Start new high-water marks; False if the system cannot reset the one for resident memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def give_back() -> None:
    """Return free memory to the system, if the allocator is glibc's."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def resident_peak() -> int | None:
    """The highest resident memory since ``restart``; ``None`` if the system does not report it."""
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _higher(before: int | None, now: int | None) -> int | None:
    return now if before is None else before if now is None else max(before, now)
