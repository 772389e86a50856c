"""What the scripts of the report's page work with: every method with its scores and costs, and every pair of them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from ..ranking import leaderboard
from ..ranking.choice import ADAPTER, LIMITS, Needs
from ..ranking.leaderboard import FULL_FINETUNE, Row
from ..ranking.ranks import Ranking
from ..spec.metric import Metric
from ..spec.record import Status
from ..spec.suite import ZERO_SHOT
from .answer import recovered

NOT_RANKED = "not ranked"
EXTRA_DIGITS = 2  # of a difference, more than people read, so that lines are where they belong
SCORE_DIGITS = 6  # of a score, more than people read, so that scripts round it as the sentences do
KINDS = (  # in the order of their colours
    *("adds parameters", "bound", "trains all parameters", "trains nothing", "trains some parameters"),
    "unknown",
)
PREPARED = "what a method prepares before it is among the seconds by phase"
DUMPS = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Axis:
    """A cost that scores are shown against; ``name`` is that of a figure in a row, or of a limit."""

    name: str
    title: str
    unit: str
    about: str


AXES = (
    Axis("trainable_parameters", "Trainable parameters", "count", "the number of weights that training may change"),
    Axis("train_seconds", "Training time", "seconds", f"training alone: {PREPARED}"),
    Axis("peak_gpu_bytes", "Peak GPU memory", "bytes", "the most GPU memory that a run held"),
    Axis("peak_rss_bytes", "Peak memory", "bytes", "the most memory that the process of a run held"),
    Axis(
        ADAPTER.name, "Size on disk", "bytes", "what must be kept of a trained model, beside the base model if needed"
    ),
    Axis("generate_seconds", "Time to answer", "seconds", "the answers to all test examples together"),
    Axis("search_seconds", "Search time", "seconds", "all trials of the learning-rate search together"),
)


def costs(row: Row, needs: Needs) -> dict[str, float | None]:
    """The costs of a method by axis; ``None`` if one is unknown."""
    return {axis.name: _finite(needs[axis.name] if axis.name in needs else row.spent(axis.name)) for axis in AXES}


def axes(rows: Sequence[Row], needs: Mapping[str, Needs]) -> list[Axis]:
    """The axes on which some method has a value other than 0, so that there is something to draw."""
    return [axis for axis in AXES if any(costs(row, needs[row.method])[axis.name] for row in rows)]


def kind(row: Row, base: float | None) -> str:
    """What a method does to the base model, which has ``base`` parameters, as far as counts of parameters tell."""
    trained, total = row.costs["trainable_parameters"], row.costs["total_parameters"]
    if row.bound:
        return "bound"
    if trained == 0:
        return "trains nothing"
    if trained is None or total is None or base is None:
        return "unknown"
    if total > base:
        return "adds parameters"
    return "trains all parameters" if trained >= base else "trains some parameters"


def base_parameters(rows: Sequence[Row]) -> float | None:
    """The number of parameters of the base model: zero-shot's, or else the fewest that a method trains all of."""
    known = [row for row in rows if row.costs["total_parameters"] is not None]
    whole = [row for row in known if row.costs["trainable_parameters"] == row.costs["total_parameters"]]
    found = [row for row in known if row.method == ZERO_SHOT] or whole
    return min((row.costs["total_parameters"] or 0 for row in found), default=None)


def recovered_by(rows: Sequence[Row], ranking: Ranking | None) -> dict[str, float | None]:
    """By method, the share of full fine-tuning's gain over zero-shot that it has, if there is shown to be a gain."""
    by_name = {row.method: row for row in rows}
    both = ranking is not None and {ZERO_SHOT, FULL_FINETUNE} <= {*ranking.names}
    if ranking is None or not both or not ranking.better(FULL_FINETUNE, ZERO_SHOT):
        return dict.fromkeys(by_name)
    return {row.method: recovered(row, by_name[ZERO_SHOT], by_name[FULL_FINETUNE]) for row in rows}


def page_data(rows: Sequence[Row], ranking: Ranking | None, needs: Mapping[str, Needs]) -> dict[str, Any]:
    """The JSON of the page, apart from the examples and the searches."""
    metric = rows[0].metrics[0] if rows and rows[0].metrics else None
    shown, base = axes(rows, needs), base_parameters(rows)
    return {
        "metric": metric and _metric(metric),
        "axes": [{"name": axis.name, "title": axis.title, "unit": axis.unit} for axis in shown],
        "limits": [{"name": limit.name, "title": limit.title, "unit": limit.unit} for limit in LIMITS],
        "kinds": list(KINDS),
        "methods": [_method(row, needs[row.method], base) for row in rows],
        "fronts": {axis.name: sorted(leaderboard.front(rows, axis.name, _spent(rows, needs, axis))) for axis in shown},
        "pairs": _pairs(ranking, metric) if ranking and metric else None,
    }


def to_json(value: Any) -> Markup:
    """JSON in a page: no text in it can end the script that holds it."""
    return htmlsafe_json_dumps(value, dumps=DUMPS)


def number(value: float | None, digits: int) -> float | None:
    """A rounded number; ``None`` for what JSON cannot say."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _metric(metric: Metric) -> dict[str, Any]:
    shown = {"title": metric.title, "unit": metric.counted, "digits": metric.digits, "sign": metric.sign}
    return {**shown, "corpus": metric.corpus}


def _method(row: Row, needs: Needs, base: float | None) -> dict[str, Any]:
    found = row.scores.get(row.metrics[0].id) if row.metrics else None
    metric = row.metrics[0] if row.metrics else None
    bounds = (found.mean, found.low, found.high) if found else ()
    return {
        "name": row.method,
        "kind": kind(row, base),
        "status": NOT_RANKED if row.rank is None and row.status == Status.OK else str(row.status),
        "score": [_shown(bound, metric, SCORE_DIGITS) for bound in bounds] if metric else [],
        "costs": costs(row, needs),
        "needs": {name: _finite(need) for name, need in needs.items()},
        "doubtful": [axis.name for axis in AXES if axis.name in row.costs and row.doubtful(axis.name)],
    }


def _spent(rows: Sequence[Row], needs: Mapping[str, Needs], axis: Axis) -> dict[str, float | None]:
    return {row.method: costs(row, needs[row.method])[axis.name] for row in rows}


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


def _shown(value: float | None, metric: Metric, extra: int = EXTRA_DIGITS) -> float | None:
    return None if value is None else number(metric.in_unit(value), metric.digits + extra)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
