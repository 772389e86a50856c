"""(e) The leaderboard of 10,000 stored records: read them, rank their methods, write Markdown, CSV and JSON.

50 methods with 200 seeds each, scores of 200 test rows; the records and scores are random, their files are the store's.

    python -m benchmarks.stored_records
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.setting import clocked, show
from harness import leaderboard
from harness.leaderboard import Entry, Row
from harness.metrics import ROUGE
from harness.record import Cost, Prediction, Record, RunSpec, Scores, Status
from harness.report import files
from harness.store import Store
from harness.suite import Budget, Evaluation, ModelTable, RunTable, Suite, TaskTable

TASK, BUDGET = TaskTable(name="dialogsum"), Budget(max_examples=1280)
CPU = torch.device("cpu")
NAMES = [metric.name for metric in ROUGE]


def fill(store: Store, methods: int, seeds: int, rows: int) -> None:
    """Write random runs with one prediction a test row."""
    generator = np.random.default_rng(0)
    difficulty = generator.normal(0, 0.1, rows)
    for method in range(methods):
        for seed in range(seeds):
            values = np.clip(0.3 + 0.002 * method + difficulty + generator.normal(0, 0.05, rows), 0, 1)
            spec = RunSpec(
                suite="stored",
                method="zero_shot" if method == 0 else f"method_{method}",
                seed=seed,
                task=TASK,
                model=ModelTable(),
                budget=BUDGET,
                evaluation=Evaluation(),
                batch_size=16,
            )
            predictions = [
                Prediction(
                    id=f"test_{row}", rows=(row,), dialogue="", references=("",), text="",
                    scores=dict.fromkeys(NAMES, float(value)), best={},
                )
                for row, value in enumerate(values)
            ]  # fmt: skip
            cost = Cost(trainable_parameters=1000 * method, examples=1280, steps=80, train_seconds=12.5)
            scores = Scores(**dict.fromkeys(NAMES, float(values.mean())))
            store.write_run(Record(spec=spec, status=Status.OK, scores=scores, cost=cost), predictions)


def main() -> None:
    """Write the records, then measure reading, ranking and writing the leaderboard."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--methods", type=int, default=50)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--rows", type=int, default=200)
    asked = options.parse_args()
    suite = Suite(name="stored", task=TASK, budget=BUDGET, run=RunTable(methods=("zero_shot",)))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), "stored")
        store.open()
        fill(store, asked.methods, asked.seeds, asked.rows)
        entries: list[Entry] = []
        rows: list[Row] = []

        def read() -> None:
            entries.extend(Entry(record, store.read_scores(record.spec)) for record in store.read_runs())

        seconds = [
            clocked(read, CPU),
            clocked(lambda: rows.extend(leaderboard.rows(entries)), CPU),
            clocked(lambda: files.write(store, suite, rows, []), CPU),
        ]
        store.close()
    figures = zip(("read", "rank", "write", "all"), [*seconds, sum(seconds)], strict=True)
    show(
        f"{len(entries):,} records of {asked.rows} test rows, {len(rows)} methods",
        [(name, f"{value:.2f} s") for name, value in figures],
    )


if __name__ == "__main__":
    main()
