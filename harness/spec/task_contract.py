"""The contract of a task in Python: a table's keys as attributes, and two functions for what no table can say."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Task:
    """A task whose rows or answers need code.

    A task's file has one class derived from this one. Its attributes have the names and the values of the keys of a
    suite's ``[task]``; any of these keys may be an attribute.
    """

    columns: ClassVar[Mapping[str, str | Sequence[str]] | None] = None
    prompt: ClassVar[str | Sequence[str] | None] = None
    values: ClassVar[Mapping[str, str] | None] = None
    answer: ClassVar[str | None] = None
    labels: ClassVar[Sequence[str] | None] = None
    stop: ClassVar[str | Sequence[str] | None] = None
    extract: ClassVar[str | None] = None
    metrics: ClassVar[Sequence[str] | None] = None

    def row(self, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return a row with the columns that the task names, made from a row of the data; ``None`` leaves it out."""
        return values

    def read(self, answer: str) -> str | None:
        """Return what counts of an answer, or ``None`` if it is invalid; references are read by it as well."""
        return answer
