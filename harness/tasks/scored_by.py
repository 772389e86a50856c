"""The metrics of each built-in task; the first of them determines the ranking."""

from collections.abc import Mapping

from ..metrics.rouge.metric import RougeTypes
from ..metrics.scoring import Scorer
from ..spec.errors import SuiteError, unknown
from ..spec.suite import TaskTable

SCORERS: Mapping[str, Scorer] = {"dialogsum": RougeTypes()}


def scorer_of(table: TaskTable) -> Scorer:
    """The scorer of the task of that name. Raises ``SuiteError`` if there is no such task."""
    if table.name not in SCORERS:
        raise SuiteError(f"task.name: {unknown('task', table.name, SCORERS)}")
    return SCORERS[table.name]
