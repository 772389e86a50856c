"""The labels that a task chooses among: given by its table, or found in the training targets."""

from collections.abc import Sequence

from ..spec.errors import DataError, brief
from ..spec.task_table import CHOOSE
from .data_rows import Example
from .definition import Definition
from .matching import label_of


def of(task: Definition, training: Sequence[Example]) -> tuple[str, ...]:
    """The labels of a task: those of its table or, if it chooses, the sorted targets of all ``training`` rows.

    Raises ``DataError`` if all of these are the same.
    """
    if task.table.labels or task.table.answer != CHOOSE:
        return task.table.labels or ()
    found = tuple(sorted({row.target.strip() for row in training}))
    if len(found) < 2:
        only = brief(found[0] if found else None)
        raise DataError(f"task.answer = {CHOOSE!r} needs two labels, but every training target is {only}")
    return found


def check(labels: Sequence[str], asked: Sequence[Example]) -> None:
    """Raise ``DataError`` for a row to answer whose target is none of the labels."""
    for row in asked:
        if label_of(row.target, labels) is None:
            raise DataError(
                f"the row with id {brief(row.id, 20)} is to be answered, but its target {brief(repr(row.target))} is "
                f"none of the {len(labels)} labels of the training rows; name all labels in task.labels, or remove the "
                "row"
            )
