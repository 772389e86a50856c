"""Writing the leaderboard beside the runs that it was made from."""

from collections.abc import Sequence
from pathlib import Path

import pandas

from harness.leaderboard import Row
from harness.record import Outcome
from harness.report import markdown
from harness.report.notes import Notes
from harness.store import Store
from harness.suite import Suite


def write(
    store: Store, suite: Suite, rows: Sequence[Row], samples: Sequence[Outcome], notes: Notes | None = None
) -> list[Path]:
    """``leaderboard.md``, ``.csv`` and ``.json``; returns their paths."""
    flat = [row.to_dict() for row in rows]
    table = pandas.DataFrame(flat, dtype=object)  # whole numbers stay whole beside missing ones
    if "seeds" in table:
        table["seeds"] = [" ".join(map(str, row.seeds)) for row in rows]
    return [
        store.write_text("leaderboard.md", markdown.leaderboard(suite, rows, samples, notes)),
        store.write_text("leaderboard.csv", table.to_csv(index=False)),
        store.write_json("leaderboard.json", {"suite": suite.name, "rows": flat}),
    ]
