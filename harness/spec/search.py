"""A search for a method's learning rate: the same few multiples of its default for every method."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from .block import Block
from .hashing import digest_json
from .metric import Metric
from .preflight import Preflight
from .record import SCHEMA, Environment, Record, RunSpec, Status
from .suite import JUDGED_BY, SearchTable

LEARNING_RATE = "learning_rate"
LEVEL = 0.05  # a rate that is better than the method's own at this level takes its place
CHOICE = "paired"  # how the rate is chosen; part of the hash
TRANSIENT_STATUSES = (Status.CRASHED, Status.TIMED_OUT, Status.OUT_OF_MEMORY)  # another program may have caused these


class Trial(Block):
    """One run of a search; ``score`` is its mean on validation rows, if it got that far."""

    multiplier: float
    learning_rate: float | None = None  # unknown if the run was killed or did not load its method
    status: Status
    score: float | None = None
    seconds: float | None = None
    reason: str = ""
    p_value: float | None = None  # of the claim that this rate is better than the method's own; corrected (Holm)


class Search(Block):
    """A finished search as stored; ``learning_rate`` is the chosen one, or ``None`` if no trial was ``ok``."""

    schema_version: Literal[2] = Field(default=SCHEMA, alias="schema")
    spec: RunSpec  # of the trials, with the suite's own hyper-parameters
    metric: Metric  # of the trials' scores
    search: SearchTable
    hash: str
    learning_rate: float | None
    seconds: float  # of all trials together
    trials: tuple[Trial, ...]
    data_hash: str
    validation_hash: str | None
    model_revision: str
    environment: Environment
    contended: bool = False

    @property
    def sensitivity(self) -> float | None:
        """The difference between the best trial's score and the worst.

        A trial without a score counts as the worst value of the metric's range, or not at all if the range has none.
        """
        if self.learning_rate is None:
            return None
        scores = [self.metric.worst if trial.score is None else trial.score for trial in self.trials]
        known = [self.metric.sign * score for score in scores if score is not None]
        ok = [trial.score for trial in self.trials if trial.status == Status.OK and trial.score is not None]
        return self.metric.sign * self.metric.best(ok) - min(known) if ok else None

    @property
    def at_edge(self) -> bool:
        """Whether the chosen learning rate is the lowest or highest tried; a better one may then lie beyond it."""
        tried = sorted(self.trials, key=lambda trial: trial.multiplier)
        return len(tried) > 1 and self.learning_rate in (tried[0].learning_rate, tried[-1].learning_rate)

    @property
    def whole(self) -> bool:
        """Whether the search found a learning rate, and no trial ended for a reason that may not occur again."""
        return self.learning_rate is not None and not any(trial.status in TRANSIENT_STATUSES for trial in self.trials)

    @property
    def unsupported(self) -> str | None:
        """Why nothing was searched: the method does not train, or cannot attach to the base model. Else ``None``."""
        return next((trial.reason for trial in self.trials if trial.status == Status.UNSUPPORTED), None)

    def tuned(self, spec: RunSpec) -> RunSpec:
        """The run with the chosen learning rate, or unchanged if there is none."""
        if self.learning_rate is None:
            return spec
        return spec.model_copy(update={"overrides": {**spec.overrides, LEARNING_RATE: self.learning_rate}})

    def belongs(self, record: Record) -> bool:
        """Whether this search applies to that run: all equal except the seed, and the chosen learning rate was used."""
        made_from = record.provenance
        same = (self.data_hash, self.model_revision) == (made_from.data_hash, made_from.model_revision)
        if self.learning_rate is None:
            return same and _basis(self.spec) == _basis(record.spec)
        alike = _basis(self.spec, LEARNING_RATE) == _basis(record.spec, LEARNING_RATE)
        return same and alike and record.provenance.hyperparameters.get(LEARNING_RATE) == self.learning_rate

    def to_json(self) -> str:
        """Indented JSON with a stable key order, as stored."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"


def multipliers(table: SearchTable) -> list[float]:
    """The suite's multiples of a default learning rate, log-uniform over the spread, the same for every method.

    They follow Halton's sequence without its 0 and without scrambling: 1 comes first, so the default is always
    included, and more trials only add multiples.
    """
    from scipy.stats import qmc  # takes half a second to import, too long when runs are only listed

    sequence = qmc.Halton(d=1, scramble=False).fast_forward(1)
    return [float(table.spread ** (2 * point - 1)) for (point,) in sequence.random(table.trials)]


def trial(multiplier: float, record: Record, p_value: float | None = None) -> Trial:
    """The part of a trial's run that is stored."""
    return Trial(
        multiplier=multiplier,
        learning_rate=record.provenance.hyperparameters.get(LEARNING_RATE),
        status=record.status,
        score=record.score,
        seconds=record.cost.wall_seconds,
        reason=record.error.cause if record.error else "",
        p_value=p_value,
    )


def finished(
    spec: RunSpec, table: SearchTable, trials: Sequence[Trial], here: Preflight, *, contended: bool = False
) -> Search:
    """The finished search with these trials."""
    return Search(
        spec=spec,
        metric=here.metrics[0],
        search=table,
        hash=hash_of(spec, table, here),
        learning_rate=choose(trials, here.metrics[0]),
        seconds=sum(trial.seconds or 0.0 for trial in trials),
        trials=tuple(trials),
        contended=contended,
        data_hash=here.data_hash,
        validation_hash=here.validation_hash,
        model_revision=here.model_revision,
        environment=here.environment,
    )


def choose(trials: Iterable[Trial], metric: Metric) -> float | None:
    """The learning rate of the best ``ok`` trial among the method's own and those shown to be better than it.

    If the method's own rate is not ``ok``, the best of all ``ok`` trials; of equal ones, the nearest to its own.
    """
    ok = [trial for trial in trials if trial.status == Status.OK and trial.score is not None]
    if any(trial.multiplier == 1 for trial in ok):
        ok = [trial for trial in ok if trial.multiplier == 1 or _is_better(trial)]
    ranked = [
        (metric.sign * (trial.score or 0.0), -abs(math.log(trial.multiplier)), trial.learning_rate) for trial in ok
    ]
    return max(ranked, key=lambda each: each[:2])[2] if ranked else None


def _is_better(trial: Trial) -> bool:
    return trial.p_value is not None and trial.p_value <= LEVEL


def hash_of(spec: RunSpec, table: SearchTable, here: Preflight) -> str:
    """Twelve hex digits that change with everything that determines a search's result, except machine and libraries."""
    parts = {
        "spec": _basis(spec),
        "seed": spec.seed,
        "search": table.model_dump(mode="json"),
        "validation": here.validation_hash,
        "model": here.model_revision,
        "choice": CHOICE,
    }
    parts |= here.unusual  # older searches know only the usual options, and keep their hash
    return digest_json(parts)


def lines(searches: Iterable[Search]) -> list[str]:
    """The lines to paste into a suite file; for a table that already exists, what to add to it."""
    return [line for search in searches if search.learning_rate is not None for line in _lines(search)]


def _lines(search: Search) -> tuple[str, ...]:
    table, value = f"[methods.{search.spec.method}]", f"{LEARNING_RATE} = {search.learning_rate!r}"
    if search.spec.overrides:
        return (f"# add to the existing {table}: {value}",)
    return table, value


def _basis(spec: RunSpec, *without: str) -> Mapping[str, Any]:
    """What determines a run's training and answers apart from its seed, leaving out some hyper-parameters."""
    values = spec.model_dump(mode="json", exclude={"seed": True, "evaluation": JUDGED_BY, "task": {"test_rows"}})
    values["overrides"] = {name: value for name, value in values["overrides"].items() if name not in without}
    return values
