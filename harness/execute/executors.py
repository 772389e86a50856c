"""Chooses where the runs of a session happen."""

from pathlib import Path

from ..spec.plan import Request
from .executor import Executor
from .local import LocalExecutor


def of(request: Request, scratch: Path) -> Executor:
    """The executor that a session asks for; ``scratch`` is a folder for the files of its runs."""
    return LocalExecutor(scratch, request.jobs, request.suite.run.gpus)
