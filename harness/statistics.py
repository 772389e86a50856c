"""Intervals and paired tests by bootstrap over test rows and seeds.

Scores come as arrays of shape (seeds, rows). A resample draws rows and seeds with replacement; two
methods are compared on the same drawn rows, so that a row's difficulty cancels out, and on seeds
drawn for each of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


class Resampled:
    """One method's scores with the means of its resamples, which are drawn when they are asked for."""

    def __init__(self, scores: Scores):
        self.rows = scores.shape[1]
        self.mean = float(scores.mean())
        self._scores = scores.astype(np.float32)

    @cached_property
    def means(self) -> NDArray[np.float32]:
        """The mean of each resample: (RESAMPLES,)."""
        return self._means(stream=1)

    @cached_property
    def others(self) -> NDArray[np.float32]:
        """The same rows drawn, but other seeds: for the other side of a comparison."""
        return self._means(stream=2)

    def _means(self, stream: int) -> NDArray[np.float32]:
        drawn = _draws(len(self._scores), stream) @ self._scores
        means: NDArray[np.float32] = np.einsum("nr,nr->n", drawn, _draws(self.rows, 0))
        return means


def interval(one: Resampled) -> Interval:
    """The interval of the mean score."""
    return _interval(one.mean, one.means)


def difference(one: Resampled, other: Resampled) -> Interval:
    """The paired interval of the first mean minus the second over the same rows."""
    if one.rows != other.rows:
        raise ValueError(f"paired scores need the same rows, got {one.rows} and {other.rows}")
    return _interval(one.mean - other.mean, one.means - other.others)


def ranks(methods: Mapping[str, Resampled]) -> dict[str, int]:
    """A rank for each method: one more than the number of methods that are clearly better.

    Two methods that the paired bootstrap cannot tell apart do not push each other down.
    """
    return {
        name: 1 + _clearly_better(one, [other for other in methods.values() if other.mean > one.mean])
        for name, one in methods.items()
    }


def _clearly_better(one: Resampled, others: Sequence[Resampled]) -> int:
    """How many of the others have a paired interval of the difference that lies above zero."""
    if not others:
        return 0
    if any(other.rows != one.rows for other in others):
        raise ValueError("paired scores need the same rows")
    differences = np.stack([other.means for other in others]) - one.others
    return int((np.quantile(differences, TAILS[0], axis=1) > 0).sum())


@lru_cache(maxsize=16)
def _draws(count: int, stream: int) -> NDArray[np.float32]:
    """How often each of so many things is drawn, as shares: (RESAMPLES, count)."""
    drawn = np.random.default_rng(stream).integers(count, size=(RESAMPLES, count), dtype=np.int32)
    cells = drawn + count * np.arange(RESAMPLES, dtype=np.int32)[:, None]  # one bin for each thing in each resample
    counts = np.bincount(cells.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count)
    return (counts / count).astype(np.float32)


def _interval(mean: float, resamples: NDArray[np.float32]) -> Interval:
    low, high = np.quantile(resamples, TAILS)
    return Interval(mean, float(low), float(high))
