"""The metrics of each task; the first of them determines the ranking."""

from collections.abc import Mapping

from ..metrics.rouge.metric import RougeTypes
from ..metrics.scoring import Scorer
from ..spec import task_files
from ..spec.errors import SuiteError, unknown
from ..spec.suite import TaskTable

SCORERS: Mapping[str, Scorer] = {"rouge": RougeTypes()}


def scorer_of(table: TaskTable) -> Scorer:
    """The scorer of a task. Raises ``SuiteError`` if there is no such task, or no metric that it names."""
    names = task_files.completed(table).metrics or ()
    if not names:
        raise SuiteError(f"task.metrics: task {table.name!r} has none; known metrics: {', '.join(sorted(SCORERS))}")
    if strange := [name for name in names if name not in SCORERS]:
        raise SuiteError(f"task.metrics: {unknown('metric', strange[0], SCORERS)}")
    return SCORERS[names[0]]
