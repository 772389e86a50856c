"""What is stored about a run: the request, the results, the cost and the environment."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import Field

from .block import Block
from .checkpoint import Checkpoint
from .hashing import digest, digest_json
from .history import History
from .lengths import Answers as Answers
from .lengths import Lengths as Lengths
from .metric import Metric
from .prompt_format import PromptFormat
from .suite import Budget, Evaluation, ModelTable, Precision, TaskTable
from .task_table import DEFINING

SCHEMA: Final = 2  # harness/store/schema1.py converts records of schema 1


class Status(StrEnum):
    """How a run ended. Only ``ok`` is ranked; every other status is shown with its reason."""

    OK = "ok"
    OVER_BUDGET = "over_budget"
    NO_OP = "no_op"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class RunSpec(Block):
    """Everything that determines what one run computes."""

    suite: str
    method: str
    seed: int
    task: TaskTable
    model: ModelTable
    budget: Budget
    evaluation: Evaluation
    batch_size: int
    micro_batch_size: int | Literal["auto"] | None = None
    gradient_checkpointing: bool = False
    precision: Precision = Field(default="float32", exclude_if=lambda name: name == "float32")  # in training
    overrides: Mapping[str, Any] = {}  # hyper-parameters that the suite sets for this method
    source: str = ""  # hash of the method's file
    task_source: str = Field(default="", exclude_if=lambda found: not found)  # hash of the task's file in Python

    @property
    def name(self) -> str:
        """``lora-seed0``, as in pytest's item ``…[lora-seed0]``."""
        return f"{self.method}-seed{self.seed}"

    @property
    def hash(self) -> str:
        """Twelve hex digits that change whenever anything in the spec does."""
        return digest_json(self.model_dump(mode="json"))

    @property
    def question(self) -> str:
        """The name of a built-in task, or a hash of all that the suite or a file says about what is asked."""
        said = self.task.model_dump(mode="json", include={*DEFINING} - {"metrics"})
        if not said:
            return self.task.name
        name = "" if self.task_source else self.task.name  # a file's path differs between machines
        return digest_json([name, said, self.task_source])


class Phase(Block):
    """One phase of a run; a figure that the system does not report is ``None``."""

    seconds: float
    waited_seconds: float | None = None  # while a thread of the run was ready but other programs had the processor
    peak_rss_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    peak_gpu_reserved_bytes: int | None = None


class Cost(Block):
    """What a run cost. Parameters count elements; ``examples``, ``steps`` and ``tokens`` count training only."""

    trainable_parameters: int | None = None
    total_parameters: int | None = None
    dead_parameters: int | None = None  # trainable, but without a gradient throughout
    examples: int = 0
    steps: int = 0
    tokens: int = 0
    optimizer_steps: int = 0
    train_seconds: float | None = None
    generate_seconds: float | None = None
    peak_rss_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    phases: Mapping[str, Phase] = {}
    wall_seconds: float | None = None  # of the whole run in its process
    step_seconds_median: float | None = None  # after the first steps
    step_seconds_p90: float | None = None
    examples_per_second: float | None = None  # in training
    tokens_per_second: float | None = None
    generated_tokens_per_second: float | None = None  # of answers; ``None`` if they were chosen among labels
    adapter_bytes: int | None = None
    optimizer_bytes: int | None = None
    trainable_dtype: str | None = None
    # Rows that the model saw at once, if the suite left that to what fits.
    micro_batch_size: int | None = Field(default=None, exclude_if=lambda rows: rows is None)
    # What ``peak_gpu_bytes`` or, without a GPU, ``peak_rss_bytes`` was predicted to be, if it was.
    predicted_peak_bytes: int | None = Field(default=None, exclude_if=lambda found: found is None)
    contended: bool = False  # other runs or programs shared its device or processors, so its times are unreliable


class Environment(Block):
    """The machine and libraries that a run used."""

    device: str
    device_name: str
    threads: int
    dtype: str = "float32"  # of the arithmetic of training: bfloat16 under autocast
    attention: str | None = None  # transformers' name for the implementation
    python: str
    platform: str
    packages: Mapping[str, str]
    git: str | None = None

    @property
    def releases(self) -> dict[str, str]:
        """The versions of the packages without their build tags, since ``device`` says what they run on."""
        return {name: release(version) for name, version in self.packages.items()}

    @property
    def hash(self) -> str:
        """Twelve hex digits; equal if two runs can be expected to give the same predictions.

        The attention is excluded, because it follows from the base model, transformers and Tuneoff.
        """
        parts = {**self.model_dump(mode="json", exclude={"git", "attention"}), "packages": self.releases}
        return digest_json(parts)


class Failure(Block):
    """Why a run is not ``ok``; ``remedy`` says what to do about it."""

    type: str
    message: str
    remedy: str = ""
    traceback: str = ""

    @property
    def cause(self) -> str:
        """The message after its type, or alone if the type only repeats the run's status."""
        return self.message if self.type.lower() in list(Status) else f"{self.type}: {self.message}"


class Checks(Block):
    """What was verified about the run itself."""

    largest_change: float | None = None  # of a trainable tensor, relative to its norm
    same_as_zero_shot: bool | None = None
    reload_equal: bool | None = None
    frozen_unchanged: bool | None = None


class Generation(Block):
    """The base model's own generation settings, except token ids: those used for the answers, and those dropped."""

    used: Mapping[str, Any] = {}
    dropped: Mapping[str, Any] = {}


class Provenance(Block):
    """What the answers were made from, and when. A revision is the hub's commit, or a hash of local files."""

    hyperparameters: Mapping[str, Any] = {}  # the method's, as used in the run
    defaults: Mapping[str, Any] = Field(default={}, exclude_if=lambda found: not found)  # of those that were changed
    bound: bool = False  # it saw the references, so it is shown but never ranked
    data_hash: str | None = None  # of every row that was used for training or testing
    data_revision: str | None = None
    rows_skipped: int = 0  # bad rows of all splits, with task.skip_bad_rows
    model_revision: str | None = None
    generation: Generation | None = None  # unknown in records older than this field
    prompt_format: PromptFormat | None = Field(default=None, exclude_if=lambda value: value is None)
    date: str | None = None  # the day on which the run ended, in UTC; unknown in records older than this field


class Outputs(Block):
    """What a run produced: figures about its answers, a hash of its weights, and the model if it was to be kept.

    ``answers`` is there only if the task says which answers are valid.
    """

    lengths: Lengths = Lengths()
    weights_hash: str | None = None  # of the saved weights after training: the adapter, or the whole model
    checkpoint: Checkpoint | None = Field(default=None, exclude_if=lambda found: found is None)
    answers: Answers | None = Field(default=None, exclude_if=lambda found: found is None)


class Record(Block):
    """One stored run."""

    schema_version: Literal[2] = Field(default=SCHEMA, alias="schema")
    spec: RunSpec  # what was requested
    status: Status
    error: Failure | None = None  # why it is not ``ok``
    scores: Mapping[str, float] | None = None  # by metric id, the mean over examples in 0..1 or the metric's own unit
    best_scores: Mapping[str, float] | None = None  # the same, against the closest of an example's references
    metrics: tuple[Metric, ...] = ()  # of the scores; the first one determines the ranking
    predictions_hash: str | None = None  # of all texts, by ``hash_of``
    outputs: Outputs = Outputs()
    cost: Cost = Cost()
    checks: Checks = Checks()
    provenance: Provenance = Provenance()
    environment: Environment | None = None
    history: History = History()

    @property
    def score(self) -> float | None:
        """The value of the ranking metric, if the run got that far."""
        return self.scores[self.metrics[0].id] if self.scores and self.metrics else None

    def ended(self, status: Status, error: Failure | None) -> "Record":
        """The record with another status and error."""
        return self.model_copy(update={"status": status, "error": error})

    def keeping(self, checkpoint: Checkpoint | None) -> "Record":
        """The record with another checkpoint, or without one."""
        return self.model_copy(update={"outputs": self.outputs.model_copy(update={"checkpoint": checkpoint})})

    def to_json(self) -> str:
        """Indented JSON with a stable key order, as stored."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"


class Prediction(Block):
    """One test example: the generated text, and its scores against the references.

    ``rows`` are its row numbers in the test split; an example that is not ``scored`` is only shown. If there is an
    ``answer``, it is scored in place of the text: the part that counts, empty if there is none, or the label that the
    text stands for.
    """

    id: str
    rows: tuple[int, ...]
    scored: bool = True
    source: str  # the text that the prompt was made from
    references: tuple[str, ...]
    text: str
    answer: str | None = Field(default=None, exclude_if=lambda text: text is None)  # scored in place of the text
    scores: Mapping[str, float]  # by metric id, the mean over the references
    best: Mapping[str, float]  # against the closest reference


def release(version: str) -> str:
    """A version without its build tag: ``2.13.0`` for ``2.13.0+cpu``."""
    return version.partition("+")[0]


def hash_of(texts: Iterable[str]) -> str:
    """Twelve hex digits of a run's answers, as in ``predictions_hash``."""
    return digest("\0".join(texts).encode())


class RunOutcome(Block):
    """A run as its process returns it; it has ``predictions`` if it got as far as scoring."""

    record: Record
    predictions: tuple[Prediction, ...] = ()
    log: str = ""  # the end of what the run printed

    def contended(self) -> "RunOutcome":
        """The outcome of a run whose times are unreliable, because others shared its device."""
        return self._costing({"contended": True})

    def predicted(self, peak: int | None) -> "RunOutcome":
        """The outcome with what its peak was predicted to be, if it was."""
        return self._costing({"predicted_peak_bytes": peak})

    def _costing(self, changes: Mapping[str, Any]) -> "RunOutcome":
        record = self.record
        cost = record.cost.model_copy(update=changes)
        return self.model_copy(update={"record": record.model_copy(update={"cost": cost})})
