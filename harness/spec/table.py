"""The base of the tables of a TOML file, how such a file is read, and what is said about a wrong key."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .errors import SuiteError, unknown

AUTO: Final = "auto"
EMBEDDED = "embedded"  # the model and the data that come with Tuneoff

Positive = Annotated[int, Field(gt=0, strict=True)]
Natural = Annotated[int, Field(ge=0, strict=True)]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _whole_or_auto(value: Any) -> Any:
    if value != AUTO and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f'should be a whole number of 1 or more, or "{AUTO}", not {value!r}')
    return value


Size = Annotated[int | Literal["auto"], BeforeValidator(_whole_or_auto)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]  # one text, or a list of texts


class Table(BaseModel):
    """A frozen TOML table in which every key is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def content(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ``SuiteError``, which names the file, if it is not one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: not valid TOML: {error}") from error


def explained(path: Path, error: ValidationError, whole: type[Table]) -> str:
    """The problems with a file that is not ``whole``, one line each: file, key, what was expected, what was there."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "suite"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{path}: {key}: {unknown('key', key, _known_keys(problem['loc'], whole))}")
            continue
        got = "" if problem["type"] in ("missing", "value_error") else f" (got {problem['input']!r})"
        lines.append(f"{path}: {key}: {problem['msg'].removeprefix('Value error, ')}{got}")
    return "\n".join(lines)


def _known_keys(place: tuple[int | str, ...], whole: type[Table]) -> list[str]:
    """The keys that a table of the file may have, such as ``budget.max_steps``."""
    tables = {name: field.annotation for name, field in whole.model_fields.items() if name != "name"}
    table = tables.get(str(place[0])) if len(place) > 1 else None
    if isinstance(table, type) and issubclass(table, Table):
        return [f"{place[0]}.{key}" for key in table.model_fields]
    return list(tables)
