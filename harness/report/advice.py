"""What the ranks leave open, and what would settle it."""

from collections.abc import Sequence

from ..ranking.leaderboard import Row
from ..ranking.paired import ASSUMED
from ..spec.metric import Direction
from ..spec.suite import Suite

TOO_MANY = 1_000  # seeds; a greater number is only said to be greater


def lines(suite: Suite, rows: Sequence[Row]) -> list[str]:
    """Sentences about rows that are not like the others, and about the best two that are not told apart."""
    parts = [f"{row.method}: {_fewer(suite, row)}" for row in rows if row.missing]
    if assumed := [row.method for row in rows if row.assumed]:
        parts.append(
            f"one seed does not show how far training scatters, so {ASSUMED:g} {rows[0].metrics[0].unit} are assumed: "
            f"{', '.join(assumed)}"
        )
    return [*parts, *[_undecided(row) for row in rows if row.undecided][:1]]


def _fewer(suite: Suite, row: Row) -> str:
    missing = ", ".join(map(str, row.missing))
    return f"{len(row.seeds)} of {len(suite.run.seeds)} seeds, without {missing}; --resume runs what is missing"


def _undecided(row: Row) -> str:
    other = row.undecided
    if other is None:
        return ""
    metric = row.metrics[0]
    place = "below" if metric.better == Direction.HIGHER else "above"
    apart = f"not told apart: {row.method} and {other.method}, {other.points:.1f} {metric.unit} {place} it"
    if other.seeds is None:
        return f"{apart}; no number of seeds would do it, more test rows might"
    number = f"more than {TOO_MANY:,}" if other.seeds > TOO_MANY else f"about {max(other.seeds, len(row.seeds) + 1):,}"
    return f"{apart}; {number} seeds would do it in four of five cases, if they differ by so much"
