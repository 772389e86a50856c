"""The columns that a task reads: which of them data must have, and what each is called in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..spec.errors import brief, closest
from ..spec.task_table import MESSAGES, OWN_COLUMNS, SOURCE, TARGET, TaskTable

SHOWN_COLUMNS = 8  # in a message


@dataclass(frozen=True)
class Columns:
    """By the task's name for each column, its possible names in the data. Without any, all columns are read.

    Data must have those that are ``required``. Of these, every row must have a text for those that are ``filled``.
    """

    names: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()

    @cached_property
    def read(self) -> frozenset[str]:
        """The names of all columns that are read; others may contain anything."""
        return frozenset(name for names in self.names.values() for name in names)

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """The task's names for the columns beside its own that prompts name, sorted."""
        return tuple(sorted(set(self.names) - set(OWN_COLUMNS)))

    def reads(self, name: str) -> bool:
        """Whether a column of that name is read."""
        return name in self.read or not self.names

    def found(self, columns: Sequence[str]) -> dict[str, str]:
        """The name in the data of each of these columns that the data have: of several, the first one."""
        first = {own: next((name for name in names if name in columns), None) for own, names in self.names.items()}
        return {own: name for own, name in first.items() if name is not None}

    def matches(self, columns: Sequence[str]) -> int:
        """How many of the columns that data must have are among these."""
        return len(self.found(columns).keys() & set(self.required))

    def flaw(self, columns: Sequence[str]) -> str | None:
        """The problem with the columns of data, if there is one: one is missing, or occurs twice."""
        for name in (name for names in self.names.values() for name in names):
            if columns.count(name) > 1:
                return f"has several columns called {name!r}; rename or remove all but one"
        found = self.found(columns)
        missing = next((own for own in self.required if own not in found), None)
        return None if missing is None else self._missing(missing, columns)

    def _missing(self, own: str, columns: Sequence[str]) -> str:
        names = self.names[own]
        alike = {column.strip().lower(): column for column in columns}
        match = next((alike[name] for name in names if name in alike), None)
        hints = (closest(name, columns) for name in names)
        close = (
            f"; did you mean {match!r}?" if match is not None else next((hint for hint in hints if hint != "."), ".")
        )
        there = ", ".join(brief(column, 30) for column in columns[:SHOWN_COLUMNS]) or "none"
        more = f" and {len(columns) - SHOWN_COLUMNS:,} more" if len(columns) > SHOWN_COLUMNS else ""
        remedy = "" if own in OWN_COLUMNS else f" If it is the same in all rows, set it in task.values, as {own}."
        return f"no column {_either(names)}; it has {there}{more}{brief(close, 80)}{remedy}"


EVERY = Columns({})  # all columns of the data, whatever they are called


def of(table: TaskTable, own: Iterable[str] = ()) -> Columns:
    """The columns of a complete task; data must also have its ``own``, those that no built-in task names."""
    said, templates = table.columns or {}, table.templates
    named = {name: None for template in templates for name in template.names}
    names = {column: each for column, each in said.items() if column in OWN_COLUMNS}
    names |= {column: said.get(column, (column,)) for column in named}
    always = [column for column in named if all(column in template.names for template in templates)]
    first = [MESSAGES] if MESSAGES in names else [SOURCE, TARGET]
    exact = [column for column in own if column in names]
    return Columns(names, tuple(dict.fromkeys([*first, *always, *exact])), tuple(dict.fromkeys([*first, *always])))


def _either(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names]
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
