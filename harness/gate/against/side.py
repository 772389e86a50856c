"""One side of a comparison: a folder whose own pytest, harness and methods do a run, and what it took."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

from ...execute import processes
from ...spec.record import Status

TAIL = 15  # lines of a session's output that tell why it failed
LEFT_OUT = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONSAFEPATH", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class RecordedCost(BaseModel):
    """What a run took, as any version of Tuneoff records it; whatever else is in the record is not read."""

    step_seconds_median: float | None = None
    train_seconds: float | None = None
    generate_seconds: float | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    examples: int | None = None
    steps: int | None = None
    tokens: int | None = None
    contended: bool = False


class Reason(BaseModel):
    """Why a run is not ``ok``."""

    message: str = ""


class Taken(BaseModel):
    """A run of one side. ``problem`` says why there is nothing to compare; ``absent``: the side has no such method."""

    status: str
    cost: RecordedCost
    error: Reason | None = None
    contended: bool = False  # where records of schema 1 have it
    problem: str = ""
    absent: bool = Field(default=False, exclude=True)

    @property
    def reason(self) -> str:
        """Why it is not ``ok``."""
        return self.error.message if self.error else ""


@dataclass(frozen=True)
class Side:
    """A project's folder at one revision; ``scratch`` is a folder for what its sessions write.

    ``path`` is a ``PYTHONPATH`` in place of this process' own.
    """

    name: str
    folder: Path
    scratch: Path
    device: str | None = None
    path: str | None = None

    def run(self, suite: Path, method: str, seed: int) -> Taken:
        """Do that run of a suite in a session of its own."""
        runs = self.scratch / "results" / suite.stem / "runs"
        for old in runs.glob(f"{method}-seed*.json"):
            old.unlink()
        code, output = self.session(f"--suite={suite}", f"::test_method[{method}-seed{seed}]")
        for path in runs.glob(f"{method}-seed*.json"):
            return self.judged(path, output)
        if code == pytest.ExitCode.USAGE_ERROR and f"unknown method {method!r}" in output:
            return _nothing(f"{self.name}: it has no such method", absent=True)
        return _nothing(self.failed(f"its session of pytest ended with code {code}", output))

    def session(self, *arguments: str) -> tuple[int, str]:
        """A session of ``pytest --benchmark`` in this folder: its exit code and all that it said."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        log = self.scratch / "session.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *self._options(), *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=processes.die_with_starter,
            )
        return done.returncode, log.read_text(encoding="utf-8", errors="replace")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        return kept if self.path is None else {**kept, "PYTHONPATH": self.path}

    def _options(self) -> Iterator[str]:
        """``-m pytest`` puts the folder first in the path, so that its own harness and methods are what runs."""
        yield from ("--benchmark", f"--rootdir={self.folder}", f"--results={self.scratch / 'results'}")
        yield from ("-o", f"cache_dir={self.scratch / 'cache'}")  # or --lf would know these runs
        if self.device:
            yield f"--device={self.device}"

    def judged(self, path: Path, output: str) -> Taken:
        """The run that a record is about, of whatever version of Tuneoff; ``output`` is its session's."""
        try:
            taken = Taken.model_validate_json(path.read_bytes())
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            return _nothing(self.failed(f"it is too old or too new: no {place} in what it records of a run", output))
        if taken.status in (Status.OK, Status.UNSUPPORTED):
            return taken
        reason = f"{taken.status}: {taken.reason or 'no reason given'}"
        return taken.model_copy(update={"problem": self.failed(reason, output)})

    def failed(self, reason: str, output: str) -> str:
        """Why a session gave nothing, with the end of the session's output, all of which is kept."""
        with tempfile.NamedTemporaryFile("w", prefix=f"tuneoff-{self.name}-", suffix=".log", delete=False) as kept:
            kept.write(output)
        tail = "\n".join(f"| {line}" for line in output.splitlines()[-TAIL:])
        return f"{self.name}: {reason}; its full output is in {kept.name}; the end:\n{tail}"


def _nothing(problem: str, *, absent: bool = False) -> Taken:
    return Taken(status=Status.FAILED, cost=RecordedCost(), problem=problem, absent=absent)
