"""Writes a suite back as TOML, for another pytest session to read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import python_task, toml
from .paths import expanded
from .suite import EMBEDDED, Suite
from .task_table import DEFINING, PYTHON, TaskTable

Tables = Mapping[str, Mapping[str, Any]]


def tables(suite: Suite) -> dict[str, dict[str, Any]]:
    """The keys that the suite's file and the command line set; paths are absolute, to work from any folder."""
    found = suite.model_dump(exclude={"name"}, exclude_unset=True, exclude_none=True)
    if suite.task.name.endswith(PYTHON):
        found["task"]["name"] = f"{expanded(suite.task.name).absolute()}"
    for table, key in (("task", "data"), ("model", "name")):
        value = found.get(table, {}).get(key, EMBEDDED)
        if value != EMBEDDED and expanded(value).exists():
            found[table][key] = f"{expanded(value).absolute()}"
    return found


def only(suite: Suite, *methods: str) -> dict[str, dict[str, Any]]:
    """The suite with only these methods, its first seed, and zero-shot, which always runs."""
    found = tables(suite)
    found["run"] |= {"methods": list(methods), "seeds": [suite.run.seeds[0]]}
    found["run"].pop("new_methods", None)  # no other methods
    found["run"].pop("keep", None)  # an older version of Tuneoff does not know this key
    found["methods"] = {name: table for name, table in found.get("methods", {}).items() if name in methods}
    found.pop("search", None)  # a comparison uses one learning rate
    return found


def with_task(suite: Suite, file: Path) -> Suite:
    """The suite with another version of its task in Python, which then says itself what the suite has from its own."""
    own = TaskTable(name=suite.task.name, **python_task.keys(expanded(suite.task.name)))
    told = {key: getattr(own, key) for key in own.model_fields_set & {*DEFINING}}
    said = suite.task.model_dump(exclude_unset=True)
    kept = {key: value for key, value in said.items() if value != told.get(key)}
    if "columns" in kept:  # which the suite may have added to those of the file
        others = told.get("columns") or {}
        kept["columns"] = {name: each for name, each in kept["columns"].items() if each != others.get(name)}
    return suite.model_copy(update={"task": TaskTable(**{**kept, "name": f"{file}"})})


def write(path: Path, content: Tables) -> Path:
    """Write the tables as a TOML file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(content)) + "\n", encoding="utf-8")
    return path


def _lines(content: Tables) -> Iterator[str]:
    for name, table in content.items():
        inner = {f"{name}.{toml.key(key)}": value for key, value in table.items() if isinstance(value, Mapping)}
        yield f"[{name}]"
        for key, value in table.items():
            if not isinstance(value, Mapping):
                yield f"{toml.key(key)} = {toml.written(value)}"
        yield from _lines(inner)
