"""The test examples of the report's page: what was asked, the references, and every method's answer with every seed."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..spec.metric import Metric
from ..spec.record import Prediction, Record
from ..store.results import Store
from .contents import number
from .readable import shortened

MAX_BYTES = 3_500_000  # of all examples; seeds are left out first, then examples
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Rows = tuple[int, ...]  # of the test split: those of one example, whose id need not be its own
Answers = Mapping[tuple[str, int], Mapping[Rows, Prediction]]  # by method and seed, then by the example's rows


def examples(store: Store, records: Sequence[Record], methods: Sequence[str]) -> dict[str, Any]:
    """The JSON of the examples: as many seeds, and then as many examples, as the page has room for.

    ``left_out`` are the numbers of seeds and of examples that it does not have.
    """
    answers = {(record.spec.method, record.spec.seed): _by_rows(store, record) for record in records}
    seeds = sorted({seed for (_, seed), found in answers.items() if found})
    metric = next((record.metrics[0] for record in records if record.metrics), None)
    kept = list(seeds)
    rows = _rows(answers, methods, kept, metric)
    while len(kept) > 1 and _size(rows) > MAX_BYTES:
        kept.pop()
        rows = _rows(answers, methods, kept, metric)
    shown = _that_fit(rows)
    left_out = {"seeds": len(seeds) - len(kept), "examples": len(rows) - len(shown)}
    return {"seeds": kept, "rows": shown, "left_out": left_out}


def _by_rows(store: Store, record: Record) -> dict[Rows, Prediction]:
    return {prediction.rows: prediction for prediction in store.read_predictions(record.spec)}


def _rows(
    answers: Answers, methods: Sequence[str], seeds: Sequence[int], metric: Metric | None
) -> list[dict[str, Any]]:
    asked = {numbers: one for found in answers.values() for numbers, one in found.items()}
    return [_row(one, answers, methods, seeds, metric) for one in asked.values()]


def _row(
    asked: Prediction,
    answers: Answers,
    methods: Sequence[str],
    seeds: Sequence[int],
    metric: Metric | None,
) -> dict[str, Any]:
    """One example; an answer is the number of its text among ``texts`` with its score, for each method and seed."""
    texts: dict[str, int] = {}
    cells = []
    for method in methods:
        found = [answers.get((method, seed), {}).get(asked.rows) for seed in seeds]
        cells.append([one and [texts.setdefault(clean(one.text), len(texts)), _score(one, metric)] for one in found])
    return {
        "id": clean(asked.id),
        "source": clean(asked.source),
        "references": [clean(each) for each in asked.references],
        "texts": list(texts),
        "answers": cells,
    }


def _score(one: Prediction, metric: Metric | None) -> float | None:
    if metric is None or not one.scored or metric.id not in one.scores:
        return None
    return number(metric.in_unit(one.scores[metric.id]), metric.digits)


def clean(text: str) -> str:
    """A text of a model or of data for people to read: cut if it is long, and without control characters."""
    return shortened(CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip().replace("\r\n", "\n")))


def _size(rows: Sequence[dict[str, Any]]) -> int:
    return len(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode())


def _that_fit(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    shown, size = [], 0
    for row in rows:
        size += _size([row])
        if size > MAX_BYTES:
            break
        shown.append(row)
    return shown
