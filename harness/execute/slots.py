"""How many runs one machine executes at a time, and which GPUs each of them sees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..spec.errors import SuiteError
from ..spec.preflight import Preflight
from . import machine

CPU = "cpu"
NO_GPU: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunSlot:
    """A place for one run at a time; ``shared`` if runs in other slots use the same device.

    ``gpus`` are the only ones that a run sees; ``None`` leaves it those that the session sees.
    """

    gpus: tuple[str, ...] | None = None
    shared: bool = False


def slots(here: Preflight, jobs: int | None = 1, gpus: int | None = None) -> list[RunSlot]:
    """The slots for ``jobs`` runs at a time, each with this number of GPUs to itself if there are enough.

    If ``jobs`` is ``None``, there are as many as the machine has room for: one for each group of GPUs, or on the CPU as
    many as processors and memory allow. Raises ``SuiteError`` if the machine has fewer GPUs than a run needs.
    """
    groups = _groups(here.gpus, gpus)
    count = jobs or (_fitting(here) if here.environment.device == CPU else len(groups))
    chosen = [groups[number % len(groups)] for number in range(count)]
    users = Counter(chosen)
    return [RunSlot(group, shared=users[group] > 1) for group in chosen]


def sharing(places: Sequence[RunSlot]) -> int:
    """How many runs at most are on one device at a time."""
    return max(Counter(place.gpus for place in places).values(), default=1)


def _groups(names: Sequence[str], size: int | None) -> Sequence[tuple[str, ...] | None]:
    if size == 0:
        return [NO_GPU]
    size = size or min(1, len(names))
    if size > len(names):
        raise SuiteError(f"run.gpus = {size}: runs can use {len(names)} GPUs here; lower it, or leave it out")
    return [tuple(names[first : first + size]) for first in range(0, len(names) - size + 1, size)] if size else [None]


def _fitting(here: Preflight) -> int:
    by_cores = machine.cores() // here.environment.threads
    by_memory = machine.memory() // here.run_bytes if here.run_bytes else by_cores
    return max(1, min(by_cores, by_memory))
