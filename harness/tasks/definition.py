"""A whole task: its table with what a built-in task or a file adds, and what follows from it for rows and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..spec import aliases, task_files
from ..spec.errors import SuiteError, brief
from ..spec.paths import expanded
from ..spec.task_contract import Task
from ..spec.task_table import CHOOSE, PYTHON, TaskTable
from ..spec.template import Template
from . import columns, reading
from .columns import EVERY, Columns
from .data_files import BadRow, FileContent
from .reading import Reading


@dataclass(frozen=True)
class Definition:
    """A complete table, with the columns that it reads, and how answers are read; ``code`` is its Python file."""

    table: TaskTable
    columns: Columns
    reading: Reading
    code: str | None = None

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """The prompts; none for a task of conversations."""
        return self.table.templates

    @property
    def files(self) -> Columns:
        """The columns to read from files: all of them if code makes the task's columns from them."""
        return EVERY if self._makes_rows else self.columns

    @property
    def labelled(self) -> bool:
        """Whether its targets are labels."""
        return self.table.labelled

    def read(self, text: str) -> str | None:
        """What counts of an answer or of a reference; ``None`` if it is invalid."""
        return self.reading.read(text, self.table.labels or ())

    def opened(self, content: FileContent) -> FileContent:
        """The rows as the task's code makes them from those of a file, if it does; an error of it is a ``BadRow``."""
        if not self._makes_rows:
            return content
        rows = [self._made(row) if isinstance(row, Mapping) else row for row in content.rows]
        made = [*dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row)]
        return FileContent(made or [*self.columns.read], rows, content.notices)  # without a row, its own error is told

    @property
    def _makes_rows(self) -> bool:
        return self.code is not None and type(reading.hooks(self.code)).row is not Task.row

    def _made(self, row: Mapping[str, Any]) -> Mapping[str, Any] | BadRow | None:
        try:
            with aliases.used():
                made = reading.hooks(f"{self.code}").row(row)
        except Exception as error:  # an author's code may raise anything
            return BadRow(f"row() of {self.code} raised {type(error).__name__}: {brief(error, 100)}")
        if made is None or isinstance(made, Mapping):
            return made
        return BadRow(f"row() of {self.code} returned {type(made).__name__}; it must return a mapping or None")


def of(table: TaskTable) -> Definition:
    """The task that a table defines. Raises ``SuiteError``, which names the key, if it defines none."""
    whole = task_files.completed(table)
    code = f"{expanded(table.name).absolute()}" if table.name.endswith(PYTHON) else None
    reads = code if code and type(reading.hooks(code)).read is not Task.read else None
    if reads and whole.answer == CHOOSE:
        raise SuiteError(f"task.answer: {CHOOSE!r} takes a label as it is; leave out read() of {code}")
    found = columns.of(whole, table.columns or ())
    return Definition(whole, found, Reading(whole.stop or (), whole.extract, reads), code)
