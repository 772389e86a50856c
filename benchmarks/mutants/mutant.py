"""One small bug: planted in a copy of the project, where the tests that should notice it are run."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
COPIED = ("benchmarks", "docs", "harness", "methods", "results", "tests", "conftest.py", "pyproject.toml", "README.md")
PATIENCE = 300  # seconds for the tests of one mutant
RAN = 100  # added to pytest's exit code, so that a process that dies otherwise is told apart
PASSED, FAILED, HUNG = RAN, RAN + 1, -1

SLOW_TO_IMPORT = ["torch", "transformers", "peft", "pandas", "scipy.stats"]


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    HARMLESS = "harmless"  # survived, as was known
    HUNG = "hung"  # the tests did not end: because of the mutant, or of what else the machine did
    BROKEN = "broken"  # the text to change is not there exactly once, or the tests did not run


@dataclass(frozen=True)
class Mutant:
    """A change of a file and the tests that should notice it: arguments for pytest."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: str = ""  # why it may

    def fate(self) -> Fate:
        """What the tests say of the project with this change."""
        if (ROOT / self.file).read_text(encoding="utf-8").count(self.old) != 1:
            return Fate.BROKEN
        survived = Fate.HARMLESS if self.survives else Fate.SURVIVED
        return {PASSED: survived, FAILED: Fate.KILLED, HUNG: Fate.HUNG}.get(outcome(self.tests, self), Fate.BROKEN)


def outcome(tests: Sequence[str], mutant: Mutant | None = None) -> int:
    """``PASSED``, ``FAILED``, ``HUNG`` or another code of pytest on a copy of the project, with a mutant or without."""
    with TemporaryDirectory(prefix="tuneoff-mutant-") as name:
        folder = Path(name)
        for copied in COPIED:
            _copy(ROOT / copied, folder)
        if mutant is not None:
            path = folder / mutant.file
            path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
        processes = get_context("forkserver")
        processes.set_forkserver_preload(SLOW_TO_IMPORT)
        process = processes.Process(target=_pytest, args=(folder, tests))
        process.start()
        process.join(PATIENCE if mutant else None)
        if process.exitcode is None:
            process.kill()
            process.join()
            return HUNG
        return process.exitcode


def _copy(source: Path, folder: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, folder)


def _pytest(folder: Path, tests: Sequence[str]) -> None:
    """Run in a process of its own, which has what is slow to import but nothing of the project's."""
    import pytest

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    preloaded = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # pytest would rewrite some of it
    os._exit(RAN + pytest.main(["-x", "-q", "-p", "no:cacheprovider", *preloaded, *tests]))
