"""Which methods are told apart, and so which ranks each may have, with one error rate for all methods together.

Equally good methods are told apart in at most 5% of sessions, however many methods there are. Two methods are told
apart if no group of methods that contains both can pass for equal (closed testing: R. Marcus, E. Peritz and
K. R. Gabriel, Biometrika 63 (1976)). A group of some of the methods gets its share of the 5% (T. A. Ryan, Psychol.
Bull. 57 (1960)) and cannot pass for equal if

- two of its methods differ, by the p-value of ``harness.ranking.intervals`` times the number of its pairs; or
- one of its methods differs from the mean of the others, by the p-value times twice the number of its methods. This
  detects a method that is ahead of many, because their mean is more certain than any single one of them.

Groups need not be examined one by one: it is enough to know how many methods can be in a group with a given pair, and
which of them would hide the pair best. The scatter of seeds is estimated from all methods together
(``harness.ranking.scatter``). Ranks as intervals: M. Mogstad, J. P. Romano, A. M. Shaikh and D. Wilhelm, Inference for
ranks, Rev. Econ. Stud. 91 (2024). ``docs/statistics.md`` describes the alternatives and how often the ranks are right.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from . import scatter
from .intervals import BISECTION_STEPS, LEVEL, MIN_SQUARED_ERROR, Array, Interval, Sample, p_value

MIN_OUTLIER_GROUP = 6  # methods; in smaller groups the pairs detect nearly as much, and are wrong less often
# The share of a group's level that outliers get; the pairs get all of it, which is more than they need.
OUTLIER_LEVEL_SHARE = 0.5
POWER = 0.8
WORD = 8  # bytes

Truth = NDArray[np.bool_]
Estimate = Callable[[Sequence[Sample]], tuple[Array, Array]]  # the methods' variances over seeds, degrees of freedom


@dataclass(frozen=True)
class Ranking:
    """Methods from the highest mean to the lowest; ``told[i, j]``: method ``i`` is shown to be better than ``j``."""

    names: tuple[str, ...]
    told: Truth
    field: "Field"

    def ranks(self, name: str) -> tuple[int, int]:
        """The best and the worst rank that the method may have."""
        place = self.names.index(name)
        return 1 + int(self.told[:, place].sum()), len(self.names) - int(self.told[place].sum())

    def better(self, name: str, other: str) -> bool:
        """Whether the first method is shown to be better than the second."""
        return bool(self.told[self.names.index(name), self.names.index(other)])

    def above(self, name: str, other: str) -> float:
        """How far the first mean is above the second."""
        return float(np.subtract(*self.field.means[[self.names.index(name), self.names.index(other)]]))

    def difference(self, name: str, other: str) -> Interval:
        """The first mean minus the second, with its 95% interval, which is not corrected for other pairs."""
        place = self.names.index(name), self.names.index(other)
        apart, half = self.above(name, other), float(self.half_widths[place])
        return Interval(apart, apart - half, apart + half)

    @cached_property
    def half_widths(self) -> Array:
        """Half the width of the interval of each difference."""
        return self.field.half_widths()

    def seeds_needed(self, name: str, other: str) -> int | None:
        """About how many seeds of both would tell the two apart in four of five cases, if they differ as they do now.

        More than the fewer of the two have, if they are not told apart now. ``None`` if no number would be enough: they
        do not differ, their seeds do not scatter, or there are too few examples.
        """
        seeds = float(self.seeds[self.names.index(name), self.names.index(other)])
        return int(seeds) if math.isfinite(seeds) else None

    @cached_property
    def seeds(self) -> Array:
        """The seeds needed for each pair; infinitely many if no number would be enough."""
        means, scatters = self.field.means, self.field.scatters
        tests = max(len(self.names) * (len(self.names) - 1) / 2, 1)
        sure = NormalDist().inv_cdf(1 - LEVEL / tests / 2) + NormalDist().inv_cdf(POWER)
        room = ((means[:, None] - means) / sure) ** 2 - self.field.by_examples
        both = scatters[:, None] + scatters
        needed = np.full_like(room, np.inf)
        np.divide(both, room, out=needed, where=(room > 0) & (both > 0))
        more = np.minimum(self.field.counts[:, None], self.field.counts) + 1.0
        enough: Array = np.maximum(np.ceil(needed), np.where(self.told | self.told.T, 0.0, more))
        return enough


@dataclass(frozen=True)
class Field:
    """What is known about the methods, from the highest mean to the lowest."""

    means: Array
    by_examples: Array  # the examples' part of the squared error of each difference
    scatters: Array  # the variance of each method's seeds' means
    training: Array  # the training part of the squared error of each mean
    freedom: Array
    counts: NDArray[np.int_]  # of each method's seeds
    examples: int
    seeds: float  # the degrees of freedom of all seeds together, which no two methods can exceed

    def reversed(self) -> "Field":
        """The field with the lowest mean first, as if lower were better."""
        turned = self.means[::-1], self.by_examples[::-1, ::-1], self.scatters[::-1], self.training[::-1]
        return Field(-turned[0], *turned[1:], self.freedom[::-1], self.counts[::-1], self.examples, self.seeds)

    def p_values(self) -> Array:
        """The p-value of each difference."""
        distance = np.abs(self.means[:, None] - self.means)
        return p_value(distance / self._errors, *self._parts)

    def half_widths(self) -> Array:
        """Half the width of each difference's 95% interval, which excludes 0 where the p-value is below 5%."""
        from scipy.special import stdtrit

        by_examples, training, examples, freedom = self._parts
        pairs = np.triu_indices(len(self.means))  # one of each two that differ in sign only
        parts = by_examples[pairs], training[pairs], examples, freedom[pairs]
        each = -stdtrit(examples - 1, LEVEL / 2), -stdtrit(parts[-1], LEVEL / 2)
        low, high = np.minimum(*each), np.maximum(*each)
        for _ in range(BISECTION_STEPS):
            middle = (low + high) / 2
            inside = p_value(middle, *parts) > LEVEL
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        widths = self._errors
        widths[pairs] *= high
        widths.T[pairs] = widths[pairs]
        return widths

    @property
    def _parts(self) -> tuple[Array, Array, int, Array]:
        """What ``p_value`` needs to know about the error of each difference."""
        training = self.training[:, None] + self.training
        squares = self.training**2 / self.freedom
        freedom = training**2 / np.maximum(squares[:, None] + squares, MIN_SQUARED_ERROR**2)
        by_examples = np.maximum(self.by_examples, MIN_SQUARED_ERROR)
        return by_examples, training, self.examples, np.clip(freedom, 1.0, self.seeds)

    @property
    def _errors(self) -> Array:
        squared = self.by_examples + self.training[:, None] + self.training
        errors: Array = np.sqrt(np.maximum(squared, MIN_SQUARED_ERROR))
        return errors


def ranking(methods: Mapping[str, Sample], estimate: Estimate = scatter.shared) -> Ranking:
    """Rank methods that were scored on the same examples, ``MIN_EXAMPLES`` or more; the highest mean is the best.

    For a metric where lower is better, pass reversed samples (``Sample.facing``).
    """
    names = tuple(sorted(methods, key=lambda name: -methods[name].mean))
    field = _field([methods[name] for name in names], estimate)
    return Ranking(names, _told(field), field)


def _field(samples: Sequence[Sample], estimate: Estimate) -> Field:
    if len({one.examples for one in samples}) > 1:
        raise ValueError("paired scores need the same examples")
    scores = np.stack([one.rows for one in samples])
    covariance = np.atleast_2d(np.cov(scores))
    own, answers = np.diag(covariance), np.array([one.answers for one in samples])
    surplus = (own[:, None] - answers[:, None]) + (own - answers) - 2 * covariance
    scatters, freedom = estimate(samples)
    counts = np.array([one.seeds for one in samples])
    return Field(
        means=scores.mean(axis=1),
        by_examples=np.maximum(surplus, 0.0) / scores.shape[1],
        scatters=scatters,
        training=scatters / counts,
        freedom=freedom,
        counts=counts,
        examples=scores.shape[1],
        seeds=sum(one.freedom for one in samples if math.isfinite(one.freedom)) or math.inf,
    )


def _told(field: Field) -> Truth:
    """The pairs that are in no group that can pass for equal."""
    count = len(field.means)
    p = field.p_values()
    told = np.triu(np.ones((count, count), dtype=bool), 1)
    for size in range(count, 1, -1):
        level = LEVEL * (size / count if size < count - 1 else 1.0)
        alike = p > level / (size * (size - 1) / 2)
        np.fill_diagonal(alike, False)
        hidden = told & alike & (_common(alike) + 2 >= size)
        if size >= MIN_OUTLIER_GROUP and hidden.any():
            level *= OUTLIER_LEVEL_SHARE / size
            hidden &= ~_above(field, alike, size, level)
            hidden &= ~_above(field.reversed(), alike[::-1, ::-1], size, level)[::-1, ::-1].T
        told &= ~hidden
        if not told.any():
            break
    return told


def _common(alike: Truth) -> NDArray[np.intp]:
    """How many methods are like both of each pair; counted in bits, because a matrix product starts threads."""
    bits = np.packbits(alike, axis=1)
    words = np.pad(bits, ((0, 0), (0, -bits.shape[1] % WORD))).view(np.uint64)
    common = np.zeros(alike.shape, dtype=np.intp)
    for word in words.T:
        common += np.bitwise_count(word[:, None] & word)
    return common


def _above(field: Field, alike: Truth, size: int, level: float) -> Truth:
    """Whether the first of each pair stands out above every group of this size that the two can be in.

    The group that hides it best contains, besides the second, the highest of the methods that are like the first. The
    result means nothing for a method that is like too few others for a group of this size.
    """
    others, count = size - 1, len(field.means)
    number, total = alike.cumsum(axis=1), (alike * field.means).cumsum(axis=1)
    each = np.arange(count)
    whole = total[each, (number >= others).argmax(axis=1)][:, None]
    but_one = total[each, (number >= others - 1).argmax(axis=1)][:, None]
    mean = np.where(number < others, whole, but_one + field.means) / others
    above: Truth = field.means[:, None] - mean > _reach(field, alike, others, level)[:, None]
    return above


def _reach(field: Field, alike: Truth, others: int, level: float) -> Array:
    """How far a method must be above the mean of ``others`` methods, for the least certain choice of them."""
    from scipy.special import stdtrit

    by_examples = np.where(alike, field.by_examples, 0.0).max(axis=1)
    theirs = np.sort(field.training)[::-1][:others].sum() / others**2
    error = by_examples + field.training + theirs
    critical = by_examples * -stdtrit(field.examples - 1, level / 2)
    critical += field.training * -stdtrit(field.freedom, level / 2)
    critical += theirs * -stdtrit(field.freedom.min(), level / 2)
    reach: Array = critical / np.sqrt(np.maximum(error, MIN_SQUARED_ERROR))
    return reach
