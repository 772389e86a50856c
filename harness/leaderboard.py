"""Records → ranked rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import pareto, statistics
from harness.metrics import BY_NAME, COSTS, RANKED_BY, ROUGE
from harness.record import Record, Status
from harness.search import Search
from harness.statistics import Interval, Resampled, Scores
from harness.suite import ZERO_SHOT

FULL = "full_finetune"


@dataclass(frozen=True)
class Entry:
    """A run with its scores by ROUGE type, one value a test row; without scores where it has none."""

    record: Record
    scores: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Row:
    """One method over its seeds. A method with a run that is not ``ok`` has no rank and no scores."""

    rank: int | None
    method: str
    status: Status
    seeds: tuple[int, ...]
    scores: Mapping[str, Interval]
    costs: Mapping[str, float | None]
    gains: Mapping[str, Mapping[str, Interval]]  # over zero-shot and over full fine-tuning, by ROUGE type
    reason: str = ""
    bound: bool = False  # made from the references: shown beside the others, never ranked
    contended: bool = False  # some of its runs had other runs or programs beside them: their times say little
    fronts: tuple[str, ...] = ()  # the costs of ``pareto`` for which no ranked method reaches more with less

    def beside_others(self, cost: str) -> bool:
        """Whether that cost is a time which says little, because a run had others beside it."""
        return self.contended and BY_NAME[cost].unit == "seconds" and self.costs[cost] is not None

    def to_dict(self) -> dict[str, Any]:
        """The row as in ``leaderboard.json``: flat, bounds as ``rouge1_low`` and ``rouge1_high``."""
        flat: dict[str, Any] = {
            "rank": self.rank,
            "method": self.method,
            "status": str(self.status),
            "seeds": list(self.seeds),
        }
        for metric in ROUGE:
            value = self.scores.get(metric.name)
            flat[metric.name] = value and value.mean
            flat[f"{metric.name}_low"] = value and value.low
            flat[f"{metric.name}_high"] = value and value.high
        rest = {"bound": self.bound, "contended": self.contended, "pareto": list(self.fronts)}
        return {**flat, **self.costs, **rest, "reason": self.reason or None}


def rows(entries: Sequence[Entry], searches: Mapping[str, Search] | None = None) -> list[Row]:
    """The leaderboard: ranked rows first, best first, then those that did not finish.

    ``searches`` are those of the methods' learning rates, where there were any.
    """
    groups = by_method(sorted(entries, key=lambda entry: entry.record.spec.seed))
    drawn = {
        method: {metric.name: statistics.Resampled(_matrix(group, metric.name)) for metric in ROUGE}
        for method, group in groups.items()
        if all(map(_complete, group))
    }
    competing = {method: one for method, one in drawn.items() if not _bound(groups[method])}
    ranks = _ranks({method: by_metric[RANKED_BY.name] for method, by_metric in competing.items()})
    found = searches or {}
    table = [_row(method, group, ranks, drawn, found.get(method)) for method, group in groups.items()]
    return sorted(_marked(table), key=lambda row: (row.rank is None, row.rank or 0, -_mean(row), row.method))


def by_method(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The runs of each method, in order."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.record.spec.method, []).append(entry)
    return groups


def _row(
    method: str,
    group: Sequence[Entry],
    ranks: Mapping[str, int],
    drawn: Mapping[str, Mapping[str, Resampled]],
    search: Search | None,
) -> Row:
    failed = next((entry.record for entry in group if not _complete(entry)), None)
    mine = drawn.get(method, {})
    references = {other: drawn[other] for other in (ZERO_SHOT, FULL) if other in drawn and other != method}
    return Row(
        rank=ranks.get(method),
        method=method,
        status=failed.status if failed else Status.OK,
        seeds=tuple(entry.record.spec.seed for entry in group),
        scores={name: statistics.interval(one) for name, one in mine.items()},
        costs={
            **{metric.name: _cost(group, metric.name) for metric in COSTS},
            "search_seconds": search.seconds if search else None,
            "learning_rate_sensitivity": search.sensitivity if search else None,
        },
        gains={
            other: {name: statistics.difference(one, theirs[name]) for name, one in mine.items()}
            for other, theirs in references.items()
            if mine and mine[RANKED_BY.name].rows == theirs[RANKED_BY.name].rows
        },
        reason=_reason(failed) if failed else "",
        bound=_bound(group) and not failed,
        contended=any(entry.record.contended for entry in group),
    )


def _marked(table: Sequence[Row]) -> list[Row]:
    """The rows with the Pareto fronts that they are on; a time measured beside others takes no part in one."""
    ranked = [row for row in table if row.rank is not None]
    fronts = {
        cost: pareto.front(
            {
                row.method: pareto.Offer(row.costs[cost], row.scores[pareto.SCORE].mean)
                for row in ranked
                if not row.beside_others(cost)
            }
        )
        for cost in pareto.COSTS
    }
    return [replace(row, fronts=tuple(cost for cost in fronts if row.method in fronts[cost])) for row in table]


def _complete(entry: Entry) -> bool:
    numbers = all(math.isfinite(values.sum()) for values in entry.scores.values())
    return entry.record.status == Status.OK and bool(entry.scores) and numbers


def _bound(group: Sequence[Entry]) -> bool:
    return any(entry.record.bound for entry in group)


def _reason(record: Record) -> str:
    if record.status == Status.OK:
        return f"the scores of seed {record.spec.seed} are missing, or no numbers; run it again"
    return record.error.cause if record.error else ""


def _matrix(group: Sequence[Entry], metric: str) -> Scores:
    """Scores of shape (seeds, rows)."""
    return np.stack([entry.scores[metric] for entry in group])


def _ranks(drawn: Mapping[str, Resampled]) -> dict[str, int]:
    return statistics.ranks(drawn) if len({one.rows for one in drawn.values()}) <= 1 else {}


def _cost(group: Sequence[Entry], name: str) -> float | None:
    """The mean over seeds; exact counts that all seeds share stay whole numbers."""
    values = [value for entry in group if (value := getattr(entry.record.cost, name)) is not None]
    if not values:
        return None
    return values[0] if len(set(values)) == 1 else fmean(values)


def _mean(row: Row) -> float:
    return row.scores[RANKED_BY.name].mean if row.scores else 0.0
