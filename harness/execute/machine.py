"""The processors and the memory that this machine lets its processes use: in a container, less than it has."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

GROUPS = Path("/sys/fs/cgroup")  # where Linux mounts control groups
OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """The processors that this process may use, by affinity and by the quota of its control groups; at least one."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *map(int, _quotas())]))


def memory() -> int:
    """The bytes of memory that are available, by the system and by the limits of the control groups."""
    return max(0, min([int(psutil.virtual_memory().available), *_rooms()]))


def _quotas() -> Iterator[float]:
    """The number of processors whose time each control group may use."""
    for folder in _folders("cpu"):
        words = _words(folder / "cpu.max") or _words(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
        if len(words) == 2 and words[0] not in ("max", "-1"):
            yield int(words[0]) / int(words[1])


def _rooms() -> Iterator[int]:
    """The bytes that each control group may still use; cached files do not count as used."""
    for folder in _folders("memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        used = _words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")
        if limit and used and limit != ["max"]:
            yield int(limit[0]) - int(used[0]) + _cached(folder)


def _cached(folder: Path) -> int:
    words = _words(folder / "memory.stat")
    figures = dict(zip(words[::2], words[1::2], strict=False))
    return int(figures.get("total_inactive_file", figures.get("inactive_file", 0)))


def _folders(controller: str) -> Iterator[Path]:
    """The folders of this process's control groups for a controller, and of those around them.

    A container sees only its own group, as the root of what is mounted.
    """
    for line in _lines(OWN):
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = GROUPS / controller if controllers else GROUPS
        own = root / name.strip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _words(*paths: Path) -> list[str]:
    """The words of these files together; none if one of them cannot be read."""
    found = [line for path in paths if (line := " ".join(_lines(path)))]
    return " ".join(found).split() if len(found) == len(paths) else []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
