"""One side of a comparison: a folder whose own pytest, harness and methods do runs, and what these took.

One session does all runs of a side. It is asked over a socket, by lines of JSON: a method's name is answered by the
run. Before the first of them, the session says ``Ready``. A Tuneoff that is too old for that ends without a word; its
runs are done by a session each.
"""

import socket
from functools import cached_property
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Protocol

import pytest
from pydantic import BaseModel, Field, ValidationError

from ...spec import suite_file
from ...spec.record import Status
from ...spec.suite import Suite
from .sessions import Sessions

CLOSING_SECONDS = 10.0  # for a session to end by itself


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
    problem: str | None = None
    absent: bool = Field(default=False, exclude=True)

    @property
    def reason(self) -> str:
        """Why it is not ``ok``."""
        return self.error.message if self.error else ""


class Ready(BaseModel):
    """What a session says before its first run: why there can be none, and what is wrong with hyper-parameters."""

    problem: str | None = None
    hyperparameters: str | None = None


class Answer(BaseModel):
    """A run as its session tells it: the record as JSON, and why it is not ``ok``. No record: no such method."""

    record: str | None = None
    output: str = ""


class Runs(Protocol):
    """What does the runs of one side."""

    name: str

    def run(self, method: str) -> Taken:
        """Do the run of that method with the suite's first seed."""
        ...


def taken(sessions: Sessions, record: bytes, output: str) -> Taken:
    """The run that a record is about, of whatever version of Tuneoff; ``output`` tells more about a failure."""
    try:
        run = Taken.model_validate_json(record)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        return _nothing(sessions.failed(f"it is too old or too new: no {place} in what it records of a run", output))
    if run.status in (Status.OK, Status.UNSUPPORTED):
        return run
    reason = f"{run.status}: {run.reason or 'no reason given'}"
    return run.model_copy(update={"problem": sessions.failed(reason, output)})


class Side:
    """The runs of these methods of a suite in one folder, in a session that starts at once and ends with ``close``."""

    def __init__(self, sessions: Sessions, suite: Suite, *methods: str):
        self.name = sessions.name
        self._sessions = sessions
        self._suite = suite
        self._socket, theirs = socket.socketpair()
        with theirs:
            file = self._write_suite(*methods)
            ours = (f"--suite={file}", f"--serve={theirs.fileno()}")
            self._process = sessions.start(*ours, pass_fds=[theirs.fileno()])
        self._stream = self._socket.makefile("rw", encoding="utf-8")

    @cached_property
    def ready(self) -> Ready | None:
        """What the session says once it has checked all that it is given; ``None`` if it ended without a word."""
        line = self._read()
        return Ready.model_validate_json(line) if line else None

    def run(self, method: str) -> Taken:
        """Do the run of that method with the suite's first seed."""
        if self.ready is None:
            return self._alone(method)
        if self.ready.problem:
            return _nothing(f"{self.name}: {self.ready.problem}")
        answer = self._ask(method)
        if answer is None:
            return _nothing(self._sessions.failed(self._ended(self._process.wait()), self._sessions.output()))
        if answer.record is None:
            return _nothing(f"{self.name}: it has no such method", absent=True)
        return taken(self._sessions, answer.record.encode(), answer.output)

    def close(self) -> None:
        """End the session, and what it has started."""
        self._stream.close()
        self._socket.close()
        try:
            self._process.wait(CLOSING_SECONDS)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, method: str) -> Answer | None:
        """The session's answer; ``None`` if it has ended."""
        try:
            self._stream.write(f"{method}\n")
            self._stream.flush()
        except OSError:
            return None
        line = self._read()
        return Answer.model_validate_json(line) if line else None

    def _read(self) -> str:
        try:
            return self._stream.readline()
        except OSError:
            return ""

    def _alone(self, method: str) -> Taken:
        """The run in a session of its own, whose record is read from its results."""
        file, seed = self._write_suite(method), self._suite.run.seeds[0]
        runs = self._sessions.scratch / "results" / file.stem / "runs"
        for old in runs.glob(f"{method}-seed*.json"):
            old.unlink()
        code, output = self._sessions.run(f"--suite={file}", f"::test_method[{method}-seed{seed}]")
        for path in runs.glob(f"{method}-seed*.json"):
            return taken(self._sessions, path.read_bytes(), output)
        if code == pytest.ExitCode.USAGE_ERROR and f"unknown method {method!r}" in output:  # all that it tells
            return _nothing(f"{self.name}: it has no such method", absent=True)
        return _nothing(self._sessions.failed(self._ended(code), output))

    def _write_suite(self, *methods: str) -> Path:
        path = self._sessions.scratch / "suite" / f"{self._suite.name}.toml"
        return suite_file.write(path, suite_file.only(self._suite, *methods))

    def _ended(self, code: int) -> str:
        return f"its session of pytest ended with code {code}"


def _nothing(problem: str, *, absent: bool = False) -> Taken:
    return Taken(status=Status.FAILED, cost=RecordedCost(), problem=problem, absent=absent)
