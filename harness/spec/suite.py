"""A suite: what is compared, on which data and model, and each method's budget. Read from a TOML file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticKnownError

from . import task_files
from .errors import SuiteError, unknown
from .paths import expanded
from .table import AUTO as AUTO
from .table import EMBEDDED as EMBEDDED
from .table import Natural as Natural
from .table import Positive, Size, content, explained
from .table import Table as Table
from .task_table import TaskTable as TaskTable

BUILT_IN = Path(__file__).parents[1] / "suites"
DEFAULT = "embedded"
LOCAL = "local"  # the folder in results/ for results that are not published
CHECKPOINT = "checkpoint"  # of a base model, whose generation settings the suite may use
ZERO_SHOT = "zero_shot"  # the method that every other row is compared with
JUDGED_BY = {"samples", "sample_rows", "floor", "margin"}  # keys of [evaluation] that affect no score

Keep = Literal["none", "best", "all"]
Precision = Literal["float32", "bf16"]
Seconds = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticKnownError("extra_forbidden")
    return value


Option = Annotated[str, BeforeValidator(_text)]  # of a metric; a key of another type is none


class ModelTable(Table):
    """``[model]``: the base model; ``embedded``, a hub id or a folder."""

    name: str = EMBEDDED
    revision: str | None = None
    family: Literal["auto", "seq2seq", "causal"] = Field(default=AUTO, exclude_if=lambda family: family == AUTO)
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", exclude_if=lambda dtype: dtype == "float32")
    quantization: Literal["nf4"] | None = Field(default=None, exclude_if=lambda kind: kind is None)  # of a frozen base

    @property
    def frozen(self) -> bool:
        """Whether the base model stays as it is, because its weights are not plain float32."""
        return self.precision != "float32"

    @property
    def precision(self) -> str:
        """The quantization, if there is one, and the dtype: ``float32``, ``bfloat16``, ``nf4+float32``."""
        return "+".join(filter(None, (self.quantization, self.dtype)))


class Budget(Table):
    """``[budget]``: what training may spend; the first limit reached ends it."""

    max_examples: Positive | None = None
    max_steps: Positive | None = None
    max_tokens: Positive | None = None
    max_seconds: Seconds | None = None
    hard_seconds: Seconds = 3600.0

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if not self.limits():
            raise ValueError("needs at least one of max_examples, max_steps, max_tokens, max_seconds")
        if self.max_seconds is not None and self.max_seconds >= self.hard_seconds:
            raise ValueError("hard_seconds, the wall limit of a whole run, must be above max_seconds")
        return self

    def limits(self) -> dict[str, float]:
        """The limits that are set, by unit: ``examples``, ``steps``, ``tokens``, ``seconds``."""
        units = ("examples", "steps", "tokens", "seconds")
        return {unit: limit for unit in units if (limit := getattr(self, f"max_{unit}")) is not None}


class Evaluation(Table):
    """``[evaluation]``: how test prompts are answered, and by how much a trained method must beat zero-shot.

    Other keys with a text are options of metrics, which alone know them: ``tasks.scored_by`` checks these.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Option]

    max_new_tokens: Positive = 64
    num_beams: Positive = 1
    generation: Literal["suite", "checkpoint"] = Field(
        default="suite", exclude_if=lambda value: value == "suite"
    )  # ``checkpoint``: use the base model's own generation settings as well as these keys
    samples: Natural = 3  # show this many test items, the first ones
    sample_rows: tuple[Natural, ...] = ()  # test rows, from 0, that are also shown
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False)] = (
        1.0  # points by which every trained method must beat zero-shot in the ranking metric (``spec.metric.Metric``)
    )
    margin: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 0.5  # points that a method may lose

    @model_validator(mode="before")
    @classmethod
    def _leaves_open(cls, values: Any) -> Any:
        """An option that is ``auto`` is up to its metric, as without the key."""
        if not isinstance(values, Mapping):
            return values
        return {key: value for key, value in values.items() if key in cls.model_fields or value != AUTO}

    @property
    def metric_options(self) -> dict[str, str]:
        """The metric options that the suite sets."""
        return {**self.__pydantic_extra__}


class RunTable(Table):
    """``[run]``: which methods, with which seeds, and the batch size that all of them train with."""

    methods: tuple[str, ...] = Field(min_length=1)
    new_methods: bool = False  # also run the methods that no built-in suite names
    seeds: tuple[Natural, ...] = Field(default=(0, 1, 2), min_length=1)
    batch_size: Positive = 16
    # Rows that the model processes at once, to save memory; ``auto``: as many as fit.
    micro_batch_size: Size | None = None
    gradient_checkpointing: bool = False  # compute activations twice, to save memory
    precision: Precision = "float32"  # of the arithmetic of training; what is trained is float32 in either
    keep: Keep = "none"  # which trained models to keep: those of all ``ok`` runs, or the best one's
    cpus: Positive | None = None  # threads of a run; ``None``: all, or 1 if runs share what there is
    gpus: Natural | None = None  # GPUs that a run sees; ``None``: one, if there is one; 0: runs use the CPU

    @field_validator("methods", "seeds")
    @classmethod
    def _no_repeats(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("has duplicates")
        return values


class SearchTable(Table):
    """``[search]``: the same few multiples of the learning rate for every method that trains, on validation rows."""

    trials: Natural = 0  # number of learning rates to try per method; 0: no search
    spread: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 10.0  # a method's default ÷ spread to default × spread
    rows: Positive | None = None  # use this many validation rows, the first ones; ``None``: all


class Suite(Table):
    """A whole suite; ``name`` is the name of its file and of its results folder."""

    name: str
    task: TaskTable
    model: ModelTable = ModelTable()
    budget: Budget
    evaluation: Evaluation = Evaluation()
    search: SearchTable = SearchTable()
    run: RunTable
    methods: Mapping[str, Mapping[str, Any]] = {}

    @model_validator(mode="after")
    def _overrides_belong_to_methods(self) -> Self:
        if not self.run.new_methods and (problem := self.override_problem()):
            raise ValueError(problem)
        return self

    def override_problem(self) -> str | None:
        """The problem with a ``[methods.<id>]`` table whose method does not run, if there is one."""
        unused = set(self.methods) - set(self.run.methods)
        if not unused:
            return None
        known = ", ".join(self.run.methods)
        return f"[methods.{min(unused)}] is for a method that does not run; run.methods has {known}"


def built_in() -> list[str]:
    """The names of the suites that come with Tuneoff."""
    return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def named() -> set[str]:
    """The methods that built-in suites name; any other is a user's own."""
    return {method for name in built_in() for method in load(name).run.methods}


def load(
    name_or_file: str, overrides: Mapping[str, Mapping[str, Any]] | None = None, task_folders: Iterable[Path] = ()
) -> Suite:
    """The suite with that name or in that file, with ``overrides[table][key]`` in place of whole keys.

    A task that is a file of its own, perhaps in ``task_folders``, is taken into the suite. Raises ``SuiteError``, which
    names the file, the key and what was expected there, and ``PluginError`` for a task in Python.
    """
    path = locate(name_or_file)
    tables = content(path)
    for table, values in (overrides or {}).items():
        if isinstance(tables.setdefault(table, {}), dict):
            tables[table].update(values)
    if "name" in tables:
        raise SuiteError(f"{path}: name: a suite is named after its file; leave out this key")
    if isinstance(task := tables.get("task"), dict):
        tables["task"] = task_files.joined(task, task_folders)
    try:
        suite = Suite.model_validate({"name": path.stem, **tables})
    except ValidationError as error:
        raise SuiteError(explained(path, error, Suite)) from error
    try:
        task_files.completed(suite.task)
    except SuiteError as error:
        raise SuiteError(f"{path}: {error}") from error
    return suite


def locate(name_or_file: str) -> Path:
    """The file of that suite. Raises ``SuiteError``, which lists the built-in suites, if there is none."""
    if name_or_file in built_in():
        return BUILT_IN / f"{name_or_file}.toml"
    path = expanded(name_or_file)
    if path.is_file():
        return path
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise SuiteError(f"{path}: no such suite file")
    raise SuiteError(f"{unknown('suite', name_or_file, built_in())}; a path to a .toml file works as well")
