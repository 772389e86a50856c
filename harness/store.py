"""The only reader and writer of ``results/``: one folder a suite, one file a run."""

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import StoreError
from harness.record import SCHEMA, Prediction, Record, RunSpec


class Store:
    """The results of one suite, below ``root``."""

    def __init__(self, root: Path, suite: str):
        self.folder = root / suite
        self._runs = self.folder / "runs"
        self._predictions = self.folder / "predictions"

    def prepare(self) -> None:
        """Make the folders and make sure that they can be written; raises ``StoreError``."""
        try:
            for folder in (self._runs, self._predictions):
                folder.mkdir(parents=True, exist_ok=True)
            self.write_text(".writable", "")
            (self.folder / ".writable").unlink()
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written: {error.strerror}; choose another with --results DIR"
            ) from error

    def write_run(self, record: Record, predictions: Iterable[Prediction]) -> Path:
        """Keep a finished run; what an older spec of the same method and seed left behind goes away."""
        name = f"{record.spec.name}-{record.spec.hash}"
        lines = "".join(json.dumps(p.model_dump(mode="json"), ensure_ascii=False) + "\n" for p in predictions)
        if lines:
            _replace(self._predictions / f"{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0))
        path = self._runs / f"{name}.json"
        _replace(path, record.to_json().encode())
        for folder in (self._runs, self._predictions):
            for old in folder.glob(f"{record.spec.name}-*"):
                if not old.name.startswith(name):
                    old.unlink()
        return path

    def read_runs(self) -> list[Record]:
        """Every stored run, by file name; raises ``StoreError`` that names a file that cannot be read."""
        return [_record(path) for path in sorted(self._runs.glob("*.json"))]

    def read_predictions(self, spec: RunSpec) -> list[Prediction]:
        """The predictions of a run in the order of the test rows; none where the run has none."""
        path = self._predictions / f"{spec.name}-{spec.hash}.jsonl.gz"
        if not path.exists():
            return []
        try:
            lines = gzip.decompress(path.read_bytes()).decode().splitlines()
            return [Prediction.model_validate_json(line) for line in lines]
        except (OSError, EOFError, ValueError) as error:
            raise StoreError(f"{path}: cannot be read ({error}); delete it and run the method again") from error

    def write_text(self, name: str, text: str) -> Path:
        """A file of this suite, such as ``leaderboard.md``, replaced as a whole."""
        path = self.folder / name
        _replace(path, text.encode())
        return path

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """A JSON file of this suite, replaced as a whole; ``NaN`` is refused."""
        return self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _record(path: Path) -> Record:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: not a run record ({error!r}); move it away or delete it") from error
    if schema != SCHEMA:
        age = "a newer" if isinstance(schema, int) and schema > SCHEMA else "an older"
        raise StoreError(f"{path}: written by {age} Tuneoff (schema {schema}, this one reads {SCHEMA}); move it away")
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        raise StoreError(f"{path}: not a run record ({error.errors()[0]['loc']}); move it away or delete it") from error


def _replace(path: Path, content: bytes) -> None:
    """Write beside the file, flush to the disk, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
