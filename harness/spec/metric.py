"""A metric's description: which direction is better, its bounds, and how its figures are shown to people.

Everything after scoring works with descriptions and names no metric. The descriptions are stored with each record.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import Field, NonNegativeInt, model_validator

from .block import Block

SHARE = "share of 1"
POINTS = 100.0  # in a share of 1, and in the range of any metric
MIN_REFERENCE = 1e-9  # a value to compare with; less counts as this much


class Direction(StrEnum):
    """Which of two values is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


class Needs(StrEnum):
    """What a metric is computed from, beside the references."""

    TEXTS = "texts"  # the answers
    LIKELIHOODS = "likelihoods"  # how likely the trained model finds the references


class Likelihood(NamedTuple):
    """How likely a model finds an example's references: its negative log-likelihood in nats, and their tokens."""

    nats: float
    tokens: int


class Metric(Block):
    """One metric; the first metric of a task determines the ranking.

    The suite's ``floor`` and ``margin`` are in points: hundredths of the metric's range. If the range is 0 or more
    without an end, they are per cent of the value that another one is compared with; without any bound, they are in
    the metric's unit.
    """

    id: str  # as in records and ``leaderboard.json``
    title: str  # as in tables for people
    better: Direction = Direction.HIGHER
    low: float | None = 0.0  # the bounds of its range; ``None``: no bound
    high: float | None = 1.0
    unit: str = "points"  # the unit that people read
    scale: float = POINTS  # how many of that unit equal a stored value of 1
    digits: NonNegativeInt = Field(default=1, exclude_if=lambda digits: digits == 1)  # decimals that people read
    corpus: bool = Field(default=False, exclude_if=lambda corpus: not corpus)  # over all examples together; or a mean
    needs: Needs = Field(default=Needs.TEXTS, exclude_if=lambda needs: needs == Needs.TEXTS)
    library: str = ""  # the package that defines these figures
    legend: str = ""  # what the figures are, for the page: ``chrF in points``
    options: Mapping[str, str] = {}  # how texts were read, after options were resolved: never ``auto``

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"its range is empty: low is {self.low:g}, high is {self.high:g}")
        return self

    @property
    def sign(self) -> float:
        """1 if more is better, -1 if less is better."""
        return 1.0 if self.better == Direction.HIGHER else -1.0

    @property
    def relative(self) -> bool:
        """Whether its points are per cent of a value, because its range has no end."""
        return self.high is None and self.low is not None and self.low >= 0

    def factor_at(self, reference: float) -> float:
        """Converts a difference from a reference value to points, above 0 if it is an improvement."""
        if self.relative:
            return self.sign * POINTS / max(abs(reference), MIN_REFERENCE)
        return self.sign * self._points

    def gain(self, now: float, then: float) -> float:
        """How much better ``now`` is than ``then``, in points; below 0 if it is worse."""
        return self.factor_at(then) * (now - then)

    def worded(self, points: str) -> str:
        """A number of points with what a point is: ``+1.0 points``, ``−2.3%``."""
        if self.relative:
            return f"{points}%"
        return f"{points} {self.unit}" if self._points == self.scale else f"{points}% of its range"

    def in_unit(self, value: float) -> float:
        """A value, or a difference of values, in the metric's unit."""
        return self.scale * value

    @property
    def file_unit(self) -> str:
        """The unit of its values in files for tools."""
        return SHARE if (self.low, self.high) == (0.0, 1.0) else self.unit

    @property
    def counted(self) -> str:
        """The unit of its values where the metric's own name is near; empty if they are that alone."""
        return "" if self.unit == self.title else self.unit

    @property
    def worst(self) -> float | None:
        """The worst possible value; ``None`` if there is no bound."""
        return self.low if self.better == Direction.HIGHER else self.high

    def best(self, values: Iterable[float]) -> float:
        """The best of the values."""
        return max(values, key=lambda value: self.sign * value)

    def shown(self, value: float | None, digits: int | None = None) -> str:
        """A value in the metric's unit, or a dash if there is none."""
        return "–" if value is None else f"{self.in_unit(value):z.{self.digits if digits is None else digits}f}"

    def moved(self, difference: float) -> str:
        """A difference of values in the metric's unit, with its sign."""
        return f"{self.in_unit(difference):+.{self.digits}f}"

    def within(self, value: float) -> bool:
        """Whether the value is in the metric's range; NaN and infinity never are."""
        above = value > float("-inf") if self.low is None else value >= self.low
        return above and (value < float("inf") if self.high is None else value <= self.high)

    def takes(self, value: float) -> bool:
        """Whether an example may have this score: any number, if the metric is about all examples together."""
        return math.isfinite(value) if self.corpus else self.within(value)

    @property
    def bounds(self) -> str:
        """The range in words: ``0 to 1``, ``0 or more``."""
        if self.low is None:
            return "all numbers" if self.high is None else f"{self.high:g} or less"
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"

    @property
    def _points(self) -> float:
        """How many points a stored value of 1 is, if they are not relative."""
        return self.scale if self.low is None or self.high is None else POINTS / (self.high - self.low)


def options_of(metrics: Iterable[Metric]) -> dict[str, str]:
    """The options of all of these metrics."""
    return {name: value for metric in metrics for name, value in metric.options.items()}
