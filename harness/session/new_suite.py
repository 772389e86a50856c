"""The first suite for a data set: what its columns look like decides the task and the limits, in a file to edit."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models import hub
from ..spec import suite as suites
from ..spec import task_files, toml
from ..spec.errors import DataError, UsageError, brief
from ..spec.suite import LOCAL, TaskTable
from ..tasks import data, data_files, first_rows, guesses, looks, scored_by
from ..tasks.columns import EVERY
from ..tasks.data import Source
from ..tasks.data_folders import SPLIT_NAMES, UNSPLIT
from ..tasks.data_text import UNPACK
from ..tasks.guesses import Guess
from ..tasks.looks import Look

OF_THE_TASK = {
    "prompt": "as the task has it; of several, a row has the first one whose columns it has",
    "metrics": "those of the task; the first one ranks",
}
SEE = "see docs/tasks.md"
LIMITS = (32, 64, 128, 256, 512, 1024)  # of tokens; longer texts are cut
PROMPT_TOKENS = 32  # of what a prompt has beside its texts, about
MOST_TEST_ROWS, MOST_EXAMPLES = 500, 2000  # of a first suite
SUITE = """\
# Written by `new suite` for {rows:,} rows of {data}; change what is guessed wrong.
# Run it: pytest --benchmark --suite={file}
# For a first look, add --seeds=0.

[task]
{task}

[model]
name = "embedded"  # a tiny model, to try the suite without a download; replace it by a hub id or a folder

[budget]
max_examples = {examples}

[evaluation]
max_new_tokens = {answer}

[run]
methods = ["zero_shot", "lora", "full_finetune"]
"""

Key = tuple[str, Any, str]  # of a table: its name, its value (``None``: the default), and why it has that value


def write(name: str, folder: Path) -> list[str]:
    """Write a suite for this file or folder of data into ``folder``; return what was guessed and why, line by line.

    Raises ``UsageError`` if the data cannot be read or look like no task, or if there is a file of that name.
    """
    path = _path(name)
    sources, notices = data.contents(path, EVERY)
    rows, seen, file = _rows(name, sources), _looks(sources), folder / f"{_slug(path)}.toml"
    guess = guesses.guess(seen, f"my_{file.stem}" if file.stem in task_files.built_in() else file.stem)
    if guess is None:
        there = brief(", ".join(look.name for look in seen), 200)
        odd = [f"{look.name} has values of the type {look.unread}" for look in seen if look.unread]
        made = f"; {brief('; '.join(odd), 200)}, of which a task in Python can make texts" if odd else ""
        raise DataError(f"{name}: no two columns look like a source and a target; it has {there}{made}; {SEE}")
    keys = [*_keys(guess, name), *_limits(guess)]
    keys += _cut(rows, keys)
    others = [_examples(rows), ("evaluation.max_new_tokens", _limit(guess), "as many as a target may have")]
    _create(file, _content(name, file, rows, keys, others))
    told = [*((f"task.{key}", value, why) for key, value, why in keys), *others]
    return [f"wrote {file}", *notices, *_why(told), *_tried(file)]


def _content(name: str, file: Path, rows: Mapping[str, int], keys: Iterable[Key], others: Iterable[Key]) -> str:
    examples, answer = (f"{value}{_reason(why)}" for _, value, why in others)
    return SUITE.format(
        rows=sum(rows.values()),
        data=_said(name, 100),
        file=file.name,
        task="\n".join(map(_line, keys)),
        examples=examples,
        answer=answer,
    )


def _line(entry: Key) -> str:
    key, value, why = entry
    return f"# {key}: {_said(why, 300)}" if value is None else f"{key} = {toml.written(value)}{_reason(why)}"


def _why(keys: Iterable[Key]) -> Iterator[str]:
    for key, value, why in keys:
        if why:
            yield f"{key}{'' if value is None else f' = {toml.written(value)}'}: {toml.comment(why)}"


def _reason(why: str) -> str:
    return f"  # {_said(why, 150)}" if why else ""


def _said(text: str, longest: int) -> str:
    return toml.comment(brief(text, longest))


def _tried(file: Path) -> list[str]:
    """How the suite's data are read, or what keeps the suite from running as it is."""
    try:
        made = suites.load(str(file))
        scored_by.check(made.task, (), made.evaluation.metric_options)
        return [toml.comment(line) for line in data.read(made.task).notices]
    except UsageError as error:
        return [f"not ready to run: {toml.comment(str(error))}"]


def _rows(name: str, sources: Mapping[str, Sequence[Source]]) -> dict[str, int]:
    """The number of rows of each split. Raises ``DataError`` if one is missing that a suite needs."""
    rows = {split: sum(len(content.rows) for _, content in group) for split, group in sources.items()}
    if UNSPLIT not in rows and (missing := {"train", "test"} - rows.keys()):
        first = min(missing)
        remedy = f"add a file called {first}, or name one of the files, which is then divided"
        raise DataError(f"{name}: no rows for {first}; found {', '.join(rows) or 'none'}; {remedy}")
    return rows


def _path(name: str) -> Path:
    try:
        path = hub.local(name)
    except hub.Unavailable as error:
        raise UsageError(f"data {name!r}: {error}") from error
    if path is None:
        raise UsageError(f"data {name!r}: no such file or folder; a data set of the hub must be downloaded first")
    return path


def _slug(path: Path) -> str:
    """The name of the suite: that of the data without suffixes, or of its folder if the data are called as a split.

    A suite that comes with Tuneoff keeps its name.
    """
    name = path.absolute().name
    while Path(name).suffix.lower() in (*data_files.READERS, *UNPACK):
        name = Path(name).stem
    if name.lower() in SPLIT_NAMES:
        name = path.absolute().parent.name
    slug = re.sub(r"\W+", "_", name).strip("_") or "data"
    return f"{slug}_suite" if slug in (*suites.built_in(), LOCAL) else slug


def _looks(sources: Mapping[str, Sequence[Source]]) -> list[Look]:
    contents = [content for group in sources.values() for _, content in group]
    columns = [name for content in contents for name in content.columns]
    return looks.of(columns, [row for content in contents for row in content.rows])


def _keys(found: Guess, name: str) -> Iterator[Key]:
    """What defines the task, and where its rows are."""
    yield "name", found.keys["name"], found.why["name"]
    yield "data", name, ""
    for key, value in found.keys.items():
        if key != "name":
            yield key, value, found.why.get(key, "")
    known = task_files.built_in().get(found.keys["name"])
    for key, why in OF_THE_TASK.items():
        if (value := getattr(known, key, None)) and key not in found.keys:
            yield key, value[0] if len(value) == 1 and key == "prompt" else value, why


def _limits(found: Guess) -> Iterator[Key]:
    """How many tokens prompts and targets may have."""
    source = sum(look.tokens for look in found.read) + PROMPT_TOKENS
    yield "max_source_tokens", _enough(source), f"99% of the prompts have at most about {source:,} tokens"
    target = found.target or found.read[0]
    yield "max_target_tokens", _limit(found), f"99% of {target.name} have at most about {target.tokens:,} tokens"


def _cut(rows: Mapping[str, int], keys: Sequence[Key]) -> list[Key]:
    """The limit of test rows, if it is needed and the first ones stand for all of them."""
    count = rows.get("test", rows.get(UNSPLIT, 0) // 10)
    if count <= MOST_TEST_ROWS:
        return []
    try:
        table = TaskTable(**{key: value for key, value, _ in keys}, test_rows=MOST_TEST_ROWS)
        flaws = first_rows.flaws(table, data.load(table))
    except (UsageError, ValueError):  # which is told when the suite is looked at
        flaws = {}
    if reason := flaws.get("task.test_rows"):
        return [("test_rows", None, f"not set: at {MOST_TEST_ROWS}, {reason}; shuffle the rows to set it")]
    return [("test_rows", MOST_TEST_ROWS, f"the first of {count:,}, to begin with")]


def _examples(rows: Mapping[str, int]) -> Key:
    training = rows.get("train", rows.get(UNSPLIT, 0) * 9 // 10)
    return "budget.max_examples", max(1, min(MOST_EXAMPLES, training)), f"to begin with, of {training:,} training rows"


def _limit(found: Guess) -> int:
    return _enough((found.target or found.read[0]).tokens + 1)  # and the end token


def _enough(tokens: int) -> int:
    return next((limit for limit in LIMITS if limit >= tokens), LIMITS[-1])


def _create(file: Path, content: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(content)
    except FileExistsError as error:
        raise UsageError(f"{file}: exists already; move it away, or rename it, and run the command again") from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error}") from error
