"""Reading and writing baselines: ``<fingerprint>.json`` for people and diffs, a sidecar for per-example scores.

The JSON does not say when or where it was written, and its keys are sorted, so each changed line of a diff shows a
change in the results. A row may be deleted by hand; a status, key or score that was edited by hand is an error.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..spec.block import Block
from ..spec.errors import StoreError
from ..store import schema1
from ..store.on_disk import foreign, replace, writing
from .acceptance import Refused, merged, updates
from .baseline import Baseline, BaselineRow, Fingerprint, Measured, Scores, hash_of, unfit

SCHEMA: Final = 2
RESTORE = "restore it from version control, or delete it and accept a new one with --update-baseline"

Arrays = Mapping[str, NDArray[np.float64]]


class BaselineFile(Block):
    """The content of the JSON file."""

    schema_version: Literal[2] = Field(alias="schema")
    suite: str
    fingerprint: Fingerprint
    rows: Mapping[str, BaselineRow]


def read_all(folder: Path) -> list[Baseline]:
    """The baselines in a folder, sorted by file name; none if the folder does not exist.

    Raises a ``StoreError`` that names each unusable file and what to do about it.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise StoreError(f"{folder}: not a folder; move it away, since baselines are stored there")
    baselines, complaints = [], []
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            baselines.append(read(path))
        except StoreError as error:
            complaints.append(str(error))
    if complaints:
        raise StoreError("\n".join(complaints))
    return baselines


def read(path: Path) -> Baseline:
    """Read one baseline. Raises ``StoreError`` if it is incomplete or inconsistent."""
    content = _content(path)
    arrays = _arrays(path.with_suffix(".safetensors"), content)
    rows = {name: Measured(row, _scores(name, row, arrays)) for name, row in content.rows.items()}
    for name, one in rows.items():
        if reason := _unlike_its_sidecar(one) or unfit(one) or _other_means(one):
            raise StoreError(f"{path}: rows.{name}: {reason}; {RESTORE}")
    return Baseline(content.suite, content.fingerprint, rows)


def update(folder: Path, new: Baseline, refused: Refused | None = None) -> tuple[Path | None, list[str]]:
    """Accept a session's rows, except those that are ``refused``, into the baseline of their fingerprint.

    Returns the file, or ``None`` if nothing changed, and a line on each row. Raises ``StoreError``, before writing
    anything, if the existing baseline cannot be read.
    """
    path = path_of(folder, new)
    old = read(path) if path.exists() else None
    both, before = merged(old, new, refused), old.rows if old else {}
    changed = any(one is not before.get(name) for name, one in both.rows.items())
    return write(folder, both) if changed else None, updates(old, new, refused)


def write(folder: Path, baseline: Baseline) -> Path:
    """Replace the files of one fingerprint; their bytes depend on the results only.

    The sidecar is written first: if the session is killed in between, the two files do not match, and ``read`` reports
    that. Raises ``StoreError`` for a row that cannot be accepted and for a folder that cannot be written to.
    """
    path = path_of(folder, baseline)
    for name, one in baseline.rows.items():
        if reason := unfit(one):
            raise StoreError(f"{path}: rows.{name}: {reason}; only finished runs can be accepted; run it again")
    text, sidecar = _text(baseline), save(dict(_named(baseline)))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        replace(path.with_suffix(".safetensors"), sidecar)
        replace(path, text.encode())
    return path


def path_of(folder: Path, baseline: Baseline) -> Path:
    """The path of a baseline's JSON file in a folder, whether or not it exists."""
    return folder / f"{baseline.fingerprint.hash}.json"


def _content(path: Path) -> BaselineFile:
    try:
        content = schema1.read(BaselineFile, path.read_bytes(), schema1.baseline)
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path}: {_flaw(path, error)}") from error
    if content.fingerprint.hash != path.stem:
        raise StoreError(f"{path}: its fingerprint belongs to {content.fingerprint.hash}.json; {RESTORE}")
    if content.suite != path.parent.parent.name:
        remedy = f"move it to {content.suite}/baseline/, or delete it"
        raise StoreError(f"{path}: it belongs to suite {content.suite}; {remedy}")
    for name, row in content.rows.items():
        if row.key.method != name:
            raise StoreError(f"{path}: rows.{name}: its key names the method {row.key.method}; {RESTORE}")
    return content


def _flaw(path: Path, error: Exception) -> str:
    if other := foreign(path, SCHEMA):
        return f"{other}; {'update Tuneoff, or ' if 'newer' in other else ''}{RESTORE}"
    if not isinstance(error, ValidationError):
        return f"cannot be read ({error}); {RESTORE}"
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place + ': ' if place else ''}{first['msg']}; {RESTORE}"


def _arrays(path: Path, content: BaselineFile) -> Arrays:
    if not any(run.per_example for row in content.rows.values() for run in row.runs.values()):
        return {}
    try:
        return load(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{path}: the per-example scores of {path.stem}.json are missing; {RESTORE}") from error
    except (OSError, SafetensorError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); {RESTORE}") from error


def _scores(name: str, row: BaselineRow, arrays: Arrays) -> dict[int, Scores]:
    places = {seed: {metric.id: _place(name, seed, metric.id) for metric in row.metrics} for seed in row.runs}
    return {
        seed: {metric: arrays[place] for metric, place in by_metric.items() if place in arrays}
        for seed, by_metric in places.items()
    }


def _unlike_its_sidecar(one: Measured) -> str | None:
    for seed, run in one.row.runs.items():
        if run.per_example != (hash_of(scores) if (scores := one.scores[seed]) else None):
            return f"the per-example scores of seed {seed} in the .safetensors file do not belong to this row"
    return None


def _other_means(one: Measured) -> str | None:
    for seed, run in one.row.runs.items():
        for name, values in one.scores[seed].items():
            if not math.isclose(mean := run.scores.get(name, math.nan), values.mean(), abs_tol=1e-9):
                return f"{name} of seed {seed} is {mean:g}, which is not the mean of its per-example scores"
    return None


def _named(baseline: Baseline) -> dict[str, NDArray[np.float64]]:
    return {
        _place(name, seed, metric): np.ascontiguousarray(values, dtype=np.float64)
        for name, one in baseline.rows.items()
        for seed, scores in one.scores.items()
        for metric, values in scores.items()
    }


def _place(method: str, seed: int, metric: str) -> str:
    return f"{method}/seed{seed}/{metric}"


def _text(baseline: Baseline) -> str:
    rows = {name: one.row for name, one in baseline.rows.items()}
    content = BaselineFile(schema_version=SCHEMA, suite=baseline.suite, fingerprint=baseline.fingerprint, rows=rows)
    values = content.model_dump(mode="json", by_alias=True)
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
