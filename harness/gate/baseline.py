"""The baseline of a suite for one fingerprint: the accepted results that later sessions are compared with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..spec.block import Block
from ..spec.hashing import digest_json, digest_of
from ..spec.metric import Metric, options_of
from ..spec.prompt_format import PromptFormat
from ..spec.record import Environment, Record, Status
from ..spec.suite import JUDGED_BY, Natural
from .counts import COUNTS

Scores = Mapping[str, NDArray[np.float64]]  # by metric, one value per test example

ACCEPTED_STATUSES = (Status.OK, Status.UNSUPPORTED)  # a failed run cannot be a baseline
FIRST_TASK = "dialogsum"  # of rows that were accepted before there were other tasks
MAX_REASON_CHARACTERS = 300
MEMORY_TOLERANCE = 0.10  # the share by which a peak may differ without counting as a change


class Fingerprint(Block):
    """The machine and libraries of runs, which must be equal for the same code to give the same predictions."""

    device: str
    device_name: str
    threads: int
    torch: str
    transformers: str
    peft: str
    dtype: str
    attention: str
    mixed: bool = Field(default=False, exclude_if=lambda mixed: not mixed)  # several kinds of devices, in any order

    @classmethod
    def of(cls, *environments: Environment) -> Self:
        """The fingerprint of runs in these environments; what differs between them is named together."""
        each = [cls._of(environment) for environment in environments]
        texts = [name for name, field in cls.model_fields.items() if field.annotation is str]
        together = {name: " + ".join(sorted({getattr(one, name) for one in each})) for name in texts}
        return each[0].model_copy(update={**together, "mixed": len({one.device_name for one in each}) > 1})

    @classmethod
    def of_session(cls, ran: Sequence[Environment], possible: Sequence[Environment]) -> Self:
        """The fingerprint of runs in these environments, and on any device on which runs of the session may be.

        So it does not depend on where they happened to be.
        """
        known = ran or possible[:1]
        devices = [each.model_dump(include={"device", "device_name"}) for each in possible]
        return cls.of(*known, *(known[0].model_copy(update=each) for each in devices))

    @classmethod
    def _of(cls, environment: Environment) -> Self:
        names = ("torch", "transformers", "peft")
        packages = {name: environment.releases.get(name, "unknown") for name in names}
        machine = environment.model_dump(include={"device", "device_name", "threads", "dtype"})
        return cls(**machine, **packages, attention=environment.attention or "unknown")

    @property
    def hash(self) -> str:
        """Twelve hex digits that name the baseline's files."""
        return digest_json(self.model_dump(mode="json"))


class Key(Block):
    """What must be equal for two results of a method to be comparable.

    Hyper-parameters are not part of the key, because a change of the code may alter them.
    """

    method: str
    data_hash: str | None
    model: str
    model_revision: str | None
    precision: str = Field(default="float32", exclude_if=lambda value: value == "float32")  # of the base model
    arithmetic: str = Field(default="float32", exclude_if=lambda value: value == "float32")  # of training
    budget: Mapping[str, Any]  # the limits that are set
    evaluation: Mapping[str, Any]  # how prompts are answered
    metrics: tuple[str, ...]  # metric ids; the first one determines the ranking
    metric_options: Mapping[str, str] = {}  # how the metrics read the answers
    prompt_format: PromptFormat | None = Field(default=None, exclude_if=lambda value: value is None)
    task: str = Field(default=FIRST_TASK, exclude_if=lambda task: task == FIRST_TASK)  # ``RunSpec.question``


class Counts(Block):
    """Counts that are exactly the same on any machine."""

    trainable_parameters: Natural | None = None
    total_parameters: Natural | None = None
    examples: Natural = 0
    steps: Natural = 0
    tokens: Natural = 0


class BaselineRun(Block):
    """One seed of a row; ``scores`` are means, and ``per_example`` is the hash of the scores of single examples."""

    status: Status
    reason: str = ""
    predictions_hash: str | None = None
    weights_hash: str | None = None
    counts: Counts = Counts()
    scores: Mapping[str, float] = {}
    per_example: str | None = None
    peak_rss_bytes: Natural | None = None
    peak_gpu_bytes: Natural | None = None


class BaselineRow(Block):
    """One method: what makes it comparable, what it was trained with, and its runs by seed."""

    key: Key
    metrics: tuple[Metric, ...]  # the metrics of the scores; the first one determines the ranking
    hyperparameters: Mapping[str, Any] = {}
    source: str = ""  # hash of the method's file
    runs: Mapping[int, BaselineRun] = Field(min_length=1)

    @property
    def means(self) -> dict[str, float]:
        """Mean scores over the seeds that have them."""
        columns = {
            metric.id: [run.scores[metric.id] for run in self.runs.values() if run.scores] for metric in self.metrics
        }
        return {name: float(np.mean(values)) for name, values in columns.items() if values}

    def peak(self, name: str, seeds: Iterable[int]) -> int | None:
        """The highest memory peak of these seeds; ``None`` if none was measured."""
        peaks = (getattr(self.runs[seed], name) for seed in seeds)
        return max((peak for peak in peaks if peak is not None), default=None)


@dataclass(frozen=True)
class Measured:
    """A row with its scores by seed, from the baseline or from the session that is compared with it."""

    row: BaselineRow
    scores: Mapping[int, Scores]


@dataclass(frozen=True)
class Baseline:
    """The accepted rows of one suite for one fingerprint, by method id."""

    suite: str
    fingerprint: Fingerprint
    rows: Mapping[str, Measured]


def measured(runs: Iterable[tuple[Record, Scores]]) -> Measured:
    """The row of one method, made from its runs, one per seed, whatever their status."""
    pairs = sorted(runs, key=lambda pair: pair[0].spec.seed)
    first = next((record for record, _ in pairs if record.status == Status.OK), pairs[0][0])
    scores = {
        record.spec.seed: {metric.id: values[metric.id] for metric in first.metrics if metric.id in values}
        for record, values in pairs
    }
    row = BaselineRow(
        key=_key(first),
        metrics=first.metrics,
        hyperparameters=_settings(first),
        source=first.spec.source,
        runs={record.spec.seed: _run(record, first.metrics, scores[record.spec.seed]) for record, _ in pairs},
    )
    return Measured(row, scores)


def unfit(one: Measured) -> str | None:
    """Why a row can be neither accepted nor compared; ``None`` if it can."""
    for seed, run in one.row.runs.items():
        if run.status not in ACCEPTED_STATUSES:
            return f"the status of seed {seed} is {run.status}{': ' if run.reason else ''}{run.reason}"
        if run.status == Status.UNSUPPORTED and run.predictions_hash:
            return f"seed {seed} is marked unsupported, but has predictions"
        if run.status == Status.OK and (reason := _flaw(run, one.row.metrics, one.scores.get(seed, {}))):
            return f"seed {seed}: {reason}"
    if len({values.size for scores in one.scores.values() for values in scores.values()}) > 1:
        return "its runs have different numbers of examples"
    return None


def hash_of(scores: Scores) -> str:
    """The hash of a run's exact scores, in twelve hex digits."""
    return digest_of(name.encode() + scores[name].tobytes() for name in sorted(scores))


def _key(record: Record) -> Key:
    spec, name = record.spec, PurePath(record.spec.model.name)
    return Key(
        method=spec.method,
        data_hash=record.provenance.data_hash,
        model=name.name if name.is_absolute() else spec.model.name,  # a folder's path differs between machines
        model_revision=record.provenance.model_revision,
        precision=spec.model.precision,
        arithmetic=spec.precision,
        budget=spec.budget.model_dump(mode="json", exclude_none=True, exclude={"hard_seconds"}),
        evaluation=spec.evaluation.model_dump(mode="json", exclude={*JUDGED_BY, *spec.evaluation.metric_options}),
        metrics=tuple(metric.id for metric in record.metrics),
        metric_options=options_of(record.metrics),
        prompt_format=record.provenance.prompt_format,
        task=spec.question,
    )


def _settings(record: Record) -> dict[str, Any]:
    """The method's hyper-parameters, and the settings that the suite gives all methods."""
    shared = record.spec.model_dump(include={"batch_size", "micro_batch_size", "gradient_checkpointing"})
    lengths = record.spec.task.model_dump(include={"max_source_tokens", "max_target_tokens"})
    own = record.provenance.model_dump(mode="json")[
        "hyperparameters"
    ]  # as they come back from a file: tuples are lists there
    return {**shared, **lengths, **own}


def _run(record: Record, metrics: Iterable[Metric], scores: Scores) -> BaselineRun:
    means = record.scores or {}
    return BaselineRun(
        status=record.status,
        reason=_line(record.error.message) if record.error else "",
        predictions_hash=record.predictions_hash,
        weights_hash=record.outputs.weights_hash,
        counts=Counts(**record.cost.model_dump(include=set(COUNTS))),
        scores={metric.id: means[metric.id] for metric in metrics if metric.id in means},
        per_example=hash_of(scores) if scores else None,
        peak_rss_bytes=record.cost.peak_rss_bytes,
        peak_gpu_bytes=record.cost.peak_gpu_bytes,
    )


def _line(message: str) -> str:
    """A plugin's message on one line of limited length."""
    line = " ".join(message.split())
    return line if len(line) <= MAX_REASON_CHARACTERS else f"{line[:MAX_REASON_CHARACTERS]} …"


def _flaw(run: BaselineRun, metrics: Sequence[Metric], scores: Scores) -> str | None:
    """Why the scores of a finished run cannot be used; ``None`` if they can."""
    for metric in metrics:
        values, mean = scores.get(metric.id), run.scores.get(metric.id)
        if values is None or not values.size or mean is None:
            return f"its {metric.id} scores are missing"
        wrong = [] if metric.within(mean) else [mean]
        wrong += [value for value in values if not metric.takes(value)]
        if wrong:
            return f"{metric.id} is {wrong[0]:g}, which is not in the range of {metric.bounds}"
    return None if metrics else "its record names no metrics"
