"""Reads one file of rows; its compression, encoding, separator and structure are detected."""

import csv
import io
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from ..spec.errors import DataError, brief
from .columns import Columns
from .data_text import NOT_DECODED, decoded, not_utf8
from .data_text import UNPACK as UNPACK

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
NO_SPACE = re.compile(r"\S")
MAX_HEADER_CHARACTERS = 1 << 20
MAX_FIELD_CHARACTERS = 2**31 - 1  # of a CSV file; the csv module's own limit is 128 KiB


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used, and why."""

    reason: str


@dataclass(frozen=True)
class FileContent:
    """The content of a file: its columns, its rows in order, and what the user should know about how it was read."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any] | BadRow | None]  # ``None``: left out by the task
    notices: tuple[str, ...] = ()


def kind(path: Path) -> str | None:
    """The suffix of a file's format, in lower case and without compression, if known: ``.csv`` of ``A.CSV.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in UNPACK:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in READERS else None


def read(path: Path, columns: Columns) -> FileContent:
    """The content of a file, of which a task reads these columns.

    A row that cannot be read, but does not affect the next one, is a ``BadRow``.

    Raises ``DataError``, which names the file, the row and what to do; the length of its message is limited.
    """
    suffix = kind(path)
    if suffix is None:
        known = f"{', '.join(READERS)}, also compressed: {', '.join(UNPACK)}"
        raise DataError(f"{path}: cannot read {brief(path.suffix) or 'this'} files; supported: {known}")
    try:
        raw = UNPACK.get(path.suffix.lower(), Path.read_bytes)(path)
        return READERS[suffix](raw, columns)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (ValueError, OSError, EOFError, RecursionError, lzma.LZMAError, zlib.error, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: not a readable {suffix[1:]} file: {brief(error, 200)}") from error


def of_table(table: pyarrow.Table, columns: Columns) -> FileContent:
    """The rows of an Arrow table, with only the columns that are read."""
    names = table.column_names
    read = [name for name in names if columns.reads(name)]
    if len(set(read)) < len(read):
        return FileContent(names, [])
    notices = (_label_names(name, found) for name, found in _features(table).items() if name in read)
    return FileContent(names, table.select(read).to_pylist(), tuple(filter(None, notices)))


def _features(table: pyarrow.Table) -> Mapping[str, Any]:
    """What the library ``datasets`` has noted of each column."""
    try:
        noted = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        return dict(noted["info"]["features"])
    except (ValueError, TypeError, KeyError):
        return {}


def _label_names(column: str, feature: Any) -> str | None:
    """That numbers stand for names, which are not read; ``None`` if they do not."""
    names = feature.get("names") if isinstance(feature, Mapping) else None
    if not isinstance(names, list) or not names:
        return None
    listed = brief(", ".join(f"{number}: {name}" for number, name in enumerate(names)), 120)
    return (
        f"the numbers of {column} have names ({listed}), which are not read; to choose among names, "
        "write them into the data, or a task in Python that does"
    )


def _marked(raw: bytes, text: str, content: FileContent) -> FileContent:
    """The same, but undecodable rows are ``BadRow``; raises ``DataError`` for undecodable column names."""
    if not NOT_DECODED.search(text):
        return content
    reason = not_utf8(raw)
    if _undecoded(dict.fromkeys(content.columns)):
        raise DataError(f"the name of a column {reason}")
    rows = [BadRow(reason) if _undecoded(row) else row for row in content.rows]
    return FileContent(content.columns, rows, content.notices)


def _undecoded(row: Mapping[str, Any] | BadRow | None) -> bool:
    return isinstance(row, Mapping) and any(NOT_DECODED.search(str(part)) for pair in row.items() for part in pair)


def _read_csv(raw: bytes, columns: Columns, usual: str = ",") -> FileContent:
    text = decoded(raw)
    separator = max([usual, *SEPARATORS], key=lambda each: _columns_by(text, each, columns))
    notices = () if separator == "," else (f"columns are separated by {SEPARATORS[separator]}",)
    records = _records(text, separator)
    names = next(records, [])
    if not names:
        raise DataError("is empty")
    rows = [_named(names, record, separator) for record in records]
    return _marked(raw, text, FileContent(names, rows, notices))


def _columns_by(text: str, separator: str, columns: Columns) -> tuple[int, int]:
    """How well a separator fits the first line: the numbers of required columns and of all columns that it finds."""
    try:
        names = next(_records(text[:MAX_HEADER_CHARACTERS], separator), [])
    except DataError:
        return 0, 0
    return columns.matches(names), len(names)


def _records(text: str, separator: str) -> Iterator[list[str]]:
    """The header and the rows, without blank lines; unmatched quotes raise, since nothing after them is certain."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader, number = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), -1
    try:
        for record in reader:
            if record:
                number += 1
                yield record
    except csv.Error as error:
        where = f"row {number + 1}" if number >= 0 else "the first line"
        raise DataError(f"{where}: its quotes do not match ({error}); write a quote in a quoted field twice") from error


def _named(names: Sequence[str], record: Sequence[str], separator: str) -> Mapping[str, Any] | BadRow:
    if len(record) == len(names):
        return dict(zip(names, record, strict=True))
    fields = f"{len(record)} field{'s' * (len(record) != 1)}"
    return BadRow(
        f"has {fields} for {len(names)} columns; quote fields that contain {SEPARATORS[separator]} or a line break"
    )


def _read_json(raw: bytes, columns: Columns) -> FileContent:
    """Rows as lines, as an array, or as a sequence of objects, however they are indented."""
    text, decoder = decoded(raw), json.JSONDecoder(object_pairs_hook=partial(_object, columns))
    lines = [line for line in text.split("\n") if line.strip()]
    by_line = any(isinstance(_value(line, decoder), Mapping) for line in (lines[:1] + lines[-1:]))
    rows = [_value(line, decoder) for line in lines] if by_line else list(_values(text, decoder))
    rows = [
        row if isinstance(row, Mapping | BadRow) else BadRow(f"is not an object but {_called(row)}") for row in rows
    ]
    objects = [row for row in rows if isinstance(row, Mapping)]
    names = list(dict.fromkeys(name for row in objects for name in row))
    if len(rows) == 1 and objects and (reason := columns.flaw(names)):
        raise DataError(f"is one object, not a list of rows: {reason}")
    return _marked(raw, text, FileContent(names, rows))


def _values(text: str, decoder: json.JSONDecoder) -> Iterator[Any]:
    """Every value of a text, those of an array one by one; raises at an error, since nothing after it is certain."""
    position = 0
    while start := NO_SPACE.search(text, position):
        try:
            value, position = decoder.raw_decode(text, start.start())
        except json.JSONDecodeError as error:
            raise DataError(f"not readable JSON at line {error.lineno}, column {error.colno}: {error.msg}") from error
        yield from value if isinstance(value, list) else [value]


def _value(line: str, decoder: json.JSONDecoder) -> Any:
    try:
        return decoder.decode(line)
    except json.JSONDecodeError as error:
        return BadRow(f"is not readable JSON: {error.msg} at character {error.pos + 1}")


def _object(columns: Columns, pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any] | BadRow:
    values = dict(pairs)
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1 and columns.reads(name)]
    return BadRow(f"has {twice[0]!r} several times") if twice else values


def _called(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _read_parquet(raw: bytes, columns: Columns) -> FileContent:
    return of_table(parquet.ParquetFile(pyarrow.BufferReader(raw)).read(), columns)


def _read_arrow(raw: bytes, columns: Columns) -> FileContent:
    is_file = raw.startswith(b"ARROW1")  # the other form, which datasets writes, is a stream
    reader = (pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream)(pyarrow.BufferReader(raw))
    return of_table(reader.read_all(), columns)


READERS: Mapping[str, Callable[[bytes, Columns], FileContent]] = {
    ".csv": _read_csv,
    ".tsv": lambda raw, columns: _read_csv(raw, columns, "\t"),
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
}
