"""What the ranks leave open, and what is needed to settle it."""

from collections.abc import Sequence

from ..ranking.leaderboard import Row, Undecided
from ..ranking.paired import ASSUMED_SCATTER
from ..spec.metric import Direction
from ..spec.suite import Suite

MAX_SHOWN_SEEDS = 1_000  # a larger number is shown as "more than 1,000"
MAX_COUNTED_SEEDS = 100  # a larger number is shown as "hundreds of": it is too rough an estimate for more


def lines(suite: Suite, rows: Sequence[Row]) -> list[str]:
    """Sentences about rows with missing or single seeds, and about the best two methods that are not told apart."""
    return [*incomplete(rows), *[_undecided(row, row.undecided) for row in rows if row.undecided][:1]]


def incomplete(rows: Sequence[Row]) -> list[str]:
    """Phrases about rows with missing or single seeds."""
    parts = [f"{row.method}: {_fewer(row)}" for row in rows if row.missing]
    if assumed := [row.method for row in rows if row.assumed]:
        parts.append(
            f"one seed does not show how far training scatters, so {rows[0].metrics[0].worded(f'{ASSUMED_SCATTER:g}')} "
            f"are assumed: {', '.join(assumed)}"
        )
    return parts


def _fewer(row: Row) -> str:
    missing = ", ".join(map(str, row.missing))
    asked = len(row.seeds) + len(row.missing)
    return f"{len(row.seeds)} of {asked} seeds (missing: {missing}); --resume runs the missing ones"


def _undecided(row: Row, other: Undecided) -> str:
    metric = row.metrics[0]
    place = "lower" if metric.better == Direction.HIGHER else "higher"
    behind = f"{other.points:.{metric.digits}f} {metric.unit} {place}"
    apart = f"not told apart: {row.method} and {other.method}, which is {behind}"
    if other.seeds is None:
        return f"{apart}; no number of seeds would be enough, but more test rows might"
    return f"{apart}; {would_show(other.seeds)}"


def would_show(seeds: int) -> str:
    """How many seeds of two methods that are not told apart would show their difference."""
    return f"if that is the true difference, {_rough(seeds)} seeds would show it in four of five cases"


def _rough(seeds: int) -> str:
    if seeds > MAX_SHOWN_SEEDS:
        return f"more than {MAX_SHOWN_SEEDS:,}"
    return f"about {seeds}" if seeds <= MAX_COUNTED_SEEDS else "hundreds of"
