"""Sessions with a known truth, for tests of the gate: fresh trainings of a method, and lost last words.

The spreads are those of the embedded suite's stored runs, in points of ROUGE-1: 5 between examples, 9.5 within an
example from seed to seed, and 0 to 1.5 between seeds (0.4 for LoRA, 1.5 for prompt tuning).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from harness.gate.baseline import Baseline, Fingerprint, Measured, measured
from harness.metrics.rouge.metric import NAMES
from harness.ranking.entries import Entry
from harness.spec.record import hash_of
from support.records import finished, spec

Values = NDArray[np.float64]  # F1 in 0..1, one a test example

HERE = Fingerprint(
    device="cpu",
    device_name="AMD EPYC",
    threads=2,
    torch="2.13.0",
    transformers="5.23.0",
    peft="0.21.2",
    dtype="float32",
    attention="sdpa",
)


def dialogues(generator: Generator, examples: int = 200) -> Values:
    """How hard each test example is: F1 in 0..1."""
    return generator.normal(0.35, 0.05, examples)


def trainings(generator: Generator, hard: Values, seeds: int = 3, spread: float = 0.4, within: float = 9.5) -> Values:
    """Fresh trainings of one method on the same examples: (seeds, examples), ``spread`` points between seeds."""
    level = generator.normal(0, spread / 100, (seeds, 1))
    return np.clip(hard + level + generator.normal(0, within / 100, (seeds, len(hard))), 0, 1)


def without_last_word(generator: Generator, scores: Values, points: float = 0.7) -> Values:
    """The same answers without their last words: of five words two were hits and three were not."""
    hit = generator.random(scores.shape) < 0.4
    return np.clip(scores + points / 0.71 * np.where(hit, -0.029, 0.0075), 0, 1)


def runs(
    values: Sequence[Values] | Values,
    method: str = "lora",
    seeds: Sequence[int] | None = None,
    asked: Mapping[str, Any] | None = None,
    **changes: Any,
) -> list[Entry]:
    """The finished runs of a method whose ROUGE types all score alike; other scores are other predictions."""
    told = {"data_hash": "c82ca3c94f74", "model_revision": "5ca1ab1e0000"} | changes
    return [
        _run(one, method, seed, asked or {}, told)
        for seed, one in zip(range(len(values)) if seeds is None else seeds, values, strict=True)
    ]


def row(values: Sequence[Values] | Values, method: str = "lora", **changes: Any) -> Measured:
    """The same as a row; ``asked`` changes the runs' specs, and other names their records."""
    return measured((entry.record, entry.scores) for entry in runs(values, method, **changes))


def accepted(*rows: Measured, fingerprint: Fingerprint = HERE) -> Baseline:
    """A baseline of these rows."""
    return Baseline("small", fingerprint, {one.row.key.method: one for one in rows})


def _run(values: Values, method: str, seed: int, asked: Mapping[str, Any], changes: dict[str, Any]) -> Entry:
    scores = dict.fromkeys(NAMES, float(np.mean(values)))
    told: dict[str, Any] = {
        "scores": scores,
        "predictions_hash": hash_of(map(str, values)),
        "spec": spec(method, seed, **asked),
    }
    return Entry(finished(method, seed, **(told | changes)), {name: np.array(values) for name in NAMES})
