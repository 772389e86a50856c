"""Where the points and the intervals of the leaderboard are drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..ranking.intervals import Interval
from ..ranking.leaderboard import Row
from ..spec.metric import Metric

WHOLE = 100.0  # per cent of the width


@dataclass(frozen=True)
class Scale:
    """The scores at the left and the right edge, in the unit of the metric."""

    left: float
    right: float

    def place(self, value: float) -> float:
        """The place of a score in per cent of the width; one beyond an edge is at that edge."""
        return min(max((value - self.left) / (self.right - self.left), 0.0), 1.0) * WHOLE


@dataclass(frozen=True)
class Whisker:
    """A point and its interval in per cent of the width; ``beyond`` is an arrow if the point is beyond an edge."""

    point: float
    start: float | None
    end: float | None
    beyond: str


def scale(rows: Sequence[Row]) -> Scale:
    """A scale for the better half of the methods, with as much room again on either side for the others."""
    scored = [row for row in rows if row.scores]
    if not scored:
        return Scale(0.0, 1.0)
    ranked = [row for row in scored if row.rank is not None] or scored
    low, high = _ends(ranked[: (len(ranked) + 1) // 2])
    lowest, highest = _ends(scored)
    left, right = max(lowest, 2 * low - high), min(highest, 2 * high - low)
    return Scale(left, right) if left < right else Scale(left - 0.5, right + 0.5)


def whisker(score: Interval, metric: Metric, on: Scale) -> Whisker:
    """How a score is drawn on a scale."""
    mean = metric.in_unit(score.mean)
    start, end = (None if bound is None else on.place(metric.in_unit(bound)) for bound in (score.low, score.high))
    return Whisker(on.place(mean), start, end, "‹" if mean < on.left else "›" if mean > on.right else "")


def _ends(rows: Iterable[Row]) -> tuple[float, float]:
    """The lowest and the highest end of the rows' intervals."""
    ends = [
        row.metrics[0].in_unit(bound)
        for row in rows
        for score in [row.scores[row.metrics[0].id]]
        for bound in (score.mean, score.low, score.high)
        if bound is not None
    ]
    return min(ends), max(ends)
