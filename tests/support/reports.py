"""Stored results of methods with known scores, costs and texts, for the tests of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from harness.report.__main__ import rebuilt
from harness.store.results import Store
from support.records import finished, prediction, unfinished

MB = 1_000_000
EXAMPLES = 24


@dataclass(frozen=True)
class Made:
    """A method as its stored runs show it; ``level`` is its mean ROUGE-1, and ``texts`` are its answers in turn."""

    name: str
    level: float
    parameters: int = 100_000
    seconds: float = 30.0
    memory: int = 800 * MB
    disk: int | None = 400_000
    texts: Sequence[str] = ("Ann books a room.", "Ann wants a room for one night.")
    changes: Mapping[str, Any] = field(default_factory=dict)


BASE = 2_000_000
USUAL = (
    Made("full_finetune", 0.42, BASE, 40.0, 950 * MB, 8 * MB),
    Made("lora", 0.36, 160_000, 30.0, 900 * MB, 660_000),
    Made("prompt_tuning", 0.30, 2_560, 27.0, 830 * MB, 10_000),
    Made("lead3", 0.30, 0, 0.0, 420 * MB, None),
    Made("zero_shot", 0.15, 0, 0.0, 570 * MB, None),
)


def store(folder: Path, methods: Sequence[Made], seeds: Sequence[int] = (0, 1, 2), examples: int = EXAMPLES) -> Path:
    """Store the runs of these methods, and return the folder of their suite."""
    results = Store(folder, "small")
    results.open()
    for method in methods:
        for seed in seeds:
            _write(results, method, seed, examples)
    results.close()
    return results.folder


def report(folder: Path, methods: Sequence[Made] = USUAL, **options: Any) -> Path:
    """The report of these methods."""
    return rebuilt(store(folder, methods, **options))


def fail(folder: Path, method: str, reason: str, log: str = "") -> None:
    """Add a run that crashed to the stored ones."""
    results = Store(folder.parent, folder.name)
    results.open()
    results.write_run(unfinished(method, reason=reason), [], log)
    results.close()


def _write(results: Store, method: Made, seed: int, examples: int) -> None:
    trained = method.parameters > 0
    costs = {
        "trainable_parameters": method.parameters,
        "total_parameters": max(BASE, BASE + (method.parameters if method.parameters < BASE else 0)),
        "train_seconds": method.seconds if trained else None,
        "generate_seconds": 4.0,
        "peak_rss_bytes": method.memory,
        "adapter_bytes": method.disk,
    }
    record = finished(method.name, seed, **{**costs, **method.changes})
    noise = Random(f"{method.name} {seed if trained else 0}")
    shift = noise.gauss(0, 0.005) if trained else 0.0
    results.write_run(record, [_answer(method, number, shift, noise) for number in range(examples)])


def _answer(method: Made, number: int, shift: float, noise: Random) -> Any:
    score = method.level + shift + Random(number).uniform(-0.1, 0.1) + noise.gauss(0, 0.02)
    return prediction(number, method.texts[number % len(method.texts)], min(max(score, 0.11), 1.0))
