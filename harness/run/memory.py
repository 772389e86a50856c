"""The memory in use and its peak: of the GPU that a process uses, or else of the process."""

import resource
import sys

import psutil
import torch

from . import meters


def used(device: torch.device) -> int:
    """The bytes in use now."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def peak(device: torch.device) -> int:
    """The highest number of bytes in use since ``meters.restart``, or ever, if the system cannot restart it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if meters.STATUS.exists() and (found := meters.resident_peak()) is not None:
        return found
    kibibytes = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kibibytes


def room(device: torch.device, main: int) -> int:
    """The bytes that this process may use on its device, with those that it uses; ``main`` are those of main memory."""
    if device.type != "cuda":
        return main
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device)
