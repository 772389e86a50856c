"""From records to ranked rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

from ..spec.figures import BY_NAME, COSTS
from ..spec.metric import Metric
from ..spec.record import Status
from ..spec.search import Search
from ..spec.suite import ZERO_SHOT
from . import intervals, pareto, ranks
from .entries import Entry, bound, by_method, complete, incomplete, machine, seeds_of, trains, usual_machine
from .intervals import MIN_EXAMPLES, Interval, Sample
from .ranks import Ranking

FULL_FINETUNE = "full_finetune"

Samples = Mapping[str, Mapping[str, Sample]]  # by method and metric


@dataclass(frozen=True)
class Undecided:
    """The next worse method, if the two cannot be told apart, and about how many seeds of both would suffice."""

    method: str
    points: float  # how much worse it is, in the unit of the ranking metric
    seeds: int | None  # ``None`` if no number of seeds would be enough


@dataclass(frozen=True)
class Row:
    """One method over its seeds. A method with a run that is not ``ok`` has no rank and no scores.

    ``rank`` and ``rank_high`` are the best and the worst rank that the method may have (``harness.ranking.ranks``).
    """

    rank: int | None
    method: str
    status: Status
    seeds: tuple[int, ...]
    scores: Mapping[str, Interval]
    costs: Mapping[str, float | None]
    gains: Mapping[str, Mapping[str, Interval]]  # over zero-shot and full fine-tuning, by metric; above 0 is better
    metrics: tuple[Metric, ...] = ()  # the metrics of the scores, in table order; the first one determines the ranking
    rank_high: int | None = None
    missing: tuple[int, ...] = ()  # seeds of the suite that have no run
    reason: str = ""
    bound: bool = False  # made from the references: shown beside the others, never ranked
    contended: bool = False  # other runs or programs disturbed some of its runs: times are unreliable
    elsewhere: bool = False  # some of its runs were executed on another kind of machine than most, and so timed there
    earlier: bool = False  # some of its runs are from an earlier session, and so are their times
    assumed: bool = False  # it trains, and its only seed does not show how far seeds scatter
    undecided: Undecided | None = None
    fronts: tuple[str, ...] = ()  # the costs of ``pareto`` for which no ranked method scores higher at a lower cost

    def apart(self, cost: str) -> bool:
        """Whether this cost is a time that does not count, because a run was contended or on another machine."""
        return (self.contended or self.elsewhere) and self._timed(cost)

    def spent(self, cost: str) -> float | None:
        """This cost; 0 for the training of a method that trains nothing, and ``None`` if it is unknown."""
        untrained = cost in pareto.COSTS_OF_TRAINING and self.costs["trainable_parameters"] == 0
        return 0.0 if untrained and self.costs[cost] is None else self.costs[cost]

    def doubtful(self, cost: str) -> bool:
        """Whether this cost is a time that cannot be compared with those of the other rows."""
        return self.apart(cost) or (self.earlier and self._timed(cost))

    def to_dict(self) -> dict[str, Any]:
        """The row as in ``leaderboard.json``: flat, with a metric's bounds as ``<id>_low`` and ``<id>_high``."""
        flat: dict[str, Any] = {
            "rank": self.rank,
            "rank_low": self.rank,
            "rank_high": self.rank_high,
            "method": self.method,
            "status": str(self.status),
            "seeds": list(self.seeds),
            "seeds_missing": list(self.missing),
            "score_unit": self.metrics[0].file_unit if self.metrics else None,
        }
        for metric in self.metrics:
            value = self.scores.get(metric.id)
            flat[metric.id] = value and value.mean
            flat[f"{metric.id}_low"] = value and value.low
            flat[f"{metric.id}_high"] = value and value.high
        rest = {"bound": self.bound, "contended": self.contended, "pareto": list(self.fronts)}
        return {**flat, **self.costs, **rest, "reason": self.reason or None}

    def _timed(self, cost: str) -> bool:
        return self.costs.get(cost) is not None and BY_NAME[cost].unit == "seconds"


@dataclass(frozen=True)
class Board:
    """The leaderboard, with what is known about each pair of its ranked methods; ``None`` if no method is ranked.

    In the ranking, a higher mean is better, whatever the direction of the metric.
    """

    rows: Sequence[Row]
    ranking: Ranking | None


def rows(
    entries: Sequence[Entry], searches: Mapping[str, Search] | None = None, seeds: Sequence[int] = ()
) -> Sequence[Row]:
    """The rows of the board."""
    return board(entries, searches, seeds).rows


def board(entries: Sequence[Entry], searches: Mapping[str, Search] | None = None, seeds: Sequence[int] = ()) -> Board:
    """The leaderboard: ranked rows from best to worst, then rows without a rank.

    All runs are scored by the same metrics, which their records name; the first metric determines the ranking.
    ``searches`` are the learning-rate searches by method, if there were any; ``seeds`` are the seeds that each method
    should have.
    """
    groups = by_method(sorted(entries, key=lambda entry: entry.record.spec.seed))
    flaws = {method: incomplete(group) for method, group in groups.items()}
    samples = {method: _samples(group) for method, group in groups.items() if not flaws[method]}
    metrics = next((entry.record.metrics for entry in entries if entry.record.metrics), ())
    better = {method: by_metric[metrics[0].id].facing(metrics[0].sign) for method, by_metric in samples.items()}
    obstacles = _obstacles(better)
    competing = [method for method in samples if not (bound(groups[method]) or method in obstacles)]
    ranked = ranks.ranking({method: better[method] for method in competing}) if competing else None
    found = searches or {}
    usual = usual_machine(entries)
    table = [
        replace(
            _row(method, group, samples, metrics, found.get(method)),
            elsewhere=any(machine(entry) not in (None, usual) for entry in group),
            **_placed(method, ranked, metrics),
            missing=tuple(seed for done in [{*seeds_of(group)}] for seed in seeds if seed not in done),
            reason=flaws[method] or obstacles.get(method, ""),
        )
        for method, group in groups.items()
    ]
    order = sorted(
        _marked(table),
        key=lambda row: (row.rank is None, row.rank or 0, not row.scores, -_reached(row), row.method),
    )
    return Board(order, ranked)


def front(table: Sequence[Row], cost: str, spent: Mapping[str, float | None]) -> set[str]:
    """The ranked methods on the front of this cost, without those whose cost is unknown or a time that does not count.

    ``spent`` is the cost by method.
    """
    known = [(row, spent[row.method]) for row in table if row.rank is not None and not row.apart(cost)]
    return pareto.front({row.method: pareto.Offer(each, _reached(row)) for row, each in known if each is not None})


def _row(
    method: str, group: Sequence[Entry], samples: Samples, metrics: tuple[Metric, ...], search: Search | None
) -> Row:
    failed = next((entry.record for entry in group if not complete(entry)), None)
    mine = samples.get(method, {})
    references = {other: samples[other] for other in (ZERO_SHOT, FULL_FINETUNE) if other in samples and other != method}
    return Row(
        rank=None,
        method=method,
        status=failed.status if failed else Status.OK,
        seeds=seeds_of(group),
        scores={name: intervals.interval(one) for name, one in mine.items()},
        costs={
            **{metric.name: _cost(group, metric.name) for metric in COSTS},
            "search_seconds": search.seconds if search else None,
            "learning_rate_sensitivity": search.sensitivity if search else None,
        },
        gains={
            other: _gains(mine, theirs, metrics)
            for other, theirs in references.items()
            if mine and mine[metrics[0].id].examples == theirs[metrics[0].id].examples >= MIN_EXAMPLES
        },
        metrics=metrics,
        bound=bound(group) and not failed,
        contended=any(entry.record.cost.contended for entry in group),
        earlier=any(entry.earlier for entry in group),
        assumed=bool(mine) and len(group) == 1 and trains(group),
    )


def _gains(mine: Mapping[str, Sample], theirs: Mapping[str, Sample], metrics: Iterable[Metric]) -> dict[str, Interval]:
    return {
        metric.id: intervals.difference(mine[metric.id], theirs[metric.id]).facing(metric.sign) for metric in metrics
    }


def _placed(method: str, ranked: Ranking | None, metrics: Sequence[Metric]) -> dict[str, Any]:
    """The fields of a row that describe its place among the others."""
    if ranked is None or method not in ranked.names:
        return {}
    low, high = ranked.ranks(method)
    place = ranked.names.index(method)
    following = ranked.names[place + 1 : place + 2]
    undecided = [
        Undecided(other, metrics[0].in_unit(ranked.above(method, other)), ranked.seeds_needed(method, other))
        for other in following
        if not ranked.told[place, place + 1]
    ]
    return {"rank": low, "rank_high": high, "undecided": undecided[0] if undecided else None}


def _marked(table: Sequence[Row]) -> list[Row]:
    """The rows with the Pareto fronts that they are on."""
    fronts = {cost: front(table, cost, {row.method: row.spent(cost) for row in table}) for cost in pareto.FRONT_COSTS}
    return [replace(row, fronts=tuple(cost for cost in fronts if row.method in fronts[cost])) for row in table]


def _samples(group: Sequence[Entry]) -> dict[str, Sample]:
    return {metric.id: _sample(group, metric) for metric in group[0].record.metrics}


def _sample(group: Sequence[Entry], metric: Metric) -> Sample:
    scores = np.stack([entry.scores[metric.id] for entry in group])
    return intervals.sample(scores, trains=trains(group), scale=abs(metric.factor_at(float(scores.mean()))))


def _obstacles(samples: Mapping[str, Sample]) -> dict[str, str]:
    """Why methods with scores get no rank: too few examples, or not as many as most methods have."""
    counts = Counter(one.examples for one in samples.values())
    usual = max(counts, key=lambda count: (counts[count], count), default=0)
    return {
        method: _odd(one.examples, usual)
        for method, one in samples.items()
        if not MIN_EXAMPLES <= usual == one.examples
    }


def _odd(examples: int, usual: int) -> str:
    if examples < MIN_EXAMPLES:
        count = f"{examples} test example{'s' * (examples != 1)}"
        return f"scored on {count}; a rank and an interval need {MIN_EXAMPLES} or more: give the suite more test rows"
    return f"scored on {examples:,} test examples, most other methods on {usual:,}; run the method again"


def _cost(group: Sequence[Entry], name: str) -> float | None:
    """The mean over seeds; a count that is the same for all seeds stays a whole number."""
    values = [value for entry in group if (value := getattr(entry.record.cost, name)) is not None]
    if not values:
        return None
    return values[0] if len(set(values)) == 1 else fmean(values)


def _reached(row: Row) -> float:
    """The row's mean in the ranking metric, with the sign at which higher is better."""
    return row.metrics[0].sign * row.scores[row.metrics[0].id].mean if row.scores else 0.0
