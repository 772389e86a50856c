"""The test examples of the report's page: what was asked, the references, and every method's answer with every seed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..spec.metric import Metric
from ..spec.record import Prediction, Record
from ..store.results import Store
from .contents import number, to_json
from .readable import shortened

MAX_BYTES = 3_500_000  # of all examples; seeds are left out first, then examples
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Rows = tuple[int, ...]  # of the test split: those of one example, whose id need not be its own
Text = tuple[str, str | None]  # an answer, and what is scored in its place, if anything
Cell = tuple[int, float | None]  # an answer: the number of its text among those of the example, and its score


@dataclass(frozen=True)
class AnsweredExample:
    """What was asked, the different texts of the answers, and for each seed the cells by method."""

    asked: dict[str, Any]
    texts: dict[Text, int] = field(default_factory=dict)
    cells: dict[int, dict[str, Cell]] = field(default_factory=dict)

    def add(self, seed: int, method: str, text: Text, score: float | None) -> int:
        """Add the answer of a run; returns how many bytes it takes."""
        new = text not in self.texts
        cell = self.texts.setdefault(text, len(self.texts)), score
        self.cells.setdefault(seed, {})[method] = cell
        return _size([text, cell] if new else [cell])

    def to_dict(self, methods: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
        """The example on the page with the answers of these seeds, which were added before all others."""
        answers = [[self.cells.get(seed, {}).get(method) for seed in seeds] for method in methods]
        used = max((cell[0] + 1 for each in answers for cell in each if cell), default=0)
        shown = list(self.texts)[:used]
        parts = {"scored": [part for _, part in shown]} if any(part is not None for _, part in shown) else {}
        return {**self.asked, "texts": [text for text, _ in shown], **parts, "answers": answers}


def examples(store: Store, records: Sequence[Record], methods: Sequence[str]) -> dict[str, Any]:
    """The JSON of the examples: as many seeds, and then as many examples, as the page has room for.

    ``left_out`` are the numbers of seeds and of examples that it does not have. Seeds are read until one has no room.
    """
    runs = _by_seed(records)
    metric = next((record.metrics[0] for record in records if record.metrics), None)
    found: dict[Rows, AnsweredExample] = {}
    kept: list[int] = []
    size = 0
    for seed in runs:
        size += _add(found, store, runs[seed], metric)
        if size <= MAX_BYTES or not kept:
            kept.append(seed)
        if size > MAX_BYTES:
            break
    rows = [example.to_dict(methods, kept) for example in found.values()]
    shown = _that_fit(rows)
    left_out = {"seeds": len(runs) - len(kept), "examples": len(rows) - len(shown)}
    return {"seeds": kept, "rows": shown, "left_out": left_out}


def _by_seed(records: Sequence[Record]) -> dict[int, list[Record]]:
    """The runs that got as far as answers, by rising seed."""
    found: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda each: each.spec.seed):
        if record.scores is not None:
            found.setdefault(record.spec.seed, []).append(record)
    return found


def _add(found: dict[Rows, AnsweredExample], store: Store, records: Sequence[Record], metric: Metric | None) -> int:
    """Add the answers of these runs; returns how many bytes they take."""
    size = 0
    for record in records:
        for one in store.read_predictions(record.spec):
            if one.rows not in found:
                found[one.rows] = AnsweredExample(_asked(one))
                size += _size([found[one.rows].to_dict((), ())])
            size += found[one.rows].add(record.spec.seed, record.spec.method, _text(one), _score(one, metric))
    return size


def _asked(one: Prediction) -> dict[str, Any]:
    return {
        "id": clean(one.id),
        "source": clean(one.source),
        "references": [clean(each) for each in one.references],
    }


def _text(one: Prediction) -> Text:
    text, part = clean(one.text), None if one.answer is None else clean(one.answer)
    return text, None if part == text else part


def _score(one: Prediction, metric: Metric | None) -> float | None:
    if metric is None or not one.scored or metric.id not in one.scores:
        return None
    return number(metric.in_unit(one.scores[metric.id]), metric.digits)


def clean(text: str) -> str:
    """A text of a model or of data for people to read: cut if it is long, and without control characters."""
    return shortened(CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip().replace("\r\n", "\n")))


def _size(values: Sequence[Any]) -> int:
    """The bytes of these values in the page."""
    return len(to_json(values).encode())


def _that_fit(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    shown, size = [], 0
    for row in rows:
        size += _size([row])
        if size > MAX_BYTES:
            break
        shown.append(row)
    return shown
