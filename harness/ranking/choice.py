"""Which method to choose within limits on what it may need, and how certain that choice is.

What is claimed about a pair of methods is what the ranks claim: it holds for all pairs together, and therefore for
every limit that a reader may try.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..spec.record import Record
from .entries import Entry, by_method
from .intervals import Interval
from .ranks import Ranking

Needs = Mapping[str, float | None]  # by limit, the most that a run needed; ``None`` if that is unknown


@dataclass(frozen=True)
class Limit:
    """Something of which a reader may have only so much."""

    name: str
    title: str
    unit: str


MEMORY = Limit("memory", "Peak memory", "bytes")
SECONDS = Limit("seconds", "Training time", "seconds")
ADAPTER = Limit("adapter", "Size of the result on disk", "bytes")
LIMITS = (MEMORY, SECONDS, ADAPTER)
MIN_TIMES = 2.0  # as much must a better method cost, for a cheaper one to be preferred to it


@dataclass(frozen=True)
class Choice:
    """The best of the methods within limits.

    ``alike`` are the other methods within the limits that it is not shown to be better than, best first. ``price`` is
    how much better the best of all methods is, and ``seeds`` is about how many seeds of both would tell the method
    from the first of ``alike`` in four of five cases; either is ``None`` where there is nothing to tell.
    """

    method: str
    within: tuple[str, ...]
    alike: tuple[str, ...]
    price: Interval | None
    seeds: int | None


def best(ranking: Ranking, needs: Mapping[str, Needs], limits: Mapping[str, float]) -> Choice | None:
    """The choice among the methods of which every run kept the limits; ``None`` if there is no such method."""
    within = tuple(name for name in ranking.names if keeps(needs[name], limits))
    if not within:
        return None
    method, others = within[0], within[1:]
    place = ranking.names.index(method)
    alike = tuple(name for name in others if not ranking.told[place, ranking.names.index(name)])
    return Choice(
        method=method,
        within=within,
        alike=alike,
        price=ranking.difference(ranking.names[0], method) if place else None,
        seeds=ranking.seeds_needed(method, alike[0]) if alike else None,
    )


def economical(ranking: Ranking, costs: Mapping[str, float], reference: str) -> str | None:
    """The cheapest method that is not shown to be worse than the best one; ``None`` if there is none.

    It is shown to be better than the reference, if that is ranked. Methods without a cost are left out, and one that
    does not cost much more than the cheapest is preferred to it if its mean is the best of all that come into question.
    """
    found = [
        name
        for place, name in enumerate(ranking.names)
        if name in costs
        and not ranking.told[0, place]
        and (reference not in ranking.names or ranking.better(name, reference))
    ]
    cheapest = min(found, key=lambda name: costs[name], default=None)
    return found[0] if cheapest and costs[found[0]] < MIN_TIMES * costs[cheapest] else cheapest


def keeps(needs: Needs, limits: Mapping[str, float]) -> bool:
    """Whether it is known that every run kept these limits."""
    return all((need := needs.get(name)) is not None and need <= limit for name, limit in limits.items())


def needs(entries: Sequence[Entry], methods: Collection[str]) -> dict[str, Needs]:
    """What each of these methods needs."""
    groups = by_method(entries)
    return {method: _needs([entry.record for entry in groups[method]]) for method in methods}


def _needs(records: Sequence[Record]) -> Needs:
    """The most that any run of one method needed; what does not train needs no time and leaves nothing behind."""
    untrained = all(record.cost.trainable_parameters == 0 for record in records)
    nothing = 0.0 if untrained else None
    costs = [record.cost for record in records]
    on_gpu = any(cost.peak_gpu_bytes is not None for cost in costs)
    return {
        MEMORY.name: _most([cost.peak_gpu_bytes if on_gpu else cost.peak_rss_bytes for cost in costs], None),
        SECONDS.name: _most([cost.train_seconds for cost in costs], nothing),
        ADAPTER.name: _most([cost.adapter_bytes for cost in costs], nothing),
    }


def _most(values: Sequence[float | None], unknown: float | None) -> float | None:
    """The highest value; ``unknown`` if one is missing."""
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) and known else unknown
