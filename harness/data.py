"""Where rows come from: the embedded corpus, a hub id, or local files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, load_from_disk

from harness import data_files, data_folders, hub
from harness.data_files import REQUIRED, Bad, Content, brief
from harness.data_folders import WHOLE
from harness.embedded import corpus
from harness.errors import DataError
from harness.suite import EMBEDDED, TaskTable

FILES = (
    "README.md",
    *(f"*{each}*" for suffix in data_files.READERS for each in (suffix, suffix.upper())),  # packed ones as well
)
TEST_SHARE = 10  # a file without splits: one dialogue in ten is for testing
LONGEST = 480  # characters of a message
HALF = re.compile("[\ud800-\udfff]")  # half a character, which no tokenizer takes


@dataclass(frozen=True)
class Row:
    """One dialogue with one human summary."""

    id: str
    dialogue: str
    summary: str
    topic: str = ""


@dataclass(frozen=True)
class Loaded:
    """The rows of each split, what the person should know about how they were read, and how many were skipped."""

    splits: Mapping[str, list[Row]]
    notices: tuple[str, ...] = ()
    skipped: int = 0


def load(table: TaskTable) -> Mapping[str, list[Row]]:
    """The rows of ``train`` and ``test``, and of ``validation`` where there is one; raises as ``read`` does."""
    return read(table).splits


def read(table: TaskTable) -> Loaded:
    """The same, with what is to be told.

    Raises ``DataError`` that names the file, the row and the column; its length is bounded whatever the data are.
    """
    if table.data == EMBEDDED:
        sources = {split: [(split, Content(REQUIRED, rows))] for split, rows in corpus.splits().items()}
        return _loaded(table, sources, [])
    local = _local(table)
    path = local or _fetched(table)
    name = table.data if local is None else f"{path}" if len(f"{path}") < LONGEST // 4 else f"…/{brief(path.name, 80)}"
    try:
        loaded = _loaded(table, *_sources(path))
    except DataError as error:
        raise DataError(brief(str(error).replace(f"{path}", name), LONGEST)) from error
    return Loaded(loaded.splits, tuple(each.replace(f"{path}", name) for each in loaded.notices), loaded.skipped)


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


def _split(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows of a file without splits: every tenth different dialogue is for testing, with all its summaries."""
    order = {dialogue: number for number, dialogue in enumerate(dict.fromkeys(row.dialogue for row in rows))}
    return {
        "train": [row for row in rows if order[row.dialogue] % TEST_SHARE],
        "test": [row for row in rows if order[row.dialogue] % TEST_SHARE == 0],
    }


Source = tuple[str, Content]  # where rows come from, and what is there


def _sources(path: Path) -> tuple[Mapping[str, list[Source]], list[str]]:
    """Where the rows of each split are, or of ``WHOLE``; and what is to be told."""
    if path.is_file():
        return {WHOLE: [(f"{path}", data_files.read(path))]}, []
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        return _saved(path), []
    files, others = data_folders.find(path)
    notices = [f"{path}: passed over, since no split is called so: {brief(', '.join(others), 150)}"] if others else []
    return {split: [(f"{each} ({split})", data_files.read(each)) for each in files[split]] for split in files}, notices


def _saved(folder: Path) -> dict[str, list[Source]]:
    """What ``save_to_disk`` has written: a ``DatasetDict``, or a ``Dataset``, which nobody has split."""
    try:
        saved: Dataset | DatasetDict = load_from_disk(str(folder))
        parts = saved if isinstance(saved, DatasetDict) else {WHOLE: saved}
        contents = {key: data_files.of_table(part.with_format("arrow")[:]) for key, part in parts.items()}
    except Exception as error:  # datasets raises whatever its readers raise
        raise DataError(f"{folder}: not a readable Dataset: {brief(error, 200)}") from error
    sources: dict[str, list[Source]] = {}
    for key, content in contents.items():
        split = key if key == WHOLE else data_folders.split_of(key)
        if split in sources:
            raise DataError(f"{sources[split][0][0]} and {brief(key)!r} are both for {split}; rename one of them")
        if split:
            sources[split] = [(f"{folder} ({brief(key)})", content)]
    return sources


def _loaded(table: TaskTable, sources: Mapping[str, Sequence[Source]], notices: Sequence[str]) -> Loaded:
    rows: dict[str, list[Row]] = {split: [] for split in sources}
    told, skipped = [*notices], 0
    for split, group in sources.items():
        for where, content in group:
            made, lines, bad = _rows(where, content, skips=table.skip_bad_rows)
            rows[split] += made
            told += [f"{where}: {line}" for line in lines]
            skipped += bad
    splits = _split(rows[WHOLE]) if WHOLE in rows else rows
    for split in ("train", "test"):
        if not splits.get(split):
            found = ", ".join(name for name, part in splits.items() if part) or "no split"
            remedy = "rows of two dialogues at least are needed" if WHOLE in rows else f"add a file called {split}"
            raise DataError(f"{brief(table.data, 150)}: no rows for {split}; found {found}; {remedy}")
    return Loaded(splits, tuple(told), skipped)


def _rows(where: str, content: Content, *, skips: bool) -> tuple[list[Row], list[str], int]:
    """The rows of a source, what is to be told about them, and the number of bad ones that were skipped."""
    if flaw := data_files.flaw(content.columns):
        raise DataError(f"{where}: {flaw}")
    made = [_row(number, values) for number, values in enumerate(content.rows, start=1)]
    bad = [f"row {number}: {each.reason}" for number, each in enumerate(made, start=1) if isinstance(each, Bad)]
    if bad and not skips:
        others = f" (the first of {len(bad):,} bad rows)" if len(bad) > 1 else ""
        raise DataError(f"{where}: {bad[0]}{others}; mend it, or set task.skip_bad_rows = true")
    told = list(content.notices)
    if bad:
        told.append(f"skipped {len(bad):,} bad of {len(made):,} rows: {brief('; '.join(bad), 200)}")
    rows = [row for each in made if not isinstance(each, Bad) for row in each]
    if len(rows) > len(made) - len(bad):
        told.append("summaries are lists: a dialogue has several references, and in training a row for each of them")
    return rows, told, len(bad)


def _row(number: int, values: Mapping[str, Any] | Bad) -> list[Row] | Bad:
    """One row of a file, as a row for each of its summaries."""
    if isinstance(values, Bad):
        return values
    summaries = values.get("summary")
    texts: list[tuple[str, Any]] = [("dialogue", values.get("dialogue"))]
    texts += [("summary", each) for each in (summaries if isinstance(summaries, list) and summaries else [summaries])]
    for column, text in texts:
        if reason := _unfit(text) if column in values else "is missing":
            return Bad(f"{column} {reason}")
    identity = _identity(values, number)
    return [Row(identity, values["dialogue"], text, str(values.get("topic") or "")) for _, text in texts[1:]]


def _unfit(text: Any) -> str:
    """Why a cell is no text to work with; empty if it is."""
    if text is None or text != text:  # NaN is what pandas writes for nothing
        return "is null"
    if not isinstance(text, str):
        return f"is not text but {type(text).__name__}"
    if not text.strip():
        return "is empty"
    return "has half a character (a lone surrogate)" if HALF.search(text) else ""


def _identity(values: Mapping[str, Any], number: int) -> str:
    """What the row is called, else its number in the file; ids that pandas has made fractions are whole again."""
    for value in (values.get("id"), values.get("fname")):
        if value is not None and value == value and value != "":
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return str(number)
