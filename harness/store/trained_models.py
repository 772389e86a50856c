"""The trained models that the sessions of a suite keep: one folder for each run, which is whole or not there."""

import os
import shutil
from pathlib import Path

from ..spec.hashing import digest_of_folder
from ..spec.record import Record, RunSpec
from .on_disk import replace, writing

IGNORE_ALL = "# Trained models are too large for git.\n*\n"


class TrainedModels:
    """The folder ``checkpoints/`` of a suite's results, which git ignores."""

    def __init__(self, folder: Path):
        self.folder = folder

    def of(self, spec: RunSpec) -> Path:
        """The folder for the model of a run."""
        return self.folder / spec.name

    def put(self, spec: RunSpec, made: Path) -> str:
        """Move a finished folder to its place, and return its path relative to the folder of the suite's results.

        It replaces the model of an earlier run of that name. Raises ``StoreError`` if it cannot be moved.
        """
        place = self.of(spec)
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            if not (self.folder / ".gitignore").exists():
                replace(self.folder / ".gitignore", IGNORE_ALL.encode())
            self.remove(spec)
            made.rename(place)
        return place.relative_to(self.folder.parent).as_posix()

    def remove(self, spec: RunSpec) -> None:
        """Delete the model of a run, if there is one; raises ``StoreError`` if it cannot be deleted."""
        place = self.of(spec)
        with writing(self.folder):
            if place.exists():
                shutil.rmtree(place.rename(place.with_name(f".{place.name}.{os.getpid()}.tmp")))

    def has(self, record: Record) -> bool:
        """Whether the model that a record describes is there and unchanged."""
        found, place = record.outputs.checkpoint, self.of(record.spec)
        return found is not None and place.is_dir() and found.hash == digest_of_folder(place)

    def tidy(self) -> None:
        """Delete what a session that was killed had not finished writing or deleting."""
        for path in self.folder.glob(".*.tmp"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
