"""The labels that a task chooses among: given by its table, or found in the training targets."""

from collections.abc import Sequence

from ..models.family import Family
from ..spec.errors import DataError, SuiteError, brief
from ..spec.task_table import CHOOSE
from .data_rows import Example
from .definition import Definition


def of(task: Definition, training: Sequence[Example]) -> tuple[str, ...]:
    """The labels of a task: those of its table or, if it chooses, the sorted targets of all ``training`` rows.

    Raises ``DataError`` if all of these are the same.
    """
    if task.table.answer != CHOOSE or task.reading.labels:
        return task.reading.labels
    found = tuple(sorted({row.target.strip() for row in training}))
    if len(found) < 2:
        only = brief(found[0] if found else None)
        raise DataError(f"task.answer = {CHOOSE!r} needs two labels, but every training target is {only}")
    return found


def check(labels: Sequence[str], test: Sequence[Example]) -> None:
    """Raise ``DataError`` for a test row whose reference is none of the labels."""
    for number, row in enumerate(test, start=1):
        if row.target.strip() not in labels:
            raise DataError(
                f"test row {number} (id {brief(row.id, 20)}): its target {brief(repr(row.target))} is none of the "
                f"{len(labels)} labels of the training rows; name all labels in task.labels, or remove the row"
            )


def tell_apart(labels: Sequence[str], family: Family, longest: int) -> None:
    """Raise ``SuiteError`` for two labels that are the same tokens, as targets of at most ``longest`` tokens."""
    tokens, _ = family.target_ids(list(labels), longest)
    first: dict[tuple[int, ...], str] = {}
    for label, ids in zip(labels, tokens, strict=True):
        if (other := first.setdefault(tuple(ids), label)) != label:
            raise SuiteError(
                f"task.labels: {other!r} and {label!r} are the same {len(ids)} tokens of this model, at most "
                f"task.max_target_tokens = {longest}; rename one of them or, if they are cut, raise that limit"
            )
