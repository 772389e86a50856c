"""Where rows come from: the embedded corpus, a hub id, or local files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas
from datasets import DatasetDict, load_dataset, load_from_disk

from harness import hub
from harness.embedded import corpus
from harness.errors import DataError
from harness.suite import EMBEDDED, TaskTable

SPLITS = ("train", "validation", "test")
READERS: dict[str, Callable[[Path], pandas.DataFrame]] = {
    ".csv": lambda path: pandas.read_csv(path, dtype=str, keep_default_na=False),
    ".jsonl": lambda path: pandas.read_json(path, lines=True, dtype=False),
    ".json": lambda path: pandas.read_json(path, lines=True, dtype=False),
    ".parquet": pandas.read_parquet,
}
FILES = ("README.md", *(f"*{suffix}*" for suffix in (".csv", ".json", ".parquet")))  # compressed ones as well
REQUIRED = ("dialogue", "summary")
TEST_SHARE = 10  # a file without splits: one dialogue in ten is for testing


@dataclass(frozen=True)
class Row:
    """One dialogue with one human summary."""

    id: str
    dialogue: str
    summary: str
    topic: str = ""


def load(table: TaskTable) -> dict[str, list[Row]]:
    """The rows of ``train`` and ``test``, and of ``validation`` where there is one.

    Raises ``DataError`` that names the file, the row and the column.
    """
    splits = _splits(table)
    for split in ("train", "test"):
        if not splits.get(split):
            raise DataError(f"{table.data}: no rows for {split}; found {', '.join(splits) or 'no split'}")
    return splits


def revision(table: TaskTable) -> str | None:
    """The hub's commit that ``load`` reads; ``None`` for data that is not from the hub.

    After ``load`` in the same process it costs nothing. Raises ``DataError`` as ``load`` does.
    """
    return None if table.data == EMBEDDED or _local(table) else _fetched(table).name


def cut(table: TaskTable, splits: Mapping[str, Sequence[Row]]) -> dict[str, Sequence[Row]]:
    """The rows that the suite trains on and asks."""
    return {
        "train": splits["train"][:: table.train_every][: table.train_rows],
        "test": splits["test"][: table.test_rows],
    }


def validation(table: TaskTable, splits: Mapping[str, Sequence[Row]], rows: int | None) -> dict[str, list[Row]]:
    """What the trials of a search train on, and as ``test`` the first ``rows`` validation rows, which they answer.

    Without a validation split one dialogue in ten of the training rows is kept back for it. A dialogue of the suite's
    training or test rows is left out. Raises ``DataError`` when nothing remains.
    """
    chosen = cut(table, splits)
    train, asked = list(chosen["train"]), splits.get("validation", [])
    if not asked:
        train, asked = _split(train).values()
    seen = {row.dialogue for row in [*train, *splits["test"]]}
    unseen = [row for row in asked if row.dialogue not in seen][:rows]
    if not train or not unseen:
        raise DataError(
            f"{table.data}: a search needs validation rows that are neither in train nor in test, and there are none; "
            "add a split called validation, or more training rows, or leave [search] and --search out"
        )
    return {"train": train, "test": unseen}


def _splits(table: TaskTable) -> dict[str, list[Row]]:
    if table.data == EMBEDDED:
        return {split: _rows(split, rows) for split, rows in corpus.splits().items()}
    path = _local(table)
    if path and path.is_file():
        return _split(_rows(table.data, _read_file(path)))
    splits = _read_folder(path) if path else _read_hub(table)
    return {split: _rows(f"{table.data} ({split})", rows) for split, rows in splits.items()}


def _local(table: TaskTable) -> Path | None:
    try:
        return hub.local(table.data)
    except hub.Unavailable as error:
        raise DataError(f"data {table.data!r}: {error}") from error


def _fetched(table: TaskTable) -> Path:
    try:
        return hub.fetch("dataset", table.data, table.revision, FILES)
    except hub.Unavailable as error:
        raise DataError(f"data {table.data!r}: {error}") from error


def _read_file(path: Path) -> list[Mapping[Any, Any]]:
    if path.suffix not in READERS:
        raise DataError(f"{path}: cannot read {path.suffix or 'this'} files; known are {', '.join(READERS)}")
    try:
        frame = READERS[path.suffix](path)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not a readable {path.suffix[1:]} file: {error}") from error
    if not isinstance(frame.index, pandas.RangeIndex):
        raise DataError(f"{path}: has rows with more fields than columns; quote fields that hold a comma")
    return list(frame.to_dict("records"))


def _split(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows of a file without splits: every tenth different dialogue is for testing, with all its summaries."""
    order = {dialogue: number for number, dialogue in enumerate(dict.fromkeys(row.dialogue for row in rows))}
    return {
        "train": [row for row in rows if order[row.dialogue] % TEST_SHARE],
        "test": [row for row in rows if order[row.dialogue] % TEST_SHARE == 0],
    }


def _read_folder(path: Path) -> dict[str, Any]:
    if (path / "dataset_dict.json").exists():
        return dict(load_from_disk(str(path)))
    files = {split: file for split in SPLITS for file in sorted(path.glob(f"{split}.*")) if file.suffix in READERS}
    if not files:
        raise DataError(
            f"{path}: holds neither train/validation/test files ({', '.join(READERS)}) nor a saved DatasetDict"
        )
    return {split: _read_file(file) for split, file in files.items()}


def _read_hub(table: TaskTable) -> dict[str, Any]:
    folder = _fetched(table)
    try:
        splits = load_dataset(str(folder))
    except Exception as error:  # datasets raises whatever its readers raise
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"data {table.data!r}: not a data set of CSV, JSON or Parquet files: {reason}") from error
    if not isinstance(splits, DatasetDict):
        raise DataError(f"data {table.data!r}: has no splits; train and test are needed")
    return dict(splits)


def _rows(where: str, raw: Iterable[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for number, values in enumerate(raw, start=1):
        for column in REQUIRED:
            if column not in values:
                raise DataError(f"{where}: no column {column!r}; it has {', '.join(map(str, values))}")
            if not isinstance(values[column], str):
                kind = type(values[column]).__name__
                raise DataError(f"{where}: row {number}: {column} is not text but {kind}")
            if not values[column].strip():
                raise DataError(f"{where}: row {number}: {column} is empty")
        identity = values.get("id", values.get("fname", number))
        rows.append(Row(str(identity), values["dialogue"], values["summary"], str(values.get("topic", ""))))
    return rows
