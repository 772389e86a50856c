"""The paired test behind the gate: how far a method's scores moved, and how certain that is.

Two things are random. The test examples are a sample of all dialogues; a difference is taken within each example,
so that its difficulty cancels out. And a training run is one of many possible runs: a code change that alters the
order of random numbers gives different weights with the same seeds, as good on average, but not in these few runs.
A test over examples alone mistakes such a run for a change of the method (false alarms of 2% to 30% on the embedded
suite, more often the wider a method's seeds scatter). So the squared standard error has two parts:

- examples: the variance of the seed-averaged differences, divided by the number of examples;
- training: zero if the weights are exactly the same as before, so that only generation changed. Otherwise the variance
  of seeds around their method's mean, in the baseline and now, divided by the number of seeds, times the share that
  does not cancel out: near 0 if each seed answers almost as before, 1 if its answers are unrelated to those before.
  The share is one minus the correlation of the two sides' scores after removing the mean of each seed and of each
  example. The scatter is taken as no less than the examples alone cause, and the part that is left of it as no less
  than the scatter of the seeds' own differences, so that a few seeds that agree by chance are not mistaken for
  certainty. If nothing cancels out, these differences say no more than the scatter, which more seeds have shown.

Degrees of freedom: F. E. Satterthwaite, An approximate distribution of estimates of variance components,
Biometrics 2 (1946). Correction for several tests: S. Holm, A simple sequentially rejective multiple test
procedure, Scand. J. Statist. 6 (1979); G. Hommel, A stagewise rejective multiple test procedure based on a modified
Bonferroni test, Biometrika 75 (1988).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..spec.metric import POINTS

ASSUMED_SCATTER = 2.5  # points, for fewer than MIN_SEEDS; about the median of the suite zoo
MIN_SEEDS = 3  # seeds needed to estimate their scatter; two agree by chance too often
POWER = 0.8
MIN_ERROR = 1e-9  # a standard error in points; below it is rounding

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """What chance in training adds to a seed's difference, as variances in squared points.

    It is the ``share`` of the seeds' ``scatter``, then and now together, that does not cancel out; or what is
    ``observed`` in the seeds' own differences, if that is more, but not more than all of the scatter, or of the row's
    ``own`` where rows share an estimate. ``freedom`` is the scatter's degrees of freedom, 0 if it is known.
    """

    scatter: float = 0.0
    freedom: float = 0.0
    share: float = 1.0
    observed: float = 0.0
    own: float = 0.0

    @property
    def variance(self) -> float:
        """The variance of one seed's difference."""
        return max(self.share * self.scatter, min(self.observed, max(self.scatter, self.own)))


@dataclass(frozen=True)
class Difference:
    """Now minus then, in points where higher is better, with the two parts of its squared standard error."""

    difference: float
    examples: int
    seeds: int
    by_examples: float
    training: Training

    @property
    def by_training(self) -> float:
        """The part of the squared standard error that comes from having only a few training runs."""
        return self.training.variance / self.seeds

    @property
    def freedom(self) -> float:
        """The degrees of freedom of the standard error."""
        if self.examples == 1:
            return 1.0
        return _freedom((self.by_examples, self.examples - 1), (self.by_training, self.training.freedom))

    @property
    def error(self) -> float:
        """The standard error of the difference."""
        return max(math.sqrt(self.by_examples + self.by_training), MIN_ERROR)

    def above(self, bound: float = 0.0) -> float:
        """The p-value of the claim that the true difference is above ``bound`` points."""
        return float(stats.t.sf((self.difference - bound) / self.error, self.freedom))

    def below(self, bound: float = 0.0) -> float:
        """The p-value of the claim that the true difference is below ``bound`` points."""
        return float(stats.t.cdf((self.difference - bound) / self.error, self.freedom))

    def with_scatter(self, scatter: float, freedom: float) -> "Difference":
        """The difference with another estimate of the seeds' scatter; what cancels out of it stays this row's own."""
        return replace(self, training=replace(self.training, scatter=scatter, freedom=freedom))

    def interval(self, level: float = 0.90) -> tuple[float, float]:
        """The bounds of the two-sided confidence interval of this comparison, not corrected for other comparisons.

        The gate's claims are one-sided: each bound of a 90% interval is the bound of a claim at 5%.
        """
        low, high = stats.t.interval(level, self.freedom, self.difference, self.error)
        return float(low), float(high)

    def detectable(self, level: float) -> float:
        """The loss in points that would be shown at ``level`` in four of five cases."""
        return self.error * float(stats.t.isf(level, self.freedom) + stats.t.ppf(POWER, self.freedom))

    def examples_needed(self, distance: float, level: float) -> int | None:
        """The number of examples that show a difference of ``distance`` points in four of five cases.

        ``None`` if no number does, because training noise alone is too large.
        """
        room = _detecting_error(distance, level) ** 2 - self.by_training
        return math.ceil(self.by_examples * self.examples / room) if room > 0 else None

    def seeds_needed(self, distance: float, level: float) -> int:
        """The approximate number of seeds that show such a difference; part of the examples' error does not shrink."""
        return math.ceil(self.seeds * self.error**2 / _detecting_error(distance, level) ** 2)


def compare(now: Scores, then: Scores, *, retrained: bool = True, factor: float = POINTS) -> Difference:
    """Compare scores of shape (seeds, examples), with the same seeds and examples on both sides.

    ``factor`` converts scores to points and is negative if lower is better (``Metric.factor_at``).

    A method that is not ``retrained``, because it trains nothing or has the same weights as then, has no training
    noise. One or two seeds do not show theirs, so it is taken to be at least ``ASSUMED_SCATTER`` points. A single
    example proves nothing.
    """
    if now.shape != then.shape:
        raise ValueError(f"paired scores need the same shape, got {now.shape} and {then.shape}")
    now, then = factor * now, factor * then
    seeds, examples = now.shape
    differences = (now - then).mean(axis=0)
    mean = float(differences.mean())
    if examples == 1:
        return Difference(mean, examples, seeds, math.inf, Training())
    by_examples = float(differences.var(ddof=1)) / examples
    return Difference(mean, examples, seeds, by_examples, _training(now, then) if retrained else Training())


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected so that, at any level, even one wrong claim is no likelier than that level."""
    order = np.argsort(values)
    steps = np.asarray(values)[order] * np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def hommel(values: Sequence[float]) -> list[float]:
    """P-values corrected for the same claim as ``holm``, if the tests rise and fall together.

    It is a closed test: a claim is shown if no set of claims that contains it can be wrong as a whole by Simes's test;
    of all sets of one size, the one with the largest other values decides.
    """
    corrected = []
    for number, value in enumerate(values):
        others = sorted([*values[:number], *values[number + 1 :]], reverse=True)
        corrected.append(max(_simes([value, *others[:count]]) for count in range(len(values))))
    return corrected


def by_rows(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    """P-values of several claims about each row, corrected so that, at any level, the probability is no higher that
    even one row of which all claims are wrong has a claim that is shown.

    Rows are corrected by Holm's procedure, and the claims about a row by Hommel's.
    """
    within = [hommel(row) for row in rows]
    best = [min(row) for row in within]
    places = {row: place for place, row in enumerate(sorted(range(len(rows)), key=lambda row: best[row]))}
    return [
        [min(max(least, (len(rows) - places[number]) * value), 1.0) for value in row]
        for number, (row, least) in enumerate(zip(within, holm(best), strict=True))
    ]


def _simes(values: Sequence[float]) -> float:
    return min(len(values) * value / rank for rank, value in enumerate(sorted(values), 1))


def _training(now: Scores, then: Scores) -> Training:
    """What the seeds show, or are assumed to have, of the chance in training."""
    seeds, examples = len(now), now.size // len(now)
    agreement = _agreement(now, then)
    assumed = 2 * ASSUMED_SCATTER**2 if seeds < MIN_SEEDS else 0.0
    if seeds == 1:
        return Training(assumed, share=1 - agreement)
    by_chance = (_residual(now) + _residual(then)) / examples
    scatter = max(_between(now) + _between(then), by_chance, assumed)
    freedom = 2 * (seeds - 1)
    observed = _between(now - then) - _residual(now - then) / examples
    return Training(scatter, freedom, 1 - agreement, observed, own=scatter)


def _between(scores: Scores) -> float:
    """The variance of the seeds' means."""
    return float(scores.mean(axis=1).var(ddof=1))


def _residual(scores: Scores) -> float:
    """The variance of what neither the seed nor the example explains."""
    seeds, examples = len(scores), scores.size // len(scores)
    return float((_rest(scores) ** 2).sum()) / ((seeds - 1) * (examples - 1))


def _rest(scores: Scores) -> Scores:
    """Scores without the mean of each seed and, where there are several seeds, of each example."""
    centred: Scores = scores - scores.mean(axis=1, keepdims=True)
    return centred - centred.mean(axis=0, keepdims=True) if len(scores) > 1 else centred


def _agreement(now: Scores, then: Scores) -> float:
    """How closely each seed answers as before: from 0 for unrelated answers to 1 for the same ones."""
    one, other = _rest(now).ravel(), _rest(then).ravel()
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return min(max(float(one @ other) / scale, 0.0), 1.0) if scale > MIN_ERROR else 0.0


def _freedom(*parts: tuple[float, float]) -> float:
    """Satterthwaite's degrees of freedom of a sum of variances; a variance with 0 degrees is known, not estimated."""
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / degrees for variance, degrees in parts if degrees)
    return total**2 / spread if spread > MIN_ERROR**4 else float(parts[0][1])


def _detecting_error(distance: float, level: float) -> float:
    """The standard error at which a difference of ``distance`` is shown at ``level`` with ``POWER``."""
    return max(distance, 0.01) / float(stats.norm.isf(level) + stats.norm.ppf(POWER))
