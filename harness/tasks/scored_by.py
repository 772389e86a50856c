"""The metrics of a task: those that the suite or the task's file names, or else those of the built-in task."""

from collections.abc import Collection, Mapping

from ..metrics import built_in, several
from ..metrics.scoring import Scorer
from ..metrics.several import Scoring
from ..spec import task_files
from ..spec.errors import SuiteError
from ..spec.suite import TaskTable


def names(table: TaskTable) -> tuple[str, ...]:
    """The names of the task's metrics. Raises ``SuiteError`` if there is no such task, or if it has no metrics."""
    found = task_files.completed(table).metrics
    if not found:
        known = ", ".join(sorted(built_in.SCORERS))
        raise SuiteError(f"task.metrics: task {table.name!r} has none; name at least one of {known}")
    return found


def scoring_of(table: TaskTable, own: Mapping[str, Scorer] | None = None) -> Scoring:
    """The task's metrics, among the built-in ones and a project's ``own``, by name.

    Raises ``SuiteError`` for a task or a metric that does not exist.
    """
    return several.chosen(names(table), {**built_in.SCORERS, **(own or {})})


def check(table: TaskTable, own: Collection[str] = ()) -> None:
    """Raise ``SuiteError`` for a task or a metric that does not exist; ``own`` are the names of a project's metrics."""
    several.chosen([name for name in names(table) if name not in own], built_in.SCORERS)
