"""What the scripts of the report's page work with: every method with its scores and costs, and every pair of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ranking import pareto
from ..ranking.choice import ADAPTER, LIMITS, Needs
from ..ranking.leaderboard import FULL_FINETUNE, Row
from ..ranking.ranks import Ranking
from ..spec.metric import Metric
from ..spec.suite import ZERO_SHOT
from .answer import recovered

NOT_RANKED = "not ranked"
EXTRA_DIGITS = 2  # of a score, more than people read, so that lines in charts are where they belong


@dataclass(frozen=True)
class Axis:
    """A cost that scores are shown against; ``name`` is that of a figure in a row, or of a limit."""

    name: str
    title: str
    unit: str


AXES = (
    Axis("trainable_parameters", "Trainable parameters", "count"),
    Axis("train_seconds", "Training time", "seconds"),
    Axis("peak_gpu_bytes", "Peak GPU memory", "bytes"),
    Axis("peak_rss_bytes", "Peak memory", "bytes"),
    Axis(ADAPTER.name, "Size on disk", "bytes"),
    Axis("generate_seconds", "Time to answer", "seconds"),
    Axis("search_seconds", "Search time", "seconds"),
)


def costs(row: Row, needs: Needs) -> dict[str, float | None]:
    """The costs of a method by axis."""
    return {axis.name: needs[axis.name] if axis.name in needs else row.costs[axis.name] for axis in AXES}


def axes(rows: Sequence[Row], needs: Mapping[str, Needs]) -> list[Axis]:
    """The axes on which some method has a value."""
    return [axis for axis in AXES if any(costs(row, needs[row.method])[axis.name] for row in rows)]


def kind(row: Row, base: float | None) -> str:
    """What a method does to the base model, which has ``base`` parameters, as far as counts of parameters tell."""
    trained, total = row.costs["trainable_parameters"], row.costs["total_parameters"]
    if row.bound:
        return "bound"
    if trained is None or total is None or base is None:
        return "unknown"
    if trained == 0:
        return "trains nothing"
    if total > base:
        return "adds parameters"
    return "trains all parameters" if trained >= base else "trains some parameters"


def base_parameters(rows: Sequence[Row]) -> float | None:
    """The number of parameters of the base model: zero-shot's, or else the fewest of any method."""
    known = {row.method: total for row in rows if (total := row.costs["total_parameters"]) is not None}
    return known.get(ZERO_SHOT, min(known.values(), default=None))


def recovered_by(rows: Sequence[Row]) -> dict[str, float | None]:
    """By method, the share of full fine-tuning's gain over zero-shot that it has."""
    by_name = {row.method: row for row in rows}
    zero_shot, full = by_name.get(ZERO_SHOT), by_name.get(FULL_FINETUNE)
    return {row.method: recovered(row, zero_shot, full) for row in rows}


def page_data(rows: Sequence[Row], ranking: Ranking | None, needs: Mapping[str, Needs]) -> dict[str, Any]:
    """The JSON of the page, apart from the examples and the searches."""
    metric = rows[0].metrics[0] if rows and rows[0].metrics else None
    shown = axes(rows, needs)
    return {
        "metric": metric and _metric(metric),
        "axes": [{"name": axis.name, "title": axis.title, "unit": axis.unit} for axis in shown],
        "limits": [{"name": limit.name, "title": limit.title, "unit": limit.unit} for limit in LIMITS],
        "methods": [_method(row, needs[row.method], base_parameters(rows)) for row in rows],
        "fronts": {axis.name: sorted(_front(rows, needs, axis)) for axis in shown},
        "pairs": _pairs(ranking, metric) if ranking and metric else None,
    }


def number(value: float | None, digits: int) -> float | None:
    """A rounded number; ``None`` for what JSON cannot say."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _metric(metric: Metric) -> dict[str, Any]:
    return {"title": metric.title, "unit": metric.unit, "digits": metric.digits, "sign": metric.sign}


def _method(row: Row, needs: Needs, base: float | None) -> dict[str, Any]:
    found = row.scores.get(row.metrics[0].id) if row.metrics else None
    metric = row.metrics[0] if row.metrics else None
    bounds = (found.mean, found.low, found.high) if found else ()
    return {
        "name": row.method,
        "kind": kind(row, base),
        "status": str(row.status) if row.rank is not None or not found else NOT_RANKED,
        "rank": [row.rank, row.rank_high],
        "seeds": len(row.seeds),
        "score": [_shown(bound, metric) for bound in bounds] if metric else [],
        "costs": costs(row, needs),
        "needs": dict(needs),
        "doubtful": [axis.name for axis in AXES if axis.name in row.costs and row.doubtful(axis.name)],
    }


def _front(rows: Sequence[Row], needs: Mapping[str, Needs], axis: Axis) -> set[str]:
    offers = {
        row.method: pareto.Offer(costs(row, needs[row.method])[axis.name], metric.sign * row.scores[metric.id].mean)
        for row in rows
        if row.rank is not None and (metric := row.metrics[0])
    }
    return pareto.front(offers)


def _pairs(ranking: Ranking, metric: Metric) -> dict[str, Any]:
    """For each method, what sets it apart from each worse one: how far, half the interval, whether told, and seeds.

    Above 0 is better, whatever the direction of the metric.
    """
    pairs, means = np.triu_indices(len(ranking.names), 1), ranking.field.means
    known = means[:, None] - means, ranking.half_widths, ranking.told, ranking.seeds
    values = [
        [_shown(apart, metric), _shown(half, metric), int(told), int(seeds) if math.isfinite(seeds) else None]
        for apart, half, told, seeds in zip(*(each[pairs].tolist() for each in known), strict=True)
    ]
    return {"names": list(ranking.names), "values": values}


def _shown(value: float | None, metric: Metric) -> float | None:
    return None if value is None else number(metric.in_unit(value), metric.digits + EXTRA_DIGITS)
