"""(e) What thousands of stored records cost: to read, to rank, and to write the leaderboard's files and the report.

The results are simulated: every method has the published record of one of the embedded suite's methods, with a search,
and answers of its own with every seed, whose scores are those of ``benchmarks.interval_figures``. Each size is measured
in a process of its own: the seconds of each step, the peak memory of all, and the size of the report. To write the
simulated files takes longer than to read them, about a minute for 10,000 records.

Prints the Markdown of the table in ``docs/performance.md``.

    python -m benchmarks.stored_records
"""

import argparse
import gzip
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from safetensors.numpy import save
from tabulate import tabulate

from benchmarks.interval_figures import NOISE, simulated
from harness.report import html, tables
from harness.spec.record import Prediction, Record
from harness.spec.search import Search
from harness.spec.suite import RunTable, Suite
from harness.store.results import Store

SUITE = "simulated"
METHODS, SEEDS, EXAMPLES = 300, (1, 3, 11, 33), 200
TRAINED, UNTRAINED = "lora", "zero_shot"  # the published methods whose records the simulated ones have
COSTS = ("trainable_parameters", "train_seconds", "generate_seconds", "peak_rss_bytes", "adapter_bytes")
WORDS = 20  # of an answer
LEVELS = 10.0  # points by which methods scatter
COMPRESSION = 1  # of predictions; the store's own takes ten times as long, and is read as fast
STATUS = Path("/proc/self/status")
TITLES = ("records", "methods × seeds", "reading", "ranking", "leaderboard", "report", "all", "memory", "report.html")


@dataclass(frozen=True)
class Published:
    """What the simulated records are made from."""

    records: dict[str, Record]
    search: Search
    predictions: list[Prediction]

    @classmethod
    def of(cls, store: Store) -> "Published":
        """The embedded suite's records, by method."""
        records = {record.spec.method: record for record in store.read_runs()}
        search = store.read_searches(TRAINED)[0]
        return cls(records, search, store.read_predictions(records[TRAINED].spec))

    def record(self, method: str, seed: int, values: NDArray[np.float64], share: float) -> Record:
        """The record of a run with these scores, which costs this share of the published run."""
        found = self.records[UNTRAINED if method == UNTRAINED else TRAINED]
        spec = found.spec.model_copy(update={"suite": SUITE, "method": method, "seed": seed})
        means = dict.fromkeys((metric.id for metric in found.metrics), float(values.mean()))
        costs = {name: type(value)(share * value) for name in COSTS if (value := getattr(found.cost, name))}
        cost = found.cost.model_copy(update=costs)
        return found.model_copy(update={"spec": spec, "scores": means, "cost": cost})

    def searched(self, record: Record) -> Search:
        """The search to which a record belongs."""
        made_from = record.provenance
        return self.search.model_copy(
            update={
                "spec": record.spec,
                "learning_rate": made_from.hyperparameters["learning_rate"],
                "data_hash": made_from.data_hash,
                "model_revision": made_from.model_revision,
            }
        )


def fill(store: Store, published: Published, methods: int, seeds: int, examples: int, answered: int) -> None:
    """Write simulated results like the store, not waiting for the disk; only ``answered`` seeds have answers."""
    random = np.random.default_rng(0)
    levels = [float(level) for level in random.normal(0, LEVELS, methods)]
    asked = list(_asked(published, examples))
    words = sorted({word for one in published.predictions for word in " ".join(one.references).split()})
    folders = {name: store.folder / name for name in ("runs", "scores", "predictions", "search")}
    folders["search"].mkdir()
    for number, method in enumerate(simulated(random, [NOISE] * methods, seeds, examples, levels)):
        name = f"method_{number}" if number else UNTRAINED
        for seed, scores in enumerate(np.clip(method, 0, 1)):
            record = published.record(name, seed, scores, (number + 1) / methods)
            ids = [metric.id for metric in record.metrics]
            file = f"{name}-seed{seed}-{record.spec.hash}"
            if seed < answered:
                lines = _lines(asked, _texts(random, words, examples), ids, scores)
                content = gzip.compress("".join(lines).encode(), COMPRESSION)
                (folders["predictions"] / f"{file}.jsonl.gz").write_bytes(content)
            (folders["scores"] / f"{file}.safetensors").write_bytes(save(dict.fromkeys(ids, scores)))
            (folders["runs"] / f"{file}.json").write_text(record.to_json(), encoding="utf-8")
        if number:
            (folders["search"] / f"{name}.json").write_text(published.searched(record).to_json(), encoding="utf-8")


def _asked(published: Published, examples: int) -> Iterator[str]:
    """The first part of each line of a predictions file: what was asked, and the references."""
    for number in range(examples):
        one = published.predictions[number % len(published.predictions)]
        line = {"id": f"test_{number}", "rows": [number], "scored": True, "source": one.source}
        yield json.dumps({**line, "references": one.references}, ensure_ascii=False)[:-1]


def _texts(random: Generator, words: Sequence[str], examples: int) -> list[str]:
    return [" ".join(words[number] for number in row) for row in random.integers(len(words), size=(examples, WORDS))]


def _lines(asked: Sequence[str], texts: Sequence[str], ids: Sequence[str], scores: NDArray[np.float64]) -> list[str]:
    """The lines of a predictions file; every metric has the same scores."""
    values = [json.dumps(dict.fromkeys(ids, score)) for score in scores.tolist()]
    return [
        f'{start}, "text": {json.dumps(text)}, "scores": {value}, "best": {value}}}\n'
        for start, text, value in zip(asked, texts, values, strict=True)
    ]


def measured(folder: Path) -> list[str]:
    """The cells of a row of the table, except the first two."""
    store, times = Store(folder, SUITE), [perf_counter()]
    records = store.read_runs()
    entries = tables.entries(store, records)
    times.append(perf_counter())
    seeds, spec = sorted({record.spec.seed for record in records}), records[0].spec
    shown = tables.tables(store, seeds, entries, None)
    times.append(perf_counter())
    run = RunTable(methods=(UNTRAINED,), seeds=tuple(seeds))
    tables.write_leaderboard(store, Suite(name=SUITE, task=spec.task, budget=spec.budget, run=run), shown)
    times.append(perf_counter())
    report = html.write(store, seeds, shown)
    times.append(perf_counter())
    seconds = [f"{value:.2f} s" for value in (*np.diff(times), times[-1] - times[0])]
    return [*seconds, f"{_peak() / 1e6:,.0f} MB", f"{report.stat().st_size / 1e6:.1f} MB"]


def _peak() -> float:
    """The peak memory of this process in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="utf-8"))
    return float(found[1]) * 1024 if found else float("nan")


def row(published: Published, methods: int, seeds: int, examples: int, answered: int) -> list[str]:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), SUITE)
        store.open()
        fill(store, published, methods, seeds, examples, answered)
        store.close()
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            cells = pool.submit(measured, Path(folder)).result()
    return [f"{methods * seeds:,}", f"{methods:,} × {seeds:,}", *cells]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--methods", type=int, default=METHODS)
    options.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="a row for each of these numbers of seeds")
    options.add_argument("--examples", type=int, default=EXAMPLES)
    options.add_argument("--answered", type=int, default=max(SEEDS), help="number of seeds with answers (default: 33)")
    options.add_argument("--results", type=Path, default=Path("results"))
    asked = options.parse_args(arguments)
    published = Published.of(Store(asked.results, "embedded"))
    lines = [row(published, asked.methods, seeds, asked.examples, asked.answered) for seeds in asked.seeds]
    print(tabulate(lines, TITLES, tablefmt="pipe", colalign=["right"] * len(TITLES), disable_numparse=True))


if __name__ == "__main__":
    main()
