"""The budget as an iterator: training batches come from it until it is spent."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from time import perf_counter

import torch

from ..models.family import Batch
from ..spec.suite import Budget

WARM_UP_STEPS = 3  # the first steps, which are slower


@dataclass
class Used:
    """What training took from the budget, by unit. Tokens are source and target tokens without padding."""

    examples: int = 0
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Batches(Iterator[Batch]):
    """The batches that a method may train on, on the model's device; they end for good when the budget is spent.

    ``row_tokens`` counts the tokens of each row of a batch, as the model's family does. With each batch, ``told``
    receives the share of the budget that is spent and the last ``loss``, which a training loop may set.
    """

    def __init__(
        self,
        source: Iterator[Batch],
        budget: Budget,
        device: torch.device,
        row_tokens: Callable[[Batch], torch.Tensor],
        told: Callable[[float, float | None], None] | None = None,
    ):
        self.limits = budget.limits()
        self.used = Used()
        self.loss: float | None = None
        self._told = told
        self._source = source
        self._device = device
        self._row_tokens = row_tokens
        self._began: float | None = None
        self._requested: list[float] = []  # when each batch was requested

    @property
    def progress(self) -> float:
        """The share of the budget that is spent, 0..1; learning-rate schedules read it."""
        if self._began is not None:
            self.used.seconds = perf_counter() - self._began
        used: dict[str, float] = asdict(self.used)
        return min(1.0, max(used[unit] / limit for unit, limit in self.limits.items()))

    @property
    def step_seconds(self) -> list[float]:
        """The time between one batch and the next, without the first steps, which are slower."""
        return [after - before for before, after in pairwise(self._requested[WARM_UP_STEPS:])]

    def __next__(self) -> Batch:
        self._requested.append(perf_counter())
        if self._began is None:
            self._began = perf_counter()
        progress = self.progress
        if self._told:
            self._told(progress, self.loss)
        if progress >= 1.0:
            raise StopIteration
        batch = self._within_limits(next(self._source))
        self.used.examples += len(batch["labels"])
        self.used.steps += 1
        self.used.tokens += int(self._row_tokens(batch).sum())
        if self._device.type != "cuda":  # a copy to MPS that nobody waits for may read memory that is free by then
            return {name: tensor.to(self._device) for name, tensor in batch.items()}
        pinned = {name: tensor.pin_memory() for name, tensor in batch.items()}  # so that the copy waits for nothing
        return {name: tensor.to(self._device, non_blocking=True) for name, tensor in pinned.items()}

    def _within_limits(self, batch: Batch) -> Batch:
        """The batch without the rows that would overrun ``max_examples`` or ``max_tokens``; at least one row."""
        rows = len(batch["labels"])
        keep = min(rows, self.limits.get("examples", math.inf) - self.used.examples)
        if "tokens" in self.limits:
            left = self.limits["tokens"] - self.used.tokens
            keep = min(keep, int((self._row_tokens(batch).cumsum(0) <= left).sum()))
        return batch if keep >= rows else {name: tensor[: max(1, int(keep))] for name, tensor in batch.items()}
