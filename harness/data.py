"""Where rows come from: the embedded corpus, a hub id, or local files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas
from datasets import DatasetDict, load_dataset, load_from_disk

from harness.embedded import corpus
from harness.errors import DataError
from harness.suite import TaskTable

SPLITS = ("train", "validation", "test")
READERS: dict[str, Callable[[Path], pandas.DataFrame]] = {
    ".csv": lambda path: pandas.read_csv(path, dtype=str, keep_default_na=False),
    ".jsonl": lambda path: pandas.read_json(path, lines=True, dtype=False),
    ".json": lambda path: pandas.read_json(path, lines=True, dtype=False),
    ".parquet": pandas.read_parquet,
}
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
    """The rows of ``train`` and ``test`` (``validation`` where there is one), cut to the suite's numbers.

    Raises ``DataError`` that names the file, the row and the column.
    """
    splits = {split: _rows(f"{table.data} ({split})", raw) for split, raw in _read(table).items()}
    for split in ("train", "test"):
        if not splits.get(split):
            raise DataError(f"{table.data}: no rows for {split}; found {', '.join(splits) or 'no split'}")
    cut = {"train": table.train_rows, "test": table.test_rows}
    return {split: rows[: cut.get(split)] for split, rows in splits.items()}


def _read(table: TaskTable) -> Mapping[str, Iterable[Mapping[str, Any]]]:
    path = Path(table.data)
    if table.data == "embedded":
        return corpus.splits()
    if path.is_file():
        return _split_file(path)
    if path.is_dir():
        return _read_folder(path)
    return _read_hub(table)


def _read_file(path: Path) -> list[Mapping[Any, Any]]:
    if path.suffix not in READERS:
        raise DataError(f"{path}: cannot read {path.suffix or 'this'} files; known are {', '.join(READERS)}")
    try:
        return list(READERS[path.suffix](path).to_dict("records"))
    except ValueError as error:
        raise DataError(f"{path}: not a readable {path.suffix[1:]} file: {error}") from error


def _split_file(path: Path) -> dict[str, list[Mapping[Any, Any]]]:
    """One file without splits: every tenth different dialogue is for testing, all its rows together."""
    rows = _read_file(path)
    order = {dialogue: number for number, dialogue in enumerate(dict.fromkeys(row.get("dialogue") for row in rows))}
    test = [row for row in rows if order[row.get("dialogue")] % TEST_SHARE == 0]
    return {"train": [row for row in rows if order[row.get("dialogue")] % TEST_SHARE], "test": test}


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
    try:
        splits = load_dataset(table.data, revision=table.revision)
    except Exception as error:  # datasets raises whatever its readers and the network raise
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"data {table.data!r}: neither a local file or folder nor to be had from the hub: {reason} "
            'Without a network use data = "embedded", a local path, or a filled cache with HF_HUB_OFFLINE=1.'
        ) from error
    if not isinstance(splits, DatasetDict):
        raise DataError(f"data {table.data!r}: has no splits; train and test are needed")
    return dict(splits)


def _rows(where: str, raw: Iterable[Mapping[str, Any]]) -> list[Row]:
    rows = []
    for number, values in enumerate(raw, start=1):
        for column in REQUIRED:
            if column not in values:
                raise DataError(f"{where}: no column {column!r}; it has {', '.join(map(str, values))}")
            if not isinstance(values[column], str) or not values[column].strip():
                raise DataError(f"{where}: row {number}: {column} is empty")
        identity = values.get("id", values.get("fname", number))
        rows.append(Row(str(identity), values["dialogue"], values["summary"], str(values.get("topic", ""))))
    return rows
