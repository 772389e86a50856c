"""A suite written down again as TOML, for another session of pytest to read."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .paths import expanded
from .suite import EMBEDDED, Suite

Tables = Mapping[str, Mapping[str, Any]]


def tables(suite: Suite) -> dict[str, dict[str, Any]]:
    """What the suite's file and the command line set; its paths hold wherever it is read from."""
    found = suite.model_dump(mode="json", exclude={"name"}, exclude_unset=True, exclude_none=True)
    for table, key in (("task", "data"), ("model", "name")):
        value = found.get(table, {}).get(key, EMBEDDED)
        if value != EMBEDDED and expanded(value).exists():
            found[table][key] = f"{expanded(value).absolute()}"
    return found


def only(suite: Suite, method: str) -> dict[str, dict[str, Any]]:
    """The suite with that method alone, beside zero-shot which is always there, and its first seed."""
    found = tables(suite)
    found["run"] |= {"methods": [method], "seeds": [suite.run.seeds[0]]}
    found["run"].pop("new_methods", None)  # and no others
    found["methods"] = {name: table for name, table in found.get("methods", {}).items() if name == method}
    found.pop("search", None)  # what is compared is compared at one learning rate
    return found


def write(path: Path, content: Tables) -> Path:
    """The tables as a TOML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(content)) + "\n", encoding="utf-8")
    return path


def _lines(content: Tables) -> Iterator[str]:
    """TOML writes strings, numbers, truth values and lists as JSON does."""
    for name, table in content.items():
        inner = {f"{name}.{json.dumps(key)}": value for key, value in table.items() if isinstance(value, Mapping)}
        yield f"[{name}]"
        for key, value in table.items():
            if not isinstance(value, Mapping):
                yield f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}"
        yield from _lines(inner)
