"""The only reader and writer of ``results/``: one folder per suite, one file per run.

Published results are in ``results/<suite>/``; sessions write to ``results/local/<suite>/`` by default.
"""

import glob
import gzip
import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.numpy import save

from ..spec.errors import StoreError
from ..spec.footprint import Footprint
from ..spec.preflight import Preflight
from ..spec.record import Prediction, Record, RunSpec
from ..spec.search import Search
from . import files
from .on_disk import read, replace, writing
from .trained_models import TrainedModels

PREFLIGHT, FOOTPRINTS = "preflight.json", "footprints.json"
HOLDER_FILE = ".holder"  # says who holds the lock
IGNORE_ALL = "# Not published, see results/ beside it.\n*\n"  # for git


class Store:
    """The results of one suite, below ``root``.

    Its published baselines and searches are below ``published``; without it, everything is in one place.
    """

    def __init__(self, root: Path, suite: str, published: Path | None = None):
        self.folder = root / suite
        self._runs = self.folder / "runs"
        self._predictions = self.folder / "predictions"
        self._scores = self.folder / "scores"
        self._logs = self.folder / "logs"
        self._searches = self.folder / "search"
        shared = (published or root) / suite
        self._published_searches = shared / "search"
        self.baselines = shared / "baseline"  # with which later sessions are compared
        self._folders = (self._runs, self._predictions, self._scores, self._logs)
        self.trained_models = TrainedModels(self.folder / "checkpoints")
        self.scratch = self.folder / ".scratch"  # for the files of runs in progress
        self._lock = FileLock(self.folder / ".lock")
        # What could not be written; it can be read until the session ends.
        self._unwritten: dict[str, tuple[Record, Sequence[Prediction]]] = {}
        self._unwritten_searches: dict[str, Search] = {}

    def open(self) -> None:
        """Make the folders, make sure that they can be written to, and lock them until ``close()``.

        Raises ``StoreError``, which says who holds the lock if another session does.
        """
        with writing(self.folder):
            for folder in self._folders:
                folder.mkdir(parents=True, exist_ok=True)
            if self.baselines.parent != self.folder:
                _keep_out_of_git(self.folder.parent)
            self._acquire()
            for folder in self._folders:
                replace(folder / ".probe", b"")
                (folder / ".probe").unlink()
        self.write_text(HOLDER_FILE, f"process {os.getpid()} on {platform.node()}")
        self._tidy()

    def close(self) -> None:
        """Release the lock, and remove files that only a session needs."""
        if self._lock.is_locked:
            shutil.rmtree(self.scratch, ignore_errors=True)
            (self.folder / HOLDER_FILE).unlink(missing_ok=True)
            self._lock.release()

    def write_run(self, record: Record, predictions: Sequence[Prediction], log: str = "") -> Path:
        """Store a finished run, and remove the files of older specs of the same method and seed.

        The record is written last: if there is one, its predictions are complete. Raises ``StoreError`` if the run
        cannot be written; it can still be read until the session ends.
        """
        name = f"{record.spec.name}-{record.spec.hash}"
        kept = {self._runs / f"{name}.json": record.to_json().encode()}
        if predictions:
            kept = {
                self._predictions / f"{name}.jsonl.gz": files.packed(files.lines(predictions)),
                self._scores / f"{name}.safetensors": save(files.scores_of(predictions)),
                **kept,
            }
        if log.strip():
            kept = {self.log(record.spec): log.encode(), **kept}
        self._unwritten[record.spec.name] = record, predictions
        with writing(self.folder):
            for path, content in kept.items():
                replace(path, content)
        del self._unwritten[record.spec.name]
        for folder in self._folders:
            for old in folder.glob(f"{glob.escape(record.spec.name)}-{'[0-9a-f]' * 12}.*"):
                if old not in kept:
                    old.unlink()
        return self._runs / f"{name}.json"

    def rewrite(self, record: Record) -> None:
        """Replace the record of a stored run, whose predictions stay; raises as ``write_run`` does."""
        name = record.spec.name
        if name in self._unwritten:
            self._unwritten[name] = record, self._unwritten[name][1]
            return
        with writing(self.folder):
            replace(self._runs / f"{name}-{record.spec.hash}.json", record.to_json().encode())

    def log(self, spec: RunSpec) -> Path:
        """The file with the end of what a run printed, if it printed anything."""
        return self._logs / f"{spec.name}-{spec.hash}.log"

    def read_log(self, spec: RunSpec) -> str:
        """The end of what a run printed; empty if that is not stored."""
        path = self.log(spec)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def read_runs(self) -> list[Record]:
        """Every run: first by file name, then those that could not be written.

        Raises ``StoreError``, which names each file that cannot be read.
        """
        records, complaints = [], []
        with files.without_collections():
            for name in self._names():
                try:
                    records.append(files.record(f"{self._runs}/{name}"))
                except StoreError as error:
                    complaints.append(str(error))
        if complaints:
            raise StoreError("\n".join(complaints))
        written = [record for record in records if record.spec.name not in self._unwritten]
        return [*written, *(record for record, _ in self._unwritten.values())]

    def read_predictions(self, spec: RunSpec, most: int | None = None) -> list[Prediction]:
        """The predictions of a run in the order of the test rows, or the first ones; empty if it has none."""
        if unwritten := self._unwritten.get(spec.name):
            return list(unwritten[1][:most])
        path = self._predictions / f"{spec.name}-{spec.hash}.jsonl.gz"
        return files.predictions(path, most) if path.exists() else []

    def read_scores(self, specs: Iterable[RunSpec]) -> list[dict[str, NDArray[np.float64]]]:
        """The scores of each run by metric, one value per scored test row; empty if the run has none."""
        with files.without_collections():
            return [self._scores_of(spec) for spec in specs]

    def write_search(self, search: Search, log: str = "") -> Path:
        """Store a finished search and what its trials printed, replacing an earlier search of the same method.

        Raises as ``write_run`` does.
        """
        path = self._searches / f"{search.spec.method}.json"
        self._unwritten_searches[search.spec.method] = search
        with writing(self.folder):
            self._logs.mkdir(parents=True, exist_ok=True)
            replace(self.search_log(search.spec.method), log.encode())
            self._searches.mkdir(exist_ok=True)
            replace(path, search.to_json().encode())
        del self._unwritten_searches[search.spec.method]
        return path

    def read_searches(self, method: str) -> list[Search]:
        """The last search of a method and the published one, if they exist, in this order.

        Raises ``StoreError`` for a file that cannot be read.
        """
        folders = dict.fromkeys([self._searches, self._published_searches])
        stored = [files.search(path) for folder in folders if (path := folder / f"{method}.json").exists()]
        unwritten = self._unwritten_searches.get(method)
        return [unwritten, *stored] if unwritten else stored

    def searches_of(self, records: Sequence[Record]) -> dict[str, Search]:
        """For each method, the stored search, from whichever session, to which all of its runs among these belong."""
        found = {}
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(record.spec.method, []).append(record)
        for method, runs in groups.items():
            for each in reversed(self.read_searches(method)):
                if all(map(each.belongs, runs)):
                    found[method] = each
        return found

    def write_preflight(self, here: Preflight) -> Path:
        """Store what the checks before the first run found; it replaces that of an earlier session."""
        return self.write_text(PREFLIGHT, f"{here.model_dump_json(indent=2)}\n")

    def read_preflight(self) -> Preflight | None:
        """What the checks of the last session found; ``None`` if that was not stored, or by another version."""
        try:
            return Preflight.model_validate_json(read(self.folder / PREFLIGHT))
        except (OSError, ValidationError):
            return None

    def write_footprints(self, found: Mapping[str, Footprint]) -> Path:
        """Store how much memory methods need, by method; it replaces what an earlier session found."""
        return self.write_json(FOOTPRINTS, {method: each.model_dump(mode="json") for method, each in found.items()})

    def read_footprints(self) -> dict[str, Footprint]:
        """What the last session that tried methods out found; nothing if that is not stored, or by another version."""
        try:
            stored = json.loads(read(self.folder / FOOTPRINTS))
            return {method: Footprint.model_validate(each) for method, each in stored.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def take(self, other: "Store", records: Sequence[Record]) -> None:
        """Copy these runs and the last searches of their methods from another store, and remove all others."""
        methods = dict.fromkeys(record.spec.method for record in records)
        for record in records:
            self.write_run(record, other.read_predictions(record.spec))
        for method in methods:
            for found in other.read_searches(method)[:1]:
                self.write_search(found)
        if here := other.read_preflight():
            self.write_preflight(here)
        kept = (*(f"{record.spec.name}-{record.spec.hash}." for record in records), *(f"{each}." for each in methods))
        for folder in (*self._folders, self._searches):
            for path in folder.glob("*"):
                if not path.name.startswith(kept):
                    path.unlink()

    def migrate(self) -> list[Path]:
        """Rewrite files of an older schema in today's, and return the files that changed.

        Raises ``StoreError`` for a file that cannot be read, before anything is written.
        """
        today = {self._runs / name: files.record(f"{self._runs}/{name}").to_json().encode() for name in self._names()}
        today |= {path: files.search(path).to_json().encode() for path in sorted(self._searches.glob("[!.]*.json"))}
        lines = {
            path: files.lines(files.predictions(path)) for path in sorted(self._predictions.glob("[!.]*.jsonl.gz"))
        }
        changed = {path: content for path, content in today.items() if content != read(path)}
        changed |= {path: files.packed(text) for path, text in lines.items() if text != gzip.decompress(read(path))}
        with writing(self.folder):
            for path, content in changed.items():
                replace(path, content)
        return list(changed)

    def search_log(self, method: str) -> Path:
        """The file with what a search's trials printed."""
        return self._logs / f"{method}-search.log"

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            path = self.folder / HOLDER_FILE
            holder = path.read_text() if path.exists() else "another session"
            raise StoreError(
                f"{self.folder}: in use by {holder}; wait for it, or choose another folder with --results=DIR"
            ) from error

    def _names(self) -> list[str]:
        """The names of the runs' files, sorted; names sort ten times as fast as paths."""
        found = os.listdir(self._runs) if self._runs.exists() else []  # noqa: PTH208
        return sorted(name for name in found if name.endswith(".json") and not name.startswith("."))

    def _scores_of(self, spec: RunSpec) -> dict[str, NDArray[np.float64]]:
        if unwritten := self._unwritten.get(spec.name):
            return files.scores_of(unwritten[1])
        return files.scores(f"{self._scores}/{spec.name}-{spec.hash}.safetensors")

    def _tidy(self) -> None:
        """Remove the unfinished files of a session that was killed."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        for folder in (self.folder, self.baselines, self._searches, *self._folders):
            for path in folder.glob(".*.tmp"):
                path.unlink()
        self.trained_models.tidy()

    def write_text(self, name: str, text: str) -> Path:
        """Write a file of this suite, such as ``leaderboard.md``, as a whole; returns its path."""
        path = self.folder / name
        with writing(self.folder):
            replace(path, text.encode())
        return path

    def write_json(self, name: str, content: Mapping[str, Any] | Sequence[Any]) -> Path:
        """Write a JSON file of this suite, as a whole; raises ``ValueError`` for ``NaN``."""
        return self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _keep_out_of_git(folder: Path) -> None:
    if not (folder / ".gitignore").exists():
        replace(folder / ".gitignore", IGNORE_ALL.encode())
