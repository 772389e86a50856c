"""A metric's description: which way is better, between which bounds, and how people read its figures.

Whatever comes after scoring works on descriptions and names no metric. They are stored with each record.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from .block import Block

SHARE = "share of 1"


class Direction(StrEnum):
    """Which of two values is the better one."""

    HIGHER = "higher"
    LOWER = "lower"


class Metric(Block):
    """One metric; of the metrics of a task, the first one ranks."""

    id: str  # as in records and ``leaderboard.json``
    title: str  # as in tables for people
    better: Direction = Direction.HIGHER
    low: float | None = 0.0  # the bounds of its range, ``None`` where there is none
    high: float | None = 1.0
    unit: str = "points"  # what people read, ...
    scale: float = 100.0  # ... and how many of it are 1 of the stored value
    library: str = ""  # the package whose figures these are
    legend: str = ""  # what the figures are, for the page: ``chrF in points``
    options: Mapping[str, str] = {}  # how texts were read, as the options came out: never ``auto``

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return 1.0 if self.better == Direction.HIGHER else -1.0

    @property
    def factor(self) -> float:
        """Makes of a difference of values one in the metric's unit, which is above 0 where it is for the better."""
        return self.sign * self.scale

    @property
    def file_unit(self) -> str:
        """The unit of its values in files for tools."""
        return SHARE if (self.low, self.high) == (0.0, 1.0) else self.unit

    @property
    def worst(self) -> float | None:
        """The worst value that there is; ``None`` where it could always be worse."""
        return self.low if self.better == Direction.HIGHER else self.high

    def gain(self, now: float, then: float) -> float:
        """How much better a value is than another, in the metric's unit; below 0 where it is worse."""
        return self.factor * (now - then)

    def best(self, values: Iterable[float]) -> float:
        """The best of some values."""
        return max(values, key=lambda value: self.sign * value)

    def shown(self, value: float | None, digits: int = 1) -> str:
        """A value in the metric's unit; a dash where there is none."""
        return "–" if value is None else f"{self.scale * value:.{digits}f}"

    def within(self, value: float) -> bool:
        """Whether there can be such a value; NaN cannot."""
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
