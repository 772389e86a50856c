"""Intervals and paired tests by bootstrap over test rows and seeds.

Scores come as arrays of shape (seeds, rows). A resample draws rows and seeds with replacement; two
methods are compared on the same drawn rows, so that a row's difficulty cancels out, and on seeds
drawn for each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4000
LEVEL = 0.95
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """A mean score with its resamples: (2, RESAMPLES), the same rows drawn in both, but other seeds."""

    rows: int
    mean: float
    means: NDArray[np.float32]


def resample(scores: Scores) -> Resampled:
    """Draw rows and seeds of one method's scores."""
    seeds, rows = scores.shape
    shares, values = _draws(rows, 0), scores.astype(np.float32)
    means = [np.einsum("nr,nr->n", _draws(seeds, stream) @ values, shares) for stream in (1, 2)]
    return Resampled(rows, float(scores.mean()), np.stack(means))


def interval(one: Resampled) -> Interval:
    """The interval of the mean score."""
    return _interval(one.mean, one.means[0])


def difference(one: Resampled, other: Resampled) -> Interval:
    """The paired interval of the first mean minus the second over the same rows."""
    if one.rows != other.rows:
        raise ValueError(f"paired scores need the same rows, got {one.rows} and {other.rows}")
    return _interval(one.mean - other.mean, one.means[0] - other.means[1])


def ranks(methods: Mapping[str, Resampled]) -> dict[str, int]:
    """A rank for each method: one more than the number of methods that are clearly better.

    Two methods that the paired bootstrap cannot tell apart do not push each other down.
    """
    return {
        name: 1 + sum(difference(better, one).low > 0 for other, better in methods.items() if other != name)
        for name, one in methods.items()
    }


@lru_cache(maxsize=16)
def _draws(count: int, stream: int) -> NDArray[np.float32]:
    """How often each of so many things is drawn, as shares: (RESAMPLES, count)."""
    drawn = np.random.default_rng(stream).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return (drawn / count).astype(np.float32)


def _interval(mean: float, resamples: NDArray[np.float32]) -> Interval:
    low, high = np.quantile(resamples, TAILS)
    return Interval(mean, float(low), float(high))
