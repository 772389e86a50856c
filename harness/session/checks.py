"""Checks of a session's request before its first run; those that need no torch come first."""

from ..execute.executor import IMPORT_SECONDS, Executor
from ..spec.errors import PluginError, UsageError
from ..spec.paths import expanded
from ..spec.plan import Request
from ..spec.registry import Plugin
from ..spec.suite import AUTO, EMBEDDED, ModelTable, Suite


def paths(suite: Suite) -> None:
    """Raise ``UsageError`` for a model or data that can only be a path and does not exist."""
    from ..models import hub

    for kind, name in {"model": suite.model.name, "data": suite.task.data}.items():
        try:
            hub.local(name)
        except hub.Unavailable as error:
            raise UsageError(f"{kind} {name!r}: {error}") from error


def micro_batches(request: Request) -> None:
    """Raise ``UsageError`` for micro batches that are to fit on machines that this one knows nothing about."""
    if request.cluster and request.suite.run.micro_batch_size == AUTO:
        raise UsageError(
            'run.micro_batch_size = "auto" takes what fits on this machine, and --cluster executes runs on others; '
            "set a number of rows"
        )


def data(request: Request) -> None:
    """Raise ``UsageError`` for metrics that the task cannot have, and for data that cannot be read as rows of it."""
    from ..tasks import data as rows
    from ..tasks import scored_by

    scored_by.check(request.suite.task, request.metrics, request.suite.evaluation.metric_options)
    rows.check(request.suite.task)


def own_metrics(request: Request) -> tuple[Plugin, ...]:
    """The files of the project's own metrics that the suite may name."""
    from ..tasks import scored_by

    return tuple(request.metrics[name] for name in scored_by.own_of(request.suite.task, request.metrics))


def hyperparameters(executor: Executor, request: Request) -> None:
    """Raise one ``PluginError`` for the unusable hyper-parameters of all methods."""
    overrides = {run.method: run.overrides for run in request.runs}
    patience = min(IMPORT_SECONDS, request.suite.budget.hard_seconds)
    methods = [(request.plugins[name], values) for name, values in overrides.items()]
    if problems := executor.examine(methods, patience).result():
        raise PluginError("\n".join(problems))


def exactly(model: ModelTable, revision: str) -> ModelTable:
    """The model that was checked, independent of a run's working directory and of later commits to its branch."""
    if model.name == EMBEDDED:
        return model
    path = expanded(model.name)
    known = {"name": str(path.absolute()), "revision": None} if path.exists() else {"revision": revision}
    return model.model_copy(update=known)
