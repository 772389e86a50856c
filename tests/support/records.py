"""Specs, records and predictions that the tests of storing and viewing share."""

from random import Random
from typing import Any

import numpy as np

from harness.metrics.rouge.metric import ROUGE
from harness.ranking.entries import Entry
from harness.spec.block import Block
from harness.spec.record import Cost, Failure, Outputs, Prediction, Provenance, Record, RunSpec, Status
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable


def spec(method: str = "lora", seed: int = 0, **changes: Any) -> RunSpec:
    """A run of the suite ``small``."""
    values: dict[str, Any] = {
        "suite": "small",
        "method": method,
        "seed": seed,
        "task": TaskTable(name="dialogsum"),
        "model": ModelTable(),
        "budget": Budget(max_examples=320),
        "evaluation": Evaluation(),
        "batch_size": 16,
    }
    return RunSpec(**(values | changes))


def finished(method: str = "lora", seed: int = 0, **changes: Any) -> Record:
    """A run that ended well."""
    cost = Cost(trainable_parameters=688_128, total_parameters=16_000_000, examples=320, steps=20, train_seconds=30.5)
    scores = means(rouge1=0.41, rouge2=0.2, rougeL=0.35, rougeLsum=0.35)
    record = Record(spec=spec(method, seed), status=Status.OK, scores=scores, metrics=ROUGE, cost=cost)
    return changed(record, **changes)


def changed(record: Record, **changes: Any) -> Record:
    """The record with other fields, each in the block where it belongs."""
    values = record.model_dump(by_alias=True) | {
        name: changes.pop(name) for name in Record.model_fields if name in changes
    }
    homes: dict[str, type[Block]] = {"provenance": Provenance, "cost": Cost, "outputs": Outputs}
    for block, kind in homes.items():
        mine = {name: changes.pop(name) for name in kind.model_fields if name in changes}
        values[block] = kind.model_validate({**dict(kind.model_validate(values[block])), **mine})
    assert not changes, changes
    return Record.model_validate(values)


def means(
    rouge1: float = 0.0,
    rouge2: float = 0.0,
    rougeL: float = 0.0,  # noqa: N803 (as records name them)
    rougeLsum: float = 0.0,  # noqa: N803
) -> dict[str, float]:
    """Scores as a record holds them."""
    return {"rouge1": rouge1, "rouge2": rouge2, "rougeL": rougeL, "rougeLsum": rougeLsum}


def unfinished(
    method: str = "lora",
    seed: int = 0,
    status: Status = Status.CRASHED,
    reason: str = "killed by signal 9",
    **changes: Any,
) -> Record:
    """A run that ended otherwise."""
    error = Failure(type="Killed", message=reason)
    return changed(Record(spec=spec(method, seed), status=status, error=error, metrics=ROUGE), **changes)


def prediction(number: int = 0, text: str = "Ann books a room.", rouge1: float = 0.5, **changes: Any) -> Prediction:
    """The answer to a test row."""
    scores = {"rouge1": rouge1, "rouge2": rouge1 / 2, "rougeL": rouge1 - 0.1, "rougeLsum": rouge1 - 0.1}
    values: dict[str, Any] = {
        "id": f"test_{number}",
        "rows": (number,),
        "source": "#Person1#: A room, please.\n#Person2#: For one night?",
        "references": ("Ann books a room for one night.",),
        "text": text,
        "scores": scores,
        "best": scores,
    }
    return Prediction(**(values | changes))


def scored(record: Record, *values: float) -> Entry:
    """A run with these ROUGE-1 values, one a row, and the others around them."""
    scores = [prediction(rouge1=value).scores for value in values]
    return Entry(record, {name: np.array([each[name] for each in scores]) for name in scores[0]} if scores else {})


def entry(method: str, level: float, seed: int = 0, rows: int = 12, **changes: Any) -> Entry:
    """A finished run whose ROUGE-1 lies around ``level``; all methods find the same rows hard."""
    noise = Random(f"{method} {seed}")
    scores = [level + Random(row).uniform(-0.1, 0.1) + noise.gauss(0, 0.02) for row in range(rows)]
    return scored(finished(method, seed, **changes), *scores)
