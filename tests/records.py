"""Specs, records and predictions that the tests of storing and viewing share."""

from random import Random

import numpy as np

from harness.ranking.leaderboard import Entry
from harness.spec.record import Cost, Failure, Prediction, Record, RunSpec, Scores, Status
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable


def spec(method="lora", seed=0, **changes):
    values = {
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


def finished(method="lora", seed=0, **changes):
    cost = Cost(trainable_parameters=688_128, total_parameters=16_000_000, examples=320, steps=20, train_seconds=30.5)
    scores = Scores(rouge1=0.41, rouge2=0.2, rougeL=0.35, rougeLsum=0.35)
    return Record(**({"spec": spec(method, seed), "status": Status.OK, "scores": scores, "cost": cost} | changes))


def unfinished(method="lora", seed=0, status=Status.CRASHED, reason="killed by signal 9", **changes):
    return Record(spec=spec(method, seed), status=status, error=Failure(type="Killed", message=reason), **changes)


def prediction(number=0, text="Ann books a room.", rouge1=0.5, **changes):
    scores = {"rouge1": rouge1, "rouge2": rouge1 / 2, "rougeL": rouge1 - 0.1, "rougeLsum": rouge1 - 0.1}
    values = {
        "id": f"test_{number}",
        "rows": (number,),
        "dialogue": "#Person1#: A room, please.\n#Person2#: For one night?",
        "references": ("Ann books a room for one night.",),
        "text": text,
        "scores": scores,
        "best": scores,
    }
    return Prediction(**(values | changes))


def scored(record, *values):
    """A run with these ROUGE-1 values, one a row, and the others around them."""
    scores = [prediction(rouge1=value).scores for value in values]
    return Entry(record, {name: np.array([each[name] for each in scores]) for name in scores[0]} if scores else {})


def entry(method, level, seed=0, rows=12, **changes):
    """A finished run whose ROUGE-1 lies around ``level``; all methods find the same rows hard."""
    noise = Random(f"{method} {seed}")
    scores = [level + Random(row).uniform(-0.1, 0.1) + noise.gauss(0, 0.02) for row in range(rows)]
    return scored(finished(method, seed, **changes), *scores)
