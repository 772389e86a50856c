"""One side of a comparison: runs in a folder with its own pytest, harness and methods, and their costs.

One session executes all runs of a side. It first sends ``Ready`` over a socket, then answers each line, a method's
name, with a line of JSON about the run. A version of Tuneoff that is too old for this exits without sending anything;
each of its runs is then executed in a session of its own.
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

CLOSING_SECONDS = 10.0  # how long a session may take to end by itself


class RecordedCost(BaseModel):
    """A run's costs, as any version of Tuneoff records them; the rest of the record is ignored."""

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
    """A run of one side. ``problem`` says why it cannot be compared; ``absent``: the side has no such method."""

    status: str
    cost: RecordedCost
    error: Reason | None = None
    contended: bool = False  # as in records of schema 1
    problem: str | None = None
    absent: bool = Field(default=False, exclude=True)

    @property
    def reason(self) -> str:
        """Why the run is not ``ok``; empty if it is."""
        return self.error.message if self.error else ""


class Ready(BaseModel):
    """What a session sends before its first run: why no run is possible, and what is wrong with hyper-parameters."""

    problem: str | None = None
    hyperparameters: str | None = None


class Answer(BaseModel):
    """A session's answer: the run's record as JSON, and its output. Without a record, there is no such method."""

    record: str | None = None
    output: str = ""


class Runs(Protocol):
    """Executes the runs of one side."""

    name: str

    def run(self, method: str) -> Taken:
        """Run this method with the suite's first seed."""
        ...


def taken(sessions: Sessions, record: bytes, output: str) -> Taken:
    """The run that a record of any version of Tuneoff describes; ``output`` is shown if it failed."""
    try:
        run = Taken.model_validate_json(record)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        reason = f"its version of Tuneoff is too old or too new: its records have no {place}"
        return _nothing(sessions.failed(reason, output))
    if run.status in (Status.OK, Status.UNSUPPORTED):
        return run
    reason = f"{run.status}: {run.reason or 'no reason given'}"
    return run.model_copy(update={"problem": sessions.failed(reason, output)})


class Side:
    """The runs of these methods in one folder, in a session that starts at once and ends with ``close``."""

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
        """The session's first message, after its checks; ``None`` if it ended without one."""
        line = self._read()
        return Ready.model_validate_json(line) if line else None

    def run(self, method: str) -> Taken:
        """Run this method with the suite's first seed."""
        if self.ready is None:
            return self._alone(method)
        if self.ready.problem:
            return _nothing(f"{self.name}: {self.ready.problem}")
        answer = self._ask(method)
        if answer is None:
            return _nothing(self._sessions.failed(self._ended(self._process.wait()), self._sessions.output()))
        if answer.record is None:
            return _nothing(f"{self.name} has no such method", absent=True)
        return taken(self._sessions, answer.record.encode(), answer.output)

    def close(self) -> None:
        """End the session and everything that it started."""
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
        """The run, done in its own session and read from that session's results."""
        file, seed = self._write_suite(method), self._suite.run.seeds[0]
        runs = self._sessions.scratch / "results" / file.stem / "runs"
        for old in runs.glob(f"{method}-seed*.json"):
            old.unlink()
        code, output = self._sessions.run(f"--suite={file}", f"::test_method[{method}-seed{seed}]")
        for path in runs.glob(f"{method}-seed*.json"):
            return taken(self._sessions, path.read_bytes(), output)
        if code == pytest.ExitCode.USAGE_ERROR and f"unknown method {method!r}" in output:  # the only sign
            return _nothing(f"{self.name} has no such method", absent=True)
        return _nothing(self._sessions.failed(self._ended(code), output))

    def _write_suite(self, *methods: str) -> Path:
        path = self._sessions.scratch / "suite" / f"{self._suite.name}.toml"
        return suite_file.write(path, suite_file.only(self._suite, *methods))

    def _ended(self, code: int) -> str:
        return f"its pytest session ended with code {code}"


def _nothing(problem: str, *, absent: bool = False) -> Taken:
    return Taken(status=Status.FAILED, cost=RecordedCost(), problem=problem, absent=absent)
