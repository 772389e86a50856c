"""The metrics of a task: those that the suite names, or else the usual ones of a built-in task."""

from collections.abc import Collection, Mapping

from ..metrics import built_in, several
from ..metrics.scoring import Scorer
from ..metrics.several import Scoring
from ..spec.errors import SuiteError, unknown
from ..spec.suite import TaskTable

USUAL: Mapping[str, tuple[str, ...]] = {"dialogsum": ("rouge",)}  # by built-in task; the first determines the ranking


def names(table: TaskTable) -> tuple[str, ...]:
    """The names of the task's metrics. Raises ``SuiteError`` if there is no such task."""
    if table.name not in USUAL:
        raise SuiteError(f"task.name: {unknown('task', table.name, USUAL)}")
    return table.metrics or USUAL[table.name]


def scoring_of(table: TaskTable, own: Mapping[str, Scorer] | None = None) -> Scoring:
    """The task's metrics, among the built-in ones and a project's ``own``, by name.

    Raises ``SuiteError`` for a task or a metric that does not exist.
    """
    return several.chosen(names(table), {**built_in.SCORERS, **(own or {})})


def check(table: TaskTable, own: Collection[str] = ()) -> None:
    """Raise ``SuiteError`` for a task or a metric that does not exist; ``own`` are the names of a project's metrics."""
    several.chosen([name for name in names(table) if name not in own], built_in.SCORERS)
