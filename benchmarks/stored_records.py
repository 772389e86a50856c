"""(e) The leaderboard of 10,000 stored records: reading them, ranking the methods, writing Markdown, CSV and JSON.

50 methods with 200 seeds each and scores of 200 test rows; the content is random, in the store's file format.

    python -m benchmarks.stored_records
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from benchmarks.figures import clocked, show
from harness.metrics.rouge.metric import NAMES, ROUGE
from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.ranking.leaderboard import Row
from harness.report import files
from harness.spec.record import Cost, Record, RunSpec, Status
from harness.spec.suite import Budget, Evaluation, ModelTable, RunTable, Suite, TaskTable
from harness.store.results import Store

TASK, BUDGET = TaskTable(name="dialogsum"), Budget(max_examples=1280)


def fill(store: Store, methods: int, seeds: int, rows: int) -> None:
    """Write random runs like the store, but without texts and without waiting for the disk."""
    generator = np.random.default_rng(0)
    difficulty = generator.normal(0, 0.1, rows)
    for method in range(methods):
        for seed in range(seeds):
            values = np.clip(0.3 + 0.002 * method + difficulty + generator.normal(0, 0.05, rows), 0, 1)
            record = _record("zero_shot" if method == 0 else f"method_{method}", seed, float(values.mean()))
            name = f"{record.spec.name}-{record.spec.hash}"
            (store.folder / "runs" / f"{name}.json").write_text(record.to_json())
            (store.folder / "scores" / f"{name}.safetensors").write_bytes(save(dict.fromkeys(NAMES, values)))


def _record(method: str, seed: int, mean: float) -> Record:
    spec = RunSpec(
        suite="stored",
        method=method,
        seed=seed,
        task=TASK,
        model=ModelTable(),
        budget=BUDGET,
        evaluation=Evaluation(),
        batch_size=16,
    )
    cost = Cost(trainable_parameters=1000, examples=1280, steps=80, train_seconds=12.5)
    return Record(spec=spec, status=Status.OK, scores=dict.fromkeys(NAMES, mean), metrics=ROUGE, cost=cost)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the records, then measure reading, ranking and writing the leaderboard."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--methods", type=int, default=50)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--rows", type=int, default=200)
    asked = options.parse_args(arguments)
    suite = Suite(name="stored", task=TASK, budget=BUDGET, run=RunTable(methods=("zero_shot",)))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), "stored")
        store.open()
        fill(store, asked.methods, asked.seeds, asked.rows)
        entries: list[Entry] = []
        rows: list[Row] = []

        def read() -> None:
            records = store.read_runs()
            entries.extend(map(Entry, records, store.read_scores(record.spec for record in records)))

        seconds = [
            clocked(read),
            clocked(lambda: rows.extend(leaderboard.rows(entries))),
            clocked(lambda: files.write(store, suite, rows, [])),
        ]
        store.close()
    figures = zip(("read", "rank", "write", "all"), [*seconds, sum(seconds)], strict=True)
    show(
        f"{len(entries):,} records of {asked.rows} test rows, {len(rows)} methods",
        [(name, f"{value:.2f} s") for name, value in figures],
    )


if __name__ == "__main__":
    main()
