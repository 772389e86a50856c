"""Where the definition of a task is found: among the built-in tasks, or in a file of the user's own."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from . import python_task, registry, task_rules
from .errors import SuiteError, unknown
from .hashing import digest
from .paths import expanded, shown
from .table import Table, content, explained
from .task_table import DEFINING, MESSAGES, OWN_COLUMNS, PYTHON, SOURCE, TARGET, TaskTable

BUILT_IN = Path(__file__).parents[1] / "tasks" / "built_in"
ENTRY_POINTS = "tuneoff.tasks"  # each names a package that holds task files, or one task's module
SUFFIXES = (".toml", PYTHON)
SHORTEST_WORD = 4  # letters; a shorter name may be a code, such as that of a language
OWN = "for a task of your own, set task.columns and task.prompt, or name its file"


class TaskFile(Table):
    """A task's file: the ``[task]`` of a suite, and nothing else."""

    task: TaskTable


@cache
def built_in() -> Mapping[str, TaskTable]:
    """The tasks that come with Tuneoff, by name."""
    paths = sorted(BUILT_IN.glob("*.toml"))
    return {path.stem: _valid(path, {"name": path.stem, **content(path)["task"]}) for path in paths}


def completed(table: TaskTable) -> TaskTable:
    """The table with what its built-in task says where it says nothing itself; columns are joined one by one.

    Raises ``SuiteError`` for a task that does not exist, and for a table that defines none.
    """
    if table.name not in built_in() and table.columns is None and table.prompt is None:
        raise SuiteError(f"task.name: {unknown('task', table.name, built_in())}; {OWN}")
    whole = _merged(table, built_in().get(table.name))
    if reason := task_rules.flaw(whole):
        raise SuiteError(reason)
    return whole


def joined(table: Mapping[str, Any], folders: Iterable[Path] = ()) -> dict[str, Any]:
    """The ``[task]`` of a suite with what the file that it names says, where the suite says nothing itself.

    A name without a suffix is looked for in ``folders`` and in what installed packages offer. Raises ``SuiteError``,
    which names the task's file, if it cannot be used, and ``PluginError`` for one in Python.
    """
    name = table.get("name")
    path = _find(name, folders) if isinstance(name, str) else None
    if path is None:
        return dict(table)
    found = _of_python(path) if path.suffix == PYTHON else _of_toml(path)
    own, columns, prompt = found.model_dump(exclude_unset=True), table.get("columns", {}), table.get("prompt")
    known = {
        column: names
        for column, names in own.get("columns", {}).items()
        if column in OWN_COLUMNS or prompt is None or f"{{{column}}}" in f"{prompt}"
    }
    both = _both(known, columns) if isinstance(columns, dict) else columns
    return {**own, **table, "name": found.name} | ({"columns": both} if both else {})


def words(table: TaskTable) -> tuple[str, str]:
    """What a source and a target are called in the data: by their columns, if the names of these are words."""
    try:
        columns = completed(table).columns or {}
    except SuiteError:  # of a stored run, whose task this version does not have
        return SOURCE, TARGET
    if MESSAGES in columns:
        return "conversation", "answer"
    return _word(columns[SOURCE][0], SOURCE), _word(columns[TARGET][0], TARGET)


def labelled(table: TaskTable) -> bool:
    """Whether the targets of a task are labels, as far as this version knows the task of a stored run."""
    try:
        return completed(table).labelled
    except SuiteError:
        return table.labelled


def source_hash(table: TaskTable) -> str:
    """Twelve hex digits of the Python file of a task; empty if it has none."""
    return digest(expanded(table.name).read_bytes()) if table.name.endswith(PYTHON) else ""


def _word(name: str, default: str) -> str:
    return name if name.isalpha() and name.islower() and len(name) >= SHORTEST_WORD else default


def _merged(table: TaskTable, known: TaskTable | None) -> TaskTable:
    if known is None:
        return table
    said = {key: getattr(known, key) for key in DEFINING if getattr(table, key) is None}
    whole = table.model_copy(update=said)
    own = table.columns or {}
    named = {name for template in whole.templates for name in template.names}
    columns = _both(known.columns or {}, own)
    kept = {column: names for column, names in columns.items() if column in {*OWN_COLUMNS, *own, *named}}
    return whole.model_copy(update={"columns": kept})


def _both(known: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of both, without those of ``known`` that a conversation has in it, or that are in one."""
    instead = {MESSAGES} if {SOURCE, TARGET} & own.keys() else {SOURCE, TARGET} if MESSAGES in own else set()
    return {**{column: names for column, names in known.items() if column not in instead}, **own}


def _find(name: str, folders: Iterable[Path]) -> Path | None:
    """The file of a task, or ``None`` if the name is not that of a file."""
    path = expanded(name)
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise SuiteError(f"task.name: {path}: no such file")
        return path
    configured = list(folders)
    for folder in configured:
        if not folder.exists():
            raise SuiteError(f"task_paths: {folder}: no such file or folder; correct it in pytest's ini")
    installed = () if name in built_in() else registry.installed(ENTRY_POINTS)
    places = dict.fromkeys(place.resolve() for place in [*configured, *installed])
    found = [file for place in places for file in _files(place) if file.stem == name]
    if len(found) > 1 or (found and name in built_in()):
        others = f"{found[1]}" if len(found) > 1 else "a built-in task"
        raise SuiteError(f"task.name: two tasks are called {name!r}: {found[0]} and {others}; rename one of the files")
    return found[0] if found else None


def _files(place: Path) -> list[Path]:
    found = [place] if place.is_file() else sorted(place.iterdir())
    return [path for path in found if path.suffix in SUFFIXES and not path.name.startswith("_")]


def _of_toml(path: Path) -> TaskTable:
    tables = content(path)
    table = tables.get("task")
    if not isinstance(table, dict):
        raise SuiteError(f"{path}: has no [task]; a task's file has the same form as the [task] of a suite")
    base = f"{table.get('name', path.stem)}"
    if "name" in table and base not in built_in():
        raise SuiteError(f"{path}: task.name: {unknown('built-in task', base, built_in())}; leave out this key")
    if "name" not in table and base in built_in():
        remedy = f'write name = "{base}" in it to build on that task'
        raise SuiteError(f"{path}: {base} is the name of a built-in task; rename the file, or {remedy}")
    return _valid(path, {**table, "name": base}, {name: each for name, each in tables.items() if name != "task"})


def _of_python(path: Path) -> TaskTable:
    return _valid(path, {**python_task.keys(path), "name": f"{shown(path.absolute())}"})


def _valid(path: Path, table: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> TaskTable:
    """The task in a file. Raises ``SuiteError``, which names the file and the key, unless it is a whole one."""
    try:
        found = TaskFile.model_validate({"task": table, **(others or {})}).task
    except ValidationError as error:
        raise SuiteError(explained(path, error, TaskFile)) from error
    base = built_in().get(found.name) if path.parent != BUILT_IN else None
    if reason := task_rules.flaw(_merged(found, base)):
        raise SuiteError(f"{path}: {reason}")
    return found
