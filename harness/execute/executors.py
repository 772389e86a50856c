"""Chooses where the runs of a session happen."""

import importlib.util
from pathlib import Path

from ..spec.errors import UsageError
from ..spec.plan import Request
from .executor import Executor
from .local import LocalExecutor


def of(request: Request, scratch: Path) -> Executor:
    """The executor that a session asks for; ``scratch`` is a folder for the files of its runs.

    Raises ``UsageError`` for a cluster that cannot be used.
    """
    run = request.suite.run
    if request.cluster is None:
        return LocalExecutor(scratch, request.jobs, run.gpus)
    if not has_ray():
        raise UsageError("--cluster needs a package: pip install 'tuneoff[ray]'")
    from .cluster.executor import ClusterExecutor

    return ClusterExecutor(scratch, request.cluster, run, request.device)


def has_ray() -> bool:
    """Whether the package that clusters need is installed."""
    return importlib.util.find_spec("ray") is not None
