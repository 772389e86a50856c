"""A metric's description: which direction is better, its bounds, and how its figures are shown to people.

Everything after scoring works with descriptions and names no metric. The descriptions are stored with each record.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from .block import Block

SHARE = "share of 1"
POINTS = 100.0  # in a share of 1


class Direction(StrEnum):
    """Which of two values is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


class Likelihood(NamedTuple):
    """How likely a model finds an example's references: its negative log-likelihood in nats, and their tokens."""

    nats: float
    tokens: int


class Metric(Block):
    """One metric; the first metric of a task determines the ranking."""

    id: str  # as in records and ``leaderboard.json``
    title: str  # as in tables for people
    better: Direction = Direction.HIGHER
    low: float | None = 0.0  # the bounds of its range; ``None``: no bound
    high: float | None = 1.0
    unit: str = "points"  # the unit that people read
    scale: float = POINTS  # how many of that unit equal a stored value of 1
    library: str = ""  # the package that defines these figures
    legend: str = ""  # what the figures are, for the page: ``chrF in points``
    options: Mapping[str, str] = {}  # how texts were read, after options were resolved: never ``auto``

    @property
    def sign(self) -> float:
        """1 if more is better, -1 if less is better."""
        return 1.0 if self.better == Direction.HIGHER else -1.0

    @property
    def factor(self) -> float:
        """Converts a difference of values to the metric's unit, above 0 if it is an improvement."""
        return self.sign * self.scale

    def in_unit(self, value: float) -> float:
        """A value, or a difference of values, in the metric's unit."""
        return self.scale * value

    @property
    def file_unit(self) -> str:
        """The unit of its values in files for tools."""
        return SHARE if (self.low, self.high) == (0.0, 1.0) else self.unit

    @property
    def worst(self) -> float | None:
        """The worst possible value; ``None`` if there is no bound."""
        return self.low if self.better == Direction.HIGHER else self.high

    def gain(self, now: float, then: float) -> float:
        """How much better ``now`` is than ``then``, in the metric's unit; below 0 if it is worse."""
        return self.factor * (now - then)

    def best(self, values: Iterable[float]) -> float:
        """The best of the values."""
        return max(values, key=lambda value: self.sign * value)

    def shown(self, value: float | None, digits: int = 1) -> str:
        """A value in the metric's unit, or a dash if there is none."""
        return "–" if value is None else f"{self.in_unit(value):.{digits}f}"

    def within(self, value: float) -> bool:
        """Whether the value is in the metric's range; NaN and infinity never are."""
        above = value > float("-inf") if self.low is None else value >= self.low
        return above and (value < float("inf") if self.high is None else value <= self.high)

    @property
    def bounds(self) -> str:
        """The range in words: ``0 to 1``, ``0 or more``."""
        if self.low is None:
            return "all numbers" if self.high is None else f"{self.high:g} or less"
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"


def options_of(metrics: Iterable[Metric]) -> dict[str, str]:
    """The options of all of these metrics."""
    return {name: value for metric in metrics for name, value in metric.options.items()}
