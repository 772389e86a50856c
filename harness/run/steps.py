"""A few training steps with more and more rows of one batch, and what their memory peaks show about any number of rows.

Only sizes are tried that are sure to fit, since a process that takes too much memory is killed, and others with it.
"""

from collections.abc import Callable, Iterator, Mapping
from math import ceil

import torch

from ..models.family import Batch
from ..spec.footprint import SAFE_SHARE
from . import memory, meters

ONE_ROW_STEPS = 2  # of which the second has the optimiser's state
MAX_STEPS = 6  # the last two have equally many rows: the second of them finds memory in pieces, as later steps do


class Steps(Iterator[Batch]):
    """The batches of a few steps: the first row of one batch, twice, and then as many rows as are sure to fit.

    Each size shows better how many these are, until there are no more; the last size is tried twice. ``begins`` says
    what a step begins with: everything but gradients and activations.
    """

    def __init__(self, batch: Batch, device: torch.device, room: int, begins: Callable[[], int]):
        self._batch, self._device, self._room, self._begins = batch, device, room, begins
        self._rows: list[int] = []  # of each step
        self._ended: list[int] = []  # the peak of each step that has ended

    def __next__(self) -> Batch:
        rows = self._next()
        self._rows.append(rows)
        return {name: tensor[:rows] for name, tensor in self._batch.items()}

    def told(self, share: float, loss: float | None) -> None:
        """A step has ended, or the first one begins."""
        if len(self._ended) < len(self._rows):
            self._ended.append(memory.peak(self._device))
        meters.restart(self._device)

    def ran_out(self) -> bool:
        """Memory did not suffice for the last step; whether not even for one row."""
        if len(self._ended) < ONE_ROW_STEPS:
            return True
        self._ended.append(max(self._room, memory.peak(self._device)))
        return False

    @property
    def peaks(self) -> dict[int, int]:
        """The highest peak of the steps with so many rows."""
        found: dict[int, int] = {}
        for rows, peak in zip(self._rows, self._ended, strict=False):
            found[rows] = max(peak, found.get(rows, 0))
        return found

    def _next(self) -> int:
        if len(self._rows) < ONE_ROW_STEPS:
            return 1
        last = self._rows[-1]
        if len(self._rows) > ONE_ROW_STEPS and last == self._rows[-2]:
            raise StopIteration
        if len(self._rows) == MAX_STEPS - 1:
            return last
        return min(len(self._batch["labels"]), certain(last, self._ended[-1], self._begins(), self._room))


def certain(rows: int, peak: int, begins: int, room: int) -> int:
    """How many rows are sure to fit if a step with so many had this peak, and no fewer than these.

    What a row needs is never taken for too little: the peak contains the gradients, or all that the optimiser needs.
    """
    return max(rows, int((SAFE_SHARE * room - begins) * rows / max(1, peak - begins)))


def line(peaks: Mapping[int, int], begins: int, gradients: int) -> tuple[int, int]:
    """What activations need, with all that is there beside them: so much, and so much for each row.

    The peak of one row may be the optimiser's, with all gradients, and so hide the activations. They are then taken to
    grow from nothing.
    """
    one, (rows, many) = peaks[1], max(peaks.items())
    if rows == 1:
        return begins, max(0, one - begins)
    straight = begins + (many - begins) // rows
    first = max(one - gradients, min(one, straight))
    per_row = max(0, ceil((many - first) / (rows - 1)))
    return many - per_row * rows, per_row
