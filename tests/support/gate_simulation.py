"""Sessions with a known truth, for tests of the gate: fresh trainings of a method, and lost last words.

The spreads are those of the embedded suite's stored runs, in points of ROUGE-1: 5 between examples, 9.5 within an
example from seed to seed, and 0 to 1.5 between seeds (0.4 for LoRA, 1.5 for prompt tuning).
"""

import numpy as np

from harness.gate.baseline import Baseline, Fingerprint, measured
from harness.metrics.rouge.metric import NAMES
from harness.ranking.leaderboard import Entry
from harness.spec.record import hash_of
from support.records import finished, spec

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


def dialogues(generator, examples=200):
    """How hard each test example is: F1 in 0..1."""
    return generator.normal(0.35, 0.05, examples)


def trainings(generator, hard, seeds=3, spread=0.4, within=9.5):
    """Fresh trainings of one method on the same examples: (seeds, examples), ``spread`` points between seeds."""
    level = generator.normal(0, spread / 100, (seeds, 1))
    return np.clip(hard + level + generator.normal(0, within / 100, (seeds, len(hard))), 0, 1)


def without_last_word(generator, scores, points=0.7):
    """The same answers without their last words: of five words two were hits and three were not."""
    hit = generator.random(scores.shape) < 0.4
    return np.clip(scores + points / 0.71 * np.where(hit, -0.029, 0.0075), 0, 1)


def runs(values, method="lora", seeds=None, asked=None, **changes):
    """The finished runs of a method whose ROUGE types all score alike; other scores are other predictions."""
    told = {"data_hash": "c82ca3c94f74", "model_revision": "5ca1ab1e0000"} | changes
    return [
        _run(one, method, seed, asked or {}, told)
        for seed, one in zip(range(len(values)) if seeds is None else seeds, values, strict=True)
    ]


def row(values, method="lora", **changes):
    """The same as a row; ``asked`` changes the runs' specs, and other names their records."""
    return measured((entry.record, entry.scores) for entry in runs(values, method, **changes))


def accepted(*rows, fingerprint=HERE):
    """A baseline of these rows."""
    return Baseline("small", fingerprint, {one.row.key.method: one for one in rows})


def _run(values, method, seed, asked, changes):
    scores = dict.fromkeys(NAMES, float(np.mean(values)))
    told = {
        "scores": scores,
        "predictions_hash": hash_of(map(str, values)),
        "spec": spec(method, seed, **asked),
    }
    return Entry(finished(method, seed, **(told | changes)), {name: np.array(values) for name in NAMES})
