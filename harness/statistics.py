"""Intervals and paired tests by bootstrap over test rows and seeds.

Scores come as arrays of shape (seeds, rows). A resample draws rows and seeds with replacement; two
methods are compared on the same drawn rows, so that a row's difficulty cancels out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4000
LEVEL = 0.95

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


def interval(scores: Scores) -> Interval:
    """The interval of the mean score."""
    return _interval(float(scores.mean()), _resampled(scores, _draw_rows(scores.shape[1]), stream=1))


def difference(scores: Scores, others: Scores) -> Interval:
    """The paired interval of ``scores.mean() - others.mean()`` over the same rows."""
    if scores.shape[1] != others.shape[1]:
        raise ValueError(f"paired scores need the same rows, got {scores.shape[1]} and {others.shape[1]}")
    rows = _draw_rows(scores.shape[1])
    gains = _resampled(scores, rows, stream=1) - _resampled(others, rows, stream=2)
    return _interval(float(scores.mean() - others.mean()), gains)


def ranks(methods: dict[str, Scores]) -> dict[str, int]:
    """A rank for each method: one more than the number of methods that are clearly better.

    Two methods that the paired bootstrap cannot tell apart do not push each other down.
    """
    return {
        name: 1 + sum(difference(others, scores).low > 0 for other, others in methods.items() if other != name)
        for name, scores in methods.items()
    }


def _draw_rows(rows: int) -> NDArray[np.float64]:
    """How often each row is drawn, as shares: (resamples, rows)."""
    generator = np.random.default_rng(0)
    return generator.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES) / rows


def _resampled(scores: Scores, rows: NDArray[np.float64], stream: int) -> NDArray[np.float64]:
    """The mean score of each resample: (resamples,)."""
    seeds = scores.shape[0]
    generator = np.random.default_rng(stream)
    drawn = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
    means: NDArray[np.float64] = np.einsum("rs,sr->r", drawn, scores @ rows.T)
    return means


def _interval(mean: float, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))
