"""Where rows come from: the embedded corpus, a hub id, or local files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..embedded import corpus
from ..models import hub
from ..spec.errors import DataError, brief
from ..spec.suite import EMBEDDED, TaskTable
from . import data_files, data_folders, data_rows, definition
from .columns import Columns
from .data_files import FileContent
from .data_folders import UNSPLIT
from .data_rows import Example as Example
from .definition import Definition

FILES = (
    "README.md",
    *(f"*{each}*" for suffix in data_files.READERS for each in (suffix, suffix.upper())),  # compressed ones, too
)
TEST_EVERY = 10  # without splits, every tenth source is for testing
MAX_MESSAGE_CHARACTERS = 480

Source = tuple[str, FileContent]  # the place that rows come from, and its content


@dataclass(frozen=True)
class Loaded:
    """The rows of each split, what the user should know about how they were read, and how many were skipped."""

    splits: Mapping[str, list[Example]]
    notices: tuple[str, ...] = ()
    skipped: int = 0


def load(table: TaskTable) -> Mapping[str, list[Example]]:
    """The rows of ``train`` and ``test``, and of ``validation`` if there is one; raises as ``read`` does."""
    return read(table).splits


def read(table: TaskTable) -> Loaded:
    """The same rows, with notices and the number of skipped rows.

    Raises ``DataError``, which names the file, the row and the column; the length of its message is limited.
    """
    task = definition.of(table)
    if table.data == EMBEDDED:
        sources = {split: [(split, FileContent(corpus.COLUMNS, rows))] for split, rows in corpus.splits().items()}
        return _loaded(task, sources, [])
    local = _local(table)
    path = local or _fetched(table)
    name = _shown(path) if local else table.data
    try:
        loaded = _loaded(task, *contents(path, task.files))
    except DataError as error:
        raise DataError(brief(str(error).replace(f"{path}", name), MAX_MESSAGE_CHARACTERS)) from error
    return Loaded(loaded.splits, tuple(each.replace(f"{path}", name) for each in loaded.notices), loaded.skipped)


def revision(table: TaskTable) -> str | None:
    """The hub's commit that ``load`` reads; ``None`` for data that is not from the hub.

    After ``load`` in the same process, this costs nothing. Raises ``DataError`` as ``load`` does.
    """
    return None if table.data == EMBEDDED or _local(table) else _fetched(table).name


def check(table: TaskTable) -> None:
    """Raise what ``read`` would raise, without making the rows that come with Tuneoff, which have no flaw."""
    task = definition.of(table)
    if table.data != EMBEDDED or task.code or task.reading.extract or task.table.labels:
        read(table)
    elif reason := task.columns.flaw(corpus.COLUMNS):
        raise DataError(f"{EMBEDDED}: {reason}")


def contents(path: Path, columns: Columns) -> tuple[Mapping[str, list[Source]], list[str]]:
    """What a path has for each split, or for ``UNSPLIT``, and notices. Raises ``DataError`` as ``read`` does."""
    if path.is_file():
        return {UNSPLIT: [(f"{path}", data_files.read(path, columns))]}, []
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        return _saved(path, columns)
    files, others = data_folders.find(path)
    sources = {
        split: [(_where(each, split), data_files.read(each, columns)) for each in files[split]] for split in files
    }
    return sources, _passed_over(path, others)


def cut(table: TaskTable, splits: Mapping[str, Sequence[Example]]) -> dict[str, Sequence[Example]]:
    """The rows that the suite uses for training and testing."""
    return {
        "train": splits["train"][:: table.train_every][: table.train_rows],
        "test": splits["test"][: table.test_rows],
    }


def validation(table: TaskTable, splits: Mapping[str, Sequence[Example]], rows: int | None) -> dict[str, list[Example]]:
    """The training rows for the trials of a search and, as ``test``, the first ``rows`` validation rows to answer.

    Without a validation split, every tenth source of the training rows is set aside for it. Those that are also in the
    suite's training or test rows are left out. Raises ``DataError`` if no rows remain.
    """
    chosen = cut(table, splits)
    train, asked = list(chosen["train"]), splits.get("validation", [])
    if not asked:
        train, asked = _split(train).values()
    seen = {row.asked for row in [*train, *splits["test"]]}
    unseen = [row for row in asked if row.asked not in seen][:rows]
    if not train or not unseen:
        raise DataError(
            f"{table.data}: a search needs validation rows that are in neither train nor test, and there are none; "
            "add a validation split or more training rows, or do without [search] and --search"
        )
    return {"train": train, "test": unseen}


def _local(table: TaskTable) -> Path | None:
    try:
        return hub.local(table.data)
    except hub.Unavailable as error:
        raise DataError(f"data {table.data!r}: {error}") from error


def _shown(path: Path) -> str:
    """The path, or only its end if all of it would fill the message."""
    return f"{path}" if len(f"{path}") < MAX_MESSAGE_CHARACTERS // 4 else f"…/{brief(path.name, 80)}"


def _fetched(table: TaskTable) -> Path:
    try:
        return hub.fetch("dataset", table.data, table.revision, FILES)
    except hub.Unavailable as error:
        raise DataError(f"data {table.data!r}: {error}") from error


def _split(rows: list[Example]) -> dict[str, list[Example]]:
    """The rows of a file without splits: every tenth distinct source, with all its targets, is for testing."""
    order = {asked: number for number, asked in enumerate(dict.fromkeys(row.asked for row in rows))}
    return {
        "train": [row for row in rows if order[row.asked] % TEST_EVERY],
        "test": [row for row in rows if order[row.asked] % TEST_EVERY == 0],
    }


def _where(path: Path, split: str) -> str:
    return f"{path}" if split == UNSPLIT else f"{path} ({brief(split)})"


def _passed_over(folder: Path, names: Sequence[str]) -> list[str]:
    return [f"{folder}: skipped (in no split): {brief(', '.join(names), 150)}"] if names else []


def _saved(folder: Path, columns: Columns) -> tuple[dict[str, list[Source]], list[str]]:
    """The sources in a folder written by ``save_to_disk``: a ``DatasetDict``, or a ``Dataset`` without splits."""
    from datasets import Dataset, DatasetDict, load_from_disk  # takes a second, for one kind of folder

    try:
        saved: Dataset | DatasetDict = load_from_disk(str(folder))
        parts = saved if isinstance(saved, DatasetDict) else {UNSPLIT: saved}
        held = {key: data_files.of_table(part.with_format("arrow")[:], columns) for key, part in parts.items()}
    except Exception as error:  # datasets raises whatever its readers raise
        raise DataError(f"{folder}: not a readable Dataset: {brief(error, 200)}") from error
    sources: dict[str, list[Source]] = {}
    for key, content in held.items():
        split = key if key == UNSPLIT else data_folders.split_of(key)
        if split in sources:
            raise DataError(f"{sources[split][0][0]} and {brief(key)!r} are both for {split}; rename one of them")
        if split:
            sources[split] = [(_where(folder, key), content)]
    others = [key for key in held if key != UNSPLIT and not data_folders.split_of(key)]
    return sources, _passed_over(folder, others)


def _loaded(task: Definition, sources: Mapping[str, Sequence[Source]], notices: Sequence[str]) -> Loaded:
    rows: dict[str, list[Example]] = {split: [] for split in sources}
    messages, skipped = [*notices], 0
    for split, group in sources.items():
        before = 0
        for where, content in group:
            made, lines, bad = data_rows.read(where, task.opened(content), before, task, skips=task.table.skip_bad_rows)
            before += len(content.rows)
            rows[split] += made
            messages += [f"{where}: {line}" for line in lines]
            skipped += bad
    splits = _split(rows[UNSPLIT]) if UNSPLIT in rows else rows
    for split in ("train", "test"):
        if not splits.get(split):
            found = ", ".join(name for name, part in splits.items() if part) or "no split"
            remedy = "at least two different sources are needed" if UNSPLIT in rows else f"add a file called {split}"
            raise DataError(f"{brief(task.table.data, 150)}: no rows for {split}; found {found}; {remedy}")
    return Loaded(splits, tuple(messages), skipped)
