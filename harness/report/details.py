"""What the report says about the runs behind the leaderboard: settings, searches, phases, failures, the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..ranking.leaderboard import Row
from ..spec.record import Record, Status
from ..spec.search import Search
from ..store.results import Store
from .contents import NOT_RANKED, number
from .examples import clean

LOG_LINES = 30  # of the end of a log
SEARCH_DIGITS = 2
PHASES = ("load", "prepare", "build", "check", "train", "generate", "score", "save", "keep")


@dataclass(frozen=True)
class ChangedValue:
    """A hyper-parameter that is not the method's own; ``default`` is ``None`` if the record does not know it."""

    name: str
    value: str
    default: str | None


@dataclass(frozen=True)
class Trouble:
    """A run that ended without a result: why, what to do, and the end of what it printed."""

    name: str
    status: str
    cause: str
    remedy: str
    traceback: str
    log: str


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The records of each method, in the order of their seeds."""
    found: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: each.spec.seed):
        found.setdefault(record.spec.method, []).append(record)
    return found


def changed(records: Sequence[Record]) -> list[ChangedValue]:
    """The hyper-parameters of a method that the suite or a search sets."""
    first = records[0]
    own = first.provenance.defaults
    names = dict.fromkeys([*own, *first.spec.overrides])
    used = {**first.spec.overrides, **first.provenance.hyperparameters}
    return [
        ChangedValue(name, shown(used[name]), shown(own[name]) if name in own else None)
        for name in names
        if name in used and (name in own or not own)
    ]


def settings(records: Sequence[Record]) -> dict[str, str]:
    """All hyper-parameters of a method, as used."""
    return {name: shown(value) for name, value in sorted(records[0].provenance.hyperparameters.items())}


def shown(value: Any) -> str:
    """A hyper-parameter's value for people."""
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else clean(str(value))


def phases(records: Sequence[Record]) -> dict[str, float]:
    """The mean seconds of each phase over the runs that had it, in the order in which phases happen."""
    found = dict.fromkeys(name for record in records for name in record.cost.phases)
    names = sorted(found, key=lambda name: PHASES.index(name) if name in PHASES else len(PHASES))
    return {
        name: fmean(record.cost.phases[name].seconds for record in records if name in record.cost.phases)
        for name in names
    }


@dataclass(frozen=True)
class Peak:
    """The highest memory of a method's runs in bytes, as predicted before them and as measured."""

    predicted: float
    measured: float | None

    @property
    def error(self) -> float | None:
        """The share of what was measured by which the prediction was too high."""
        return self.predicted / self.measured - 1 if self.measured else None


def peaks(records: Sequence[Record]) -> dict[str, Peak]:
    """The mean peaks of each method for which one was predicted."""
    found = {}
    for method, runs in by_method(records).items():
        predicted = [cost.predicted_peak_bytes for run in runs if (cost := run.cost).predicted_peak_bytes is not None]
        measured = [peak for run in runs if (peak := run.cost.peak_gpu_bytes or run.cost.peak_rss_bytes) is not None]
        if predicted:
            found[method] = Peak(fmean(predicted), fmean(measured) if measured else None)
    return found


def troubles(store: Store, records: Sequence[Record]) -> list[Trouble]:
    """The runs that are not ``ok``; one for all seeds of a method that ended in the same way."""
    found: dict[tuple[str, str, str], tuple[Record, list[int]]] = {}
    for record in records:
        if record.status != Status.OK:
            cause = record.error.cause if record.error else "unknown cause"
            key = record.spec.method, str(record.status), cause
            found.setdefault(key, (record, []))[1].append(record.spec.seed)
    return [_trouble(store, *each) for each in found.values()]


def unranked(rows: Sequence[Row]) -> list[Trouble]:
    """The methods that have no rank, although all their runs are ``ok``."""
    return [
        Trouble(row.method, NOT_RANKED, clean(row.reason), remedy="", traceback="", log="")
        for row in rows
        if row.rank is None and row.status == Status.OK and row.reason
    ]


def searches(found: Mapping[str, Search]) -> dict[str, Any]:
    """The JSON of the searches: by method, the trials by rising learning rate."""
    return {method: _search(search) for method, search in found.items()}


def failed_checks(records: Sequence[Record]) -> list[str]:
    """What was found wrong with the runs themselves, one phrase each."""
    complaints = {
        "reload_equal": "a model that was loaded again gave other answers",
        "frozen_unchanged": "a weight that was to be frozen changed",
    }
    return [
        f"{complaint}: {', '.join(names)}"
        for name, complaint in complaints.items()
        if (names := [record.spec.name for record in records if getattr(record.checks, name) is False])
    ]


def _trouble(store: Store, record: Record, seeds: Sequence[int]) -> Trouble:
    error, log = record.error, store.read_log(record.spec)
    return Trouble(
        name=f"{record.spec.method}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        status=str(record.status),
        cause=clean(error.cause) if error else "unknown cause",
        remedy=clean(error.remedy) if error else "",
        traceback=clean(error.traceback) if error else "",
        log=clean("\n".join(log.splitlines()[-LOG_LINES:])),
    )


def _search(search: Search) -> dict[str, Any]:
    trials = sorted(search.trials, key=lambda trial: trial.multiplier)
    metric = search.metric
    return {
        "metric": metric.title,
        "chosen": search.learning_rate,
        "edge": search.at_edge,
        "own": next((trial.learning_rate for trial in trials if trial.multiplier == 1.0), None),
        "trials": [
            {
                "rate": trial.learning_rate,
                "score": None if trial.score is None else number(metric.in_unit(trial.score), SEARCH_DIGITS),
                "status": str(trial.status),
                "p": trial.p_value,
            }
            for trial in trials
        ],
    }
