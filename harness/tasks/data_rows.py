"""Rows of files → sources with a target each; problems are reported with the numbers of their rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..spec.conversation import Turn, as_text
from ..spec.errors import DataError, SuiteError, brief
from ..spec.task_table import ID, MESSAGES, SOURCE, TARGET
from . import extracting, prompt, turns
from .data_files import BadRow, FileContent
from .definition import Definition

ENDLESS = (
    "task.extract: {!r} was still being looked for after {:g} seconds of computing, in the target {}; rewrite it so "
    "that nothing that is repeated can be split up in several ways, as in (a+)+ or (a|aa)+"
)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no tokenizer accepts


@dataclass(frozen=True)
class Example:
    """One source with one target.

    ``others`` are the other texts of its prompt, by column; ``turns`` are those that the source of a conversation was
    made from, and ``number`` is that of its row, which the texts of a list in one cell share.
    """

    id: str
    source: str
    target: str
    others: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    number: int = field(default=0, compare=False)

    @property
    def texts(self) -> dict[str, str]:
        """The texts of its prompt, by column."""
        return {SOURCE: self.source, **self.others}

    @property
    def asked(self) -> str:
        """All texts of its prompt; rows with the same ones are one question with several references."""
        return "\n\n".join(self.texts.values())


class _Unfit(Exception):
    """A row that cannot be used; the message says why."""


def read(
    where: str, content: FileContent, before: int, task: Definition, *, skips: bool
) -> tuple[list[Example], list[str], int]:
    """The rows of a source, notices about them, and the number of bad ones that were skipped.

    ``before`` is the number of rows in earlier sources of the same split; a row without an id gets its number as one.
    Raises ``DataError`` for the first bad row, unless bad rows are skipped, and ``SuiteError`` for ``task.extract`` if
    a target takes it too long.
    """
    if reason := task.columns.flaw(content.columns):
        raise DataError(f"{where}: {reason}")
    found = task.columns.found(content.columns)
    made = [_row(number, values, task, found) for number, values in enumerate(content.rows, start=before + 1)]
    bad = [f"row {number}: {each.reason}" for number, each in enumerate(made, start=1) if isinstance(each, BadRow)]
    if made and all(each == BadRow(_unmatched(found)) for each in made):
        raise DataError(f"{where}: task.extract: {_never(task, content, found)}")
    if bad and not skips:
        others = f" (the first of {len(bad):,} bad rows)" if len(bad) > 1 else ""
        raise DataError(f"{where}: {bad[0]}{others}; fix it, or set task.skip_bad_rows = true")
    notices = list(content.notices)
    if bad:
        notices.append(f"skipped {len(bad):,} of {len(made):,} rows: {brief('; '.join(bad), 200)}")
    notices += [f"{name} has whole numbers, which count as text" for name in _numbered(content, task, found)]
    groups = [each for each in made if not isinstance(each, BadRow)]
    if any(len(group) > 1 for group in groups):
        notices.append(f"{found[TARGET]} has lists: each text is a reference, and a row of its own in training")
    return [row for group in groups for row in group], notices, len(bad)


def _row(
    number: int, values: Mapping[str, Any] | BadRow | None, task: Definition, found: Mapping[str, str]
) -> list[Example] | BadRow:
    """A row of a file, as one row for each of its targets; none if the task leaves it out."""
    if values is None or isinstance(values, BadRow):
        return values or []
    identity = _identity(values, task.columns.names.get(ID, ()), number)
    try:
        made = _talk(identity, values, task, found) if MESSAGES in found else _plain(identity, values, task, found)
        return [replace(each, number=number) for each in made]
    except _Unfit as error:
        return BadRow(f"{error}")


def _plain(identity: str, values: Mapping[str, Any], task: Definition, found: Mapping[str, str]) -> list[Example]:
    source = _text(values, found[SOURCE], values.get(found[SOURCE]))
    column = found[TARGET]
    written = [_written(each) if task.labelled else each for each in _cells(values.get(column))]
    targets = [_target(_text(values, column, each), task, found) for each in written]
    others = {
        own: _text(values, found[own], _written(values.get(found[own])))
        for own in task.columns.beside
        if own in found and (own in task.columns.filled or not _blank(values.get(found[own])))
    }
    if prompt.usable(task.templates, {SOURCE: source, **others}) is None:
        raise _Unfit("has none of the texts that one of the prompts needs beside its source")
    return [Example(identity, source, target, others) for target in targets]


def _talk(identity: str, values: Mapping[str, Any], task: Definition, found: Mapping[str, str]) -> list[Example]:
    column = found[MESSAGES]
    try:
        *asked, last = turns.read(values.get(column))
    except ValueError as error:
        raise _Unfit(f"{column} {error}") from error
    if reason := next(filter(None, (_unfit(turn.content) for turn in (*asked, last))), None):
        raise _Unfit(f"{column} {reason}")
    return [Example(identity, as_text(asked), _target(last.content, task, found), turns=tuple(asked))]


def _target(text: str, task: Definition, found: Mapping[str, str]) -> str:
    """The text, if it is a valid answer."""
    if task.read(text) is not None:
        return text
    if (pattern := task.reading.extract) is not None:
        part = extracting.search(pattern, text)
        if not part.ended:
            raise SuiteError(ENDLESS.format(pattern, extracting.MAX_SECONDS, brief(repr(text), 120)))
        if part.text is None:
            raise _Unfit(_unmatched(found))
    why = "none of task.labels" if task.table.labels else "no valid answer for the task"
    raise _Unfit(f"{_answers(found)} {brief(repr(text))} is {why}")


def _unmatched(found: Mapping[str, str]) -> str:
    return f"{_answers(found)} has no match for task.extract"


def _answers(found: Mapping[str, str]) -> str:
    """The column that targets are in."""
    return found[TARGET] if TARGET in found else found[MESSAGES]


def _never(task: Definition, content: FileContent, found: Mapping[str, str]) -> str:
    """That nothing matches, with the first of the targets."""
    column = _answers(found)
    first = next((row.get(column) for row in content.rows if isinstance(row, Mapping)), None)
    return f"{task.reading.extract!r} matches no {column}; the first is {brief(repr(first), 120)}"


def _text(values: Mapping[str, Any], column: str, cell: Any) -> str:
    """The text of a cell, or of one of the texts in it."""
    if reason := _unfit(cell) if column in values else "is missing":
        raise _Unfit(f"{column} {reason}")
    return f"{cell}"


def _numbered(content: FileContent, task: Definition, found: Mapping[str, str]) -> list[str]:
    """The columns in which whole numbers count as text: those of labels, and those beside the source."""
    beside = task.columns.beside
    names = [found[own] for own in ([TARGET, *beside] if task.labelled else beside) if own in found]
    rows = [row for row in content.rows if isinstance(row, Mapping)]
    return [name for name in names if any(_whole(cell) for row in rows for cell in _cells(row.get(name)))]


def _cells(cell: Any) -> list[Any]:
    return cell if isinstance(cell, list) and cell else [cell]


def _written(cell: Any) -> Any:
    """A cell whose whole number counts as text."""
    return f"{cell}" if _whole(cell) else cell


def _whole(cell: Any) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool)


def _unfit(cell: Any) -> str | None:
    """Why a cell cannot be used as text, or ``None`` if it can."""
    if _nothing(cell):
        return "is null"
    if not isinstance(cell, str):
        number = _whole(cell) or isinstance(cell, float)
        remedy = (
            "write numbers in quotes" if number else "write texts, or compute them in a task in Python (docs/tasks.md)"
        )
        return f"is not text but {type(cell).__name__}; {remedy}"
    if not cell.strip():
        return "is empty"
    return "has half a character (a lone surrogate)" if LONE_SURROGATE.search(cell) else None


def _identity(values: Mapping[str, Any], names: tuple[str, ...], number: int) -> str:
    """The row's id, or else its number; ids that pandas has turned into floats become integers again."""
    for value in map(values.get, names):
        if not _nothing(value) and value != "":
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return str(number)


def _blank(cell: Any) -> bool:
    return _nothing(cell) or (isinstance(cell, str) and not cell.strip())


def _nothing(cell: Any) -> bool:
    """Whether a cell is null, for which pandas writes NaN."""
    return cell is None or cell != cell
