"""Rows as they are in files → dialogues with a summary each; what is wrong with a row is said by its number."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..spec.errors import DataError, brief
from .data_files import BadRow, FileContent, flaw

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no tokenizer takes


@dataclass(frozen=True)
class Example:
    """One dialogue with one human summary."""

    id: str
    dialogue: str
    summary: str
    topic: str = ""


def read(where: str, content: FileContent, before: int, *, skips: bool) -> tuple[list[Example], list[str], int]:
    """The rows of a source, what is to be told about them, and the number of bad ones that were skipped.

    ``before`` is the number of rows in earlier sources of the same split: what has no id is called by its number.
    """
    if reason := flaw(content.columns):
        raise DataError(f"{where}: {reason}")
    made = [_row(number, values) for number, values in enumerate(content.rows, start=before + 1)]
    bad = [f"row {number}: {each.reason}" for number, each in enumerate(made, start=1) if isinstance(each, BadRow)]
    if bad and not skips:
        others = f" (the first of {len(bad):,} bad rows)" if len(bad) > 1 else ""
        raise DataError(f"{where}: {bad[0]}{others}; fix it, or set task.skip_bad_rows = true")
    told = list(content.notices)
    if bad:
        told.append(f"skipped {len(bad):,} bad of {len(made):,} rows: {brief('; '.join(bad), 200)}")
    rows = [row for each in made if not isinstance(each, BadRow) for row in each]
    if len(rows) > len(made) - len(bad):
        told.append("summaries are lists: a dialogue has several references, and in training a row for each of them")
    return rows, told, len(bad)


def _row(number: int, values: Mapping[str, Any] | BadRow) -> list[Example] | BadRow:
    """One row of a file, as a row for each of its summaries."""
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
    """Why a cell is no text to work with, if so."""
    if _nothing(text):
        return "is null"
    if not isinstance(text, str):
        return f"is not text but {type(text).__name__}"
    if not text.strip():
        return "is empty"
    return "has half a character (a lone surrogate)" if LONE_SURROGATE.search(text) else None


def _identity(values: Mapping[str, Any], number: int) -> str:
    """What the row is called, else its number in the file; ids that pandas has made fractions are whole again."""
    for value in (values.get("id"), values.get("fname")):
        if not _nothing(value) and value != "":
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return str(number)


def _nothing(value: Any) -> bool:
    """Whether a cell is null; NaN is what pandas writes for that."""
    return value is None or value != value
