"""Suite × methods × seeds → run specs; the requests to a session and to a process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import registry, task_files
from . import suite as suites
from .errors import SuiteError
from .record import RunSpec
from .registry import Plugin
from .suite import AUTO, ZERO_SHOT, ModelTable, SearchTable, Suite


@dataclass(frozen=True)
class Request:
    """What a session must do; ``runs`` contains the runs of all the suite's methods, including zero-shot.

    Results go to ``results``; if ``published`` is given, its baselines and searches are used as well. ``metrics`` are
    the project's own, by id.
    """

    suite: Suite
    plugins: Mapping[str, Plugin]
    runs: Sequence[RunSpec]
    results: Path
    published: Path | None = None
    device: str | None = None
    jobs: int | None = 1  # runs at a time; ``None``: as many as the machine allows
    cluster: str | None = None  # the address of a Ray cluster that executes the runs, or ``auto``
    resumes: bool = False  # reuse stored runs and searches instead of repeating them
    metrics: Mapping[str, Plugin] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder for the results of the suite."""
        return self.results / self.suite.name

    @property
    def methods(self) -> list[str]:
        """The methods that run, in order."""
        return list(dict.fromkeys(run.method for run in self.runs))

    @property
    def searched(self) -> list[str]:
        """The methods whose learning rate is searched first, in order."""
        return [method for method in self.methods if method != ZERO_SHOT] if self.suite.search.trials else []

    @property
    def parallel(self) -> bool:
        """Whether several runs may be executed at a time."""
        return self.jobs != 1 or self.cluster is not None

    @property
    def threads(self) -> int | None:
        """The threads of each run, so that its results do not depend on what runs beside it; ``None``: all cores."""
        return self.suite.run.cpus or (1 if self.jobs is None or self.cluster else None)

    @property
    def zero_shot(self) -> RunSpec:
        """The run with which every other run is compared."""
        return next(run for run in self.runs if run.method == ZERO_SHOT)


@dataclass(frozen=True)
class Order:
    """What one process must do: ``task`` is the folder of the prepared task, ``model`` the base model to load.

    With ``multiplier``, the run is a trial of a search: its learning rate is the method's own times ``multiplier``.
    With ``keep``, the trained model is left there, in a new folder, for use without Tuneoff.
    """

    spec: RunSpec
    plugin: Plugin
    model: ModelTable
    task: Path
    device: str | None
    threads: int
    search: SearchTable = field(default_factory=SearchTable)
    multiplier: float | None = None
    keep: Path | None = None
    origin: ModelTable | None = None  # what a kept model names as its base, if not ``model``
    metrics: tuple[Plugin, ...] = ()  # files of the project's own among those of the suite
    gpus: tuple[str, ...] | None = None  # the only ones that it sees, as ``CUDA_VISIBLE_DEVICES`` names them
    room: int | None = None  # bytes of main memory that it may use; unknown if ``None``, and 0 tries nothing out
    fitting: int | None = None  # rows that the model sees at once, if the suite says ``auto``; ``None``: whole batches

    @property
    def micro_batch_size(self) -> int | None:
        """The rows of a batch that the model sees at once; ``None`` for all of them."""
        asked = self.spec.micro_batch_size
        return self.fitting if asked == AUTO else asked

    @property
    def validation(self) -> Path:
        """The folder of the task on whose prompts trials are scored."""
        return self.task.with_name("validation")


def request(
    suite: Suite,
    plugins: Mapping[str, Plugin],
    results: Path,
    published: Path | None = None,
    *,
    device: str | None = None,
    jobs: int | None = 1,
    cluster: str | None = None,
    resumes: bool = False,
    metrics: Mapping[str, Plugin] | None = None,
) -> Request:
    """The request for a suite and its methods among these plugins; raises the errors of ``joined`` and ``runs``."""
    whole = joined(suite, plugins)
    return Request(
        suite=whole,
        plugins=plugins,
        runs=runs(whole, plugins),
        results=results,
        published=published,
        device=device,
        jobs=jobs,
        cluster=cluster,
        resumes=resumes,
        metrics=metrics or {},
    )


def joined(suite: Suite, plugins: Mapping[str, Plugin]) -> Suite:
    """The suite; if it has ``new_methods``, with all methods added that no built-in suite names.

    Raises ``SuiteError`` for a ``[methods.<id>]`` table whose method is not among these methods either.
    """
    if not suite.run.new_methods:
        return suite
    methods = [*suite.run.methods, *sorted(set(plugins) - suites.named() - set(suite.run.methods))]
    whole = suite.model_copy(update={"run": suite.run.model_copy(update={"methods": tuple(methods)})})
    if problem := whole.override_problem():
        raise SuiteError(f"suite {suite.name}: {problem}")
    return whole


def known(suite: Suite, plugins: Mapping[str, Plugin]) -> Suite:
    """The suite without methods that no plugin defines."""
    methods = tuple(method for method in suite.run.methods if method in plugins)
    return suite.model_copy(update={"run": suite.run.model_copy(update={"methods": methods})})


def runs(suite: Suite, plugins: Mapping[str, Plugin]) -> list[RunSpec]:
    """One spec for each method and seed, in the suite's order; zero-shot comes first if the suite does not name it.

    Raises ``PluginError`` for a method that does not exist.
    """
    named = suite.run.methods
    task_source = task_files.source_hash(suite.task)
    sources = {
        method: registry.find(plugins, method).source_hash
        for method in (named if ZERO_SHOT in named else (ZERO_SHOT, *named))
    }
    return [
        RunSpec(
            suite=suite.name,
            method=method,
            seed=seed,
            task=suite.task,
            model=suite.model,
            budget=suite.budget,
            evaluation=suite.evaluation,
            batch_size=suite.run.batch_size,
            micro_batch_size=suite.run.micro_batch_size,
            gradient_checkpointing=suite.run.gradient_checkpointing,
            precision=suite.run.precision,
            overrides=suite.methods.get(method, {}),
            source=source,
            task_source=task_source,
        )
        for method, source in sources.items()
        for seed in suite.run.seeds
    ]
