"""Writing the leaderboard beside the runs that it was made from."""

from collections.abc import Sequence
from pathlib import Path

import pandas

from harness.leaderboard import Row
from harness.metrics import ROUGE
from harness.record import Outcome
from harness.report import markdown
from harness.report.notes import Notes
from harness.store import Store
from harness.suite import Suite


def write(
    store: Store, suite: Suite, rows: Sequence[Row], samples: Sequence[Outcome], notes: Notes | None = None
) -> list[Path]:
    """``leaderboard.md``, ``.csv`` and ``.json``, and the scores for github-action-benchmark; returns their paths."""
    flat = [row.to_dict() for row in rows]
    table = pandas.DataFrame(flat, dtype=object)  # whole numbers stay whole beside missing ones
    if "seeds" in table:
        table["seeds"] = [" ".join(map(str, row.seeds)) for row in rows]
        table["pareto"] = [" ".join(row.fronts) for row in rows]
    return [
        store.write_text("leaderboard.md", markdown.leaderboard(suite, rows, samples, notes)),
        store.write_text("leaderboard.csv", table.to_csv(index=False)),
        store.write_json("leaderboard.json", {"suite": suite.name, "rows": flat}),
        store.write_json("github-action-benchmark.json", scores(suite, rows)),
    ]


def scores(suite: Suite, rows: Sequence[Row]) -> list[dict[str, str | float]]:
    """The scores in points, as github-action-benchmark's tool ``customBiggerIsBetter`` reads them.

    Nothing else, since it takes more for better: costs would raise its alarm when they fall.
    """
    return [
        {
            "name": f"{suite.name} {row.method} {metric.title}",
            "unit": "points",
            "value": round(100 * score.mean, 2),
            "range": f"{100 * score.low:.2f}–{100 * score.high:.2f}",
            "extra": f"95% interval; seeds {', '.join(map(str, row.seeds))}",
        }
        for row in rows
        for metric in ROUGE
        if (score := row.scores.get(metric.name))
    ]
