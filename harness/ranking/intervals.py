"""Intervals of means and of paired differences, from one error model with two parts.

Two things are random: the test examples are a sample of all examples, and a training run is one of many possible runs.
So the squared standard error of a mean over examples and seeds, or of a difference of two such means, has two parts:

- examples: the variance of the seed-averaged scores (or differences) over the examples, divided by their number, minus
  the share due to the noise of single answers, which also scatters the seeds' means and is counted there;
- training: the variance of the means of a method's seeds, divided by the number of seeds; for a difference, the sum of
  both sides. Zero for a method that trains nothing or gave the same answers with every seed.

Each part is estimated with its own degrees of freedom. The p-value is the mean of two two-sided p-values of Student's
t, one for the degrees of freedom of each part, weighted by the part's share of the squared error. A 95% interval ends
where this p-value is 5%. ``docs/statistics.md`` describes the alternatives tried and how often the intervals are right.

Degrees of freedom of the training part of two sides: F. E. Satterthwaite, An approximate distribution of estimates of
variance components, Biometrics 2 (1946). Weighting t by shares: W. G. Cochran, Approximate significance levels of the
Behrens-Fisher test, Biometrics 20 (1964).
"""

import math
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..spec.metric import POINTS

LEVEL = 0.05
MIN_EXAMPLES = 2  # fewer have no variance, so there is no interval and no rank
MIN_SQUARED_ERROR = 1e-22  # a squared standard error of a score in 0..1; below it is rounding
BISECTION_STEPS = 30  # between two critical values

Scores = NDArray[np.float64]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its 95% interval, which are ``None`` if there are too few examples."""

    mean: float
    low: float | None
    high: float | None

    def facing(self, sign: float) -> "Interval":
        """The interval multiplied by ``sign``, which is 1 or -1."""
        if sign > 0:
            return self
        low, high = (None if bound is None else -bound for bound in (self.high, self.low))
        return Interval(-self.mean, low, high)


@dataclass(frozen=True)
class Sample:
    """What the error model needs to know about a method's scores, in their stored unit."""

    rows: Array  # the mean over seeds of each example
    seeds: int
    scatter: float  # the variance of the seeds' means
    freedom: float  # the degrees of freedom of ``scatter``; infinite if it is assumed or known
    answers: float  # the part of the variance of ``rows`` that is noise of single answers

    @property
    def mean(self) -> float:
        """The mean over examples and seeds."""
        return float(self.rows.mean())

    def facing(self, sign: float) -> "Sample":
        """The sample with its rows multiplied by ``sign``: -1 makes higher better for a metric where lower is."""
        return replace(self, rows=sign * self.rows)

    @property
    def examples(self) -> int:
        """The number of examples."""
        return len(self.rows)

    @property
    def training(self) -> float:
        """The training part of the squared standard error."""
        return self.scatter / self.seeds


def sample(scores: Scores, *, trains: bool = True, scale: float = POINTS) -> Sample:
    """Summarise scores of shape (seeds, examples), where a score of 1 is ``scale`` points.

    A single seed does not show how far a method that ``trains`` scatters, so the gate's assumption is used.
    """
    seeds, rows = len(scores), scores.mean(axis=0)
    if seeds == 1:
        return Sample(rows, 1, _assumed(scale) if trains else 0.0, math.inf, 0.0)
    if (scores == scores[0]).all():
        return Sample(rows, seeds, 0.0, math.inf, 0.0)
    means = scores.mean(axis=1)
    rest = scores - means[:, None] - rows + rows.mean()
    answers = (rest**2).sum() / ((seeds - 1) * max(scores.shape[1] - 1, 1)) / seeds
    return Sample(rows, seeds, float(means.var(ddof=1)), seeds - 1, float(answers))


def interval(one: Sample) -> Interval:
    """The 95% interval of the mean score."""
    return _interval(one.rows, one)


def difference(one: Sample, other: Sample) -> Interval:
    """The paired 95% interval of the first mean minus the second, over the same examples."""
    if one.examples != other.examples:
        raise ValueError(f"paired scores need the same examples, got {one.examples} and {other.examples}")
    return _interval(one.rows - other.rows, one, other)


@overload
def p_value(distance: float, by_examples: float, by_training: float, examples: int, freedom: float) -> float: ...
@overload
def p_value(distance: Array, by_examples: Array, by_training: Array, examples: int, freedom: Array) -> Array: ...
def p_value(
    distance: float | Array,
    by_examples: float | Array,
    by_training: float | Array,
    examples: int,
    freedom: float | Array,
) -> float | Array:
    """The two-sided p-value of a difference of ``distance`` standard errors.

    ``by_examples`` and ``by_training`` are the two parts of the squared standard error, which must not both be zero.
    """
    from scipy.special import stdtr  # imported here and below: its 0.1 seconds must not delay listing the runs

    tails = by_examples * stdtr(examples - 1, -distance) + by_training * stdtr(freedom, -distance)
    p: float | Array = 2 * tails / (by_examples + by_training)
    return p


def _interval(rows: Array, *sides: Sample) -> Interval:
    mean, examples = float(rows.mean()), len(rows)
    if examples < MIN_EXAMPLES:
        return Interval(mean, None, None)
    by_examples = max(float(rows.var(ddof=1)) - sum(side.answers for side in sides), 0.0) / examples
    by_training = sum(side.training for side in sides)
    squares = sum(side.training**2 / side.freedom for side in sides)
    freedom = by_training**2 / squares if squares > 0 else math.inf
    half = _critical(by_examples, by_training, examples, freedom) * math.sqrt(by_examples + by_training)
    return Interval(mean, mean - half, mean + half)


def _critical(by_examples: float, by_training: float, examples: int, freedom: float) -> float:
    """The number of standard errors whose p-value is ``LEVEL``."""
    from scipy.special import stdtrit

    if by_examples + by_training < MIN_SQUARED_ERROR:
        return 0.0
    low, high = sorted(float(-stdtrit(degrees, LEVEL / 2)) for degrees in (examples - 1, freedom))
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        if p_value(middle, by_examples, by_training, examples, freedom) > LEVEL:
            low = middle
        else:
            high = middle
    return high


def _assumed(scale: float) -> float:
    from . import paired

    return (paired.ASSUMED_SCATTER / scale) ** 2
