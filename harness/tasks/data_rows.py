"""Rows of files → dialogues with a summary each; problems are reported with the numbers of their rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..spec.errors import DataError, brief
from .data_files import BadRow, FileContent, flaw

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no tokenizer accepts


@dataclass(frozen=True)
class Example:
    """One dialogue with one human summary."""

    id: str
    dialogue: str
    summary: str
    topic: str = ""


def read(where: str, content: FileContent, before: int, *, skips: bool) -> tuple[list[Example], list[str], int]:
    """The rows of a source, notices about them, and the number of bad ones that were skipped.

    ``before`` is the number of rows in earlier sources of the same split; a row without an id gets its number as one.
    Raises ``DataError`` for the first bad row, unless bad rows are skipped.
    """
    if reason := flaw(content.columns):
        raise DataError(f"{where}: {reason}")
    made = [_row(number, values) for number, values in enumerate(content.rows, start=before + 1)]
    bad = [f"row {number}: {each.reason}" for number, each in enumerate(made, start=1) if isinstance(each, BadRow)]
    if bad and not skips:
        others = f" (the first of {len(bad):,} bad rows)" if len(bad) > 1 else ""
        raise DataError(f"{where}: {bad[0]}{others}; fix it, or set task.skip_bad_rows = true")
    notices = list(content.notices)
    if bad:
        notices.append(f"skipped {len(bad):,} of {len(made):,} rows: {brief('; '.join(bad), 200)}")
    rows = [row for each in made if not isinstance(each, BadRow) for row in each]
    if len(rows) > len(made) - len(bad):
        notices.append("summaries are lists: each is a reference of its dialogue, and a row of its own in training")
    return rows, notices, len(bad)


def _row(number: int, values: Mapping[str, Any] | BadRow) -> list[Example] | BadRow:
    """A row of a file, as one row for each of its summaries."""
    if isinstance(values, BadRow):
        return values
    summaries = values.get("summary")
    texts: list[tuple[str, Any]] = [("dialogue", values.get("dialogue"))]
    texts += [("summary", each) for each in (summaries if isinstance(summaries, list) and summaries else [summaries])]
    for column, text in texts:
        if reason := _unfit(text) if column in values else "is missing":
            return BadRow(f"{column} {reason}")
    identity = _identity(values, number)
    topic = "" if _nothing(values.get("topic")) else str(values["topic"])
    return [Example(identity, values["dialogue"], text, topic) for _, text in texts[1:]]


def _unfit(text: Any) -> str | None:
    """Why a cell cannot be used as text, or ``None`` if it can."""
    if _nothing(text):
        return "is null"
    if not isinstance(text, str):
        return f"is not text but {type(text).__name__}"
    if not text.strip():
        return "is empty"
    return "has half a character (a lone surrogate)" if LONE_SURROGATE.search(text) else None


def _identity(values: Mapping[str, Any], number: int) -> str:
    """The row's id, or else its number; ids that pandas has turned into floats become integers again."""
    for value in (values.get("id"), values.get("fname")):
        if not _nothing(value) and value != "":
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return str(number)


def _nothing(value: Any) -> bool:
    """Whether a cell is null, for which pandas writes NaN."""
    return value is None or value != value
