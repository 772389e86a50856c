"""Suite × methods × seeds → run specs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import registry
from . import suite as suites
from .errors import SuiteError
from .record import RunSpec
from .registry import Plugin
from .suite import ZERO_SHOT, ModelTable, SearchTable, Suite


@dataclass(frozen=True)
class Order:
    """What one process must do: ``task`` is the folder of the prepared task, ``model`` the base model to load.

    With ``multiplier``, the run is a trial of a search: its learning rate is the method's own, multiplied by it.
    """

    spec: RunSpec
    plugin: Plugin
    model: ModelTable
    task: Path
    device: str | None
    threads: int
    search: SearchTable = field(default_factory=SearchTable)
    multiplier: float | None = None

    @property
    def validation(self) -> Path:
        """The folder of the task that trials answer."""
        return self.task.with_name("validation")


def joined(suite: Suite, plugins: Mapping[str, Plugin]) -> Suite:
    """The suite, with the methods that no built-in suite names added if it has ``new_methods``.

    Raises ``SuiteError`` for a ``[methods.<id>]`` table whose method still does not run.
    """
    if not suite.run.new_methods:
        return suite
    methods = [*suite.run.methods, *sorted(set(plugins) - suites.named() - set(suite.run.methods))]
    whole = suite.model_copy(update={"run": suite.run.model_copy(update={"methods": tuple(methods)})})
    if stranger := whole.stranger():
        raise SuiteError(f"suite {suite.name}: {stranger}")
    return whole


def runs(suite: Suite, plugins: Mapping[str, Plugin]) -> list[RunSpec]:
    """One spec for each method and seed, in the suite's order; zero-shot comes first if the suite does not name it.

    Raises ``PluginError`` for a method that does not exist.
    """
    named = suite.run.methods
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
            overrides=suite.methods.get(method, {}),
            source=registry.find(plugins, method).source_hash,
        )
        for method in (named if ZERO_SHOT in named else (ZERO_SHOT, *named))
        for seed in suite.run.seeds
    ]
