"""Runs with their scores, and what all runs of one method say together."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spec.record import Record, Status


@dataclass(frozen=True)
class Entry:
    """A run with its scores by metric, one value per test row; empty if the run has no scores."""

    record: Record
    scores: Mapping[str, NDArray[np.float64]]
    earlier: bool = False  # whether an earlier session did this run


def by_method(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The runs of each method, in order."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.record.spec.method, []).append(entry)
    return groups


def machine(entry: Entry) -> str | None:
    """The kind of machine on which the run was executed, if the record says so."""
    environment = entry.record.environment
    return environment.device_name if environment else None


def usual_machine(entries: Iterable[Entry]) -> str | None:
    """The kind of machine on which most runs were executed; of equally many, the first by name."""
    counts = Counter(sorted(filter(None, map(machine, entries))))
    return max(counts, key=lambda name: counts[name], default=None)


def incomplete(group: Sequence[Entry]) -> str | None:
    """Why the method has no scores; ``None`` if it has them."""
    failed = next((entry.record for entry in group if not complete(entry)), None)
    if failed and failed.status == Status.OK:
        return f"the scores of seed {failed.spec.seed} are missing or not numbers; run the method again"
    if failed:
        return failed.error.cause if failed.error else "unknown cause"
    counts = {entry.record.spec.seed: len(entry.scores[entry.record.metrics[0].id]) for entry in group}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count:,} for seed {seed}" for seed, count in counts.items())
        return f"its seeds were scored on different numbers of test examples ({listed}); run the method again"
    return None


def complete(entry: Entry) -> bool:
    """Whether the run is ``ok`` and all its scores are numbers."""
    values = [entry.scores.get(metric.id) for metric in entry.record.metrics]
    numbers = all(each is not None and math.isfinite(each.sum()) for each in values)
    return entry.record.status == Status.OK and bool(values) and numbers


def bound(group: Sequence[Entry]) -> bool:
    """Whether the method saw the references."""
    return any(entry.record.provenance.bound for entry in group)


def trains(group: Sequence[Entry]) -> bool:
    """Whether chance in training may play a part; assumed of a run whose parameters were not counted."""
    return any(entry.record.cost.trainable_parameters != 0 for entry in group)


def seeds_of(group: Sequence[Entry]) -> tuple[int, ...]:
    """The seeds of the runs, in order."""
    return tuple(entry.record.spec.seed for entry in group)
