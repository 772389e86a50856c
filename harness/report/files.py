"""Writing the leaderboard beside the runs that it was made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas

from ..ranking.intervals import Interval
from ..ranking.leaderboard import Row
from ..spec.metric import Direction, Metric
from ..spec.record import RunOutcome
from ..spec.suite import Suite
from ..store.results import Store
from . import markdown
from .notes import Notes

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a formula of a spreadsheet begins with


def write(
    store: Store, suite: Suite, rows: Sequence[Row], samples: Sequence[RunOutcome], notes: Notes | None = None
) -> list[Path]:
    """Write ``leaderboard.md``, ``.csv``, ``.json`` and the scores for github-action-benchmark; return their paths."""
    flat = [row.to_dict() for row in rows]
    table = pandas.DataFrame(flat, dtype=object)  # whole numbers stay whole beside missing ones
    if "seeds" in table:
        table["seeds"] = [" ".join(map(str, row.seeds)) for row in rows]
        table["seeds_missing"] = [" ".join(map(str, row.missing)) for row in rows]
        table["pareto"] = [" ".join(row.fronts) for row in rows]
        table["reason"] = [_inert(row.reason) for row in rows]
    return [
        store.write_text("leaderboard.md", markdown.leaderboard(suite, rows, samples, notes)),
        store.write_text("leaderboard.csv", table.to_csv(index=False)),
        store.write_json("leaderboard.json", {**_setting(suite, rows, notes), "rows": flat}),
        store.write_json("github-action-benchmark.json", scores(suite, rows)),
    ]


def scores(suite: Suite, rows: Sequence[Row]) -> list[dict[str, str | float]]:
    """The scores in their display units, for the tool ``customBiggerIsBetter`` of github-action-benchmark.

    Costs, and metrics where lower is better, are left out: that tool would raise an alarm when they fall.
    """
    return [
        {
            "name": f"{suite.name} {row.method} {metric.title}",
            "unit": metric.unit,
            "value": round(metric.in_unit(score.mean), metric.digits + 1),
            **_range(metric, score),
            "extra": f"95% interval; seeds {', '.join(map(str, row.seeds))}",
        }
        for row in rows
        for metric in row.metrics
        if metric.better == Direction.HIGHER and (score := row.scores.get(metric.id))
    ]


def _setting(suite: Suite, rows: Sequence[Row], notes: Notes | None) -> Mapping[str, Any]:
    """What the rows were made with; unknown values are ``null``. The date is that of the last run."""
    known = notes or Notes(None, {}, {})
    metrics = rows[0].metrics if rows else ()
    return {
        "suite": suite.name,
        "date": known.date,
        "model": {**suite.model.model_dump(mode="json"), "revision": known.model_revision or suite.model.revision},
        "data": {
            "name": suite.task.data,
            "revision": known.data_revision or suite.task.revision,
            "hash": known.data_hash,
        },
        "budget": dict(suite.budget.limits()),
        "seeds": list(suite.run.seeds),
        "machine": known.environment.model_dump(mode="json") if known.environment else None,
        "ranked_by": metrics[0].id if metrics else None,
        "score_unit": metrics[0].file_unit if metrics else None,
        "metrics": [metric.model_dump(mode="json") for metric in metrics],
        "earlier_session": [row.method for row in rows if row.earlier],
        "other_machine": [row.method for row in rows if row.elsewhere],
    }


def _inert(text: str) -> str | None:
    """A text that no spreadsheet takes for a formula."""
    return (f"'{text}" if text.startswith(FORMULA) else text) or None


def _range(metric: Metric, score: Interval) -> dict[str, str]:
    if score.low is None or score.high is None:
        return {}
    low, high = (metric.shown(bound, metric.digits + 1) for bound in (score.low, score.high))
    return {"range": f"{low}–{high}"}
