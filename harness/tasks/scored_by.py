"""The metrics of each built-in task; the first of them ranks."""

from collections.abc import Mapping

from harness.metrics.rouge.metric import RougeTypes
from harness.metrics.scoring import Scorer
from harness.spec.errors import SuiteError, unknown
from harness.spec.suite import TaskTable

SCORERS: Mapping[str, Scorer] = {"dialogsum": RougeTypes()}


def scorer_of(table: TaskTable) -> Scorer:
    """What the task of that name is scored by. Raises ``SuiteError`` where there is none."""
    if table.name not in SCORERS:
        raise SuiteError(f"task.name: {unknown('task', table.name, SCORERS)}")
    return SCORERS[table.name]
