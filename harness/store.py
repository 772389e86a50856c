"""The only reader and writer of ``results/``: one folder a suite, one file a run."""

import glob
import gzip
import json
import os
import platform
import shutil
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from harness.errors import StoreError
from harness.record import SCHEMA, Prediction, Record, RunSpec

HOLDER = ".holder"  # who has the lock


class Store:
    """The results of one suite, below ``root``."""

    def __init__(self, root: Path, suite: str):
        self.folder = root / suite
        self._runs = self.folder / "runs"
        self._predictions = self.folder / "predictions"
        self._logs = self.folder / "logs"
        self.scratch = self.folder / ".scratch"  # where runs under way keep their files
        self._lock = FileLock(self.folder / ".lock")

    def open(self) -> None:
        """Make the folders, make sure that they can be written, and lock them until ``close()``.

        Raises ``StoreError``, which says who holds the lock if somebody does.
        """
        try:
            for folder in (self._runs, self._predictions, self._logs):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            for folder in (self._runs, self._predictions, self._logs):
                _replace(folder / ".probe", b"")
                (folder / ".probe").unlink()
            self.write_text(HOLDER, f"process {os.getpid()} on {platform.node()}")
        except Timeout as error:
            holder = (self.folder / HOLDER).read_text() if (self.folder / HOLDER).exists() else "another session"
            raise StoreError(
                f"{self.folder}: in use by {holder}; wait for it, or choose another folder with --results=DIR"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written: {error.strerror}; choose another with --results=DIR"
            ) from error
        self._tidy()

    def close(self) -> None:
        """Give the lock back."""
        if self._lock.is_locked:
            shutil.rmtree(self.scratch, ignore_errors=True)
            (self.folder / HOLDER).unlink(missing_ok=True)
            self._lock.release()

    def write_run(self, record: Record, predictions: Iterable[Prediction], log: str = "") -> Path:
        """Keep a finished run; what an older spec of the same method and seed left behind goes away.

        The record is written last: where there is one, its predictions are whole.
        """
        name = f"{record.spec.name}-{record.spec.hash}"
        kept = {self._runs / f"{name}.json": record.to_json().encode()}
        lines = "".join(json.dumps(p.model_dump(mode="json"), ensure_ascii=False) + "\n" for p in predictions)
        if lines:
            kept = {self._predictions / f"{name}.jsonl.gz": gzip.compress(lines.encode(), mtime=0), **kept}
        if log.strip():
            kept = {self._logs / f"{name}.log": log.encode(), **kept}
        for path, content in kept.items():
            _replace(path, content)
        for folder in (self._runs, self._predictions, self._logs):
            for old in folder.glob(f"{glob.escape(record.spec.name)}-{'[0-9a-f]' * 12}.*"):
                if old not in kept:
                    old.unlink()
        return self._runs / f"{name}.json"

    def read_runs(self) -> list[Record]:
        """Every stored run, by file name; raises ``StoreError`` that names each file that cannot be read."""
        records, complaints = [], []
        for path in sorted(self._runs.glob("[!.]*.json")):
            try:
                records.append(_record(path))
            except StoreError as error:
                complaints.append(str(error))
        if complaints:
            raise StoreError("\n".join(complaints))
        return records

    def read_predictions(self, spec: RunSpec) -> list[Prediction]:
        """The predictions of a run in the order of the test rows; none where the run has none."""
        path = self._predictions / f"{spec.name}-{spec.hash}.jsonl.gz"
        if not path.exists():
            return []
        try:
            lines = gzip.decompress(path.read_bytes()).splitlines()  # bytes: text splits at U+2028, too
            return [Prediction.model_validate_json(line) for line in lines]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise StoreError(f"{path}: cannot be read ({error}); delete it and run the method again") from error

    def _tidy(self) -> None:
        """Remove what a session that was killed left half-way."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        for folder in (self.folder, self._runs, self._predictions, self._logs):
            for path in folder.glob(".*.tmp"):
                path.unlink()

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
    except (OSError, ValueError, KeyError, TypeError) as error:
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
