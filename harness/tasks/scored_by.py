"""The metrics of a task: those that the suite or the task's file names, or else those of the built-in task."""

from collections.abc import Collection, Mapping, Sequence

from ..metrics import built_in, several
from ..metrics.scoring import Scorer
from ..metrics.several import Scoring
from ..spec import task_files
from ..spec.errors import SuiteError, unknown
from ..spec.suite import AUTO, Evaluation
from ..spec.task_table import CHOOSE, TaskTable


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


def own_of(table: TaskTable, own: Collection[str]) -> list[str]:
    """Those files of a project's own metrics that the task may mean.

    A name that is neither a file's nor built in may be that of one metric in any file.
    """
    wanted = names(table)
    certain = all(name in own or name in built_in.NAMES for name in wanted)
    return [name for name in wanted if name in own] if certain else sorted(own)


def check(table: TaskTable, own: Collection[str], options: Mapping[str, str]) -> None:
    """Raise ``SuiteError`` for what is wrong with a task's metrics, as far as it shows before any file is imported.

    ``own`` are the names of a project's own files, ``options`` those of the suite for its metrics.
    """
    imported = own_of(table, own)
    known = [name for name in names(table) if not imported or name in built_in.NAMES]
    scoring, task = several.chosen(known, built_in.SCORERS), task_files.completed(table)
    if task.labels or task.answer != CHOOSE:  # or the labels are found in the data
        check_labels(scoring, task.labels or ())
    if not imported:
        check_options(scoring, options)


def check_labels(scoring: Scoring, labels: Sequence[str]) -> None:
    """Raise ``SuiteError`` for a metric that is not for a task with these labels, or for free text without any."""
    if reason := scoring.misfit(labels):
        raise SuiteError(f"task.metrics: {reason}")


def check_options(scoring: Scoring, options: Mapping[str, str]) -> None:
    """Raise ``SuiteError`` for an option that the suite sets and none of its metrics has, or not with this value."""
    known = {name: values for scorer in scoring.scorers for name, values in scorer.options.items()}
    for name, value in options.items():
        if name not in known:
            raise SuiteError(f"evaluation.{name}: {_stray(name, scoring, known)}")
        if value not in known[name]:
            raise SuiteError(f"evaluation.{name}: {unknown('value', value, [AUTO, *known[name]])}")


def _stray(name: str, scoring: Scoring, known: Collection[str]) -> str:
    """What is wrong with a key that is no option of the metrics."""
    if others := [family for family, scorer in built_in.SCORERS.items() if name in scorer.options]:
        return f"is for {', '.join(others)}, but task.metrics has only {', '.join(scoring.ids)}; leave out this key"
    return unknown("key", name, [*Evaluation.model_fields, *known])
