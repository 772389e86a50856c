"""Imports the files of a project's own metrics, and tries them out before anything is trained."""

import inspect
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..metrics import built_in, checked
from ..metrics.scoring import Scorer
from ..metrics.several import Scoring
from ..spec import aliases, importing
from ..spec.errors import ContractError, PluginError, SuiteError
from ..spec.figures import BY_NAME
from ..spec.metric import Likelihood, options_of
from ..spec.names import METRIC_CONTRACT
from ..spec.plan import Order
from ..spec.registry import Plugin
from ..spec.suite import Evaluation
from ..tasks import scored_by
from ..tasks.task import PreparedTask

MAX_TRIED = 8  # examples
COLUMNS = {  # what else the rows of a leaderboard, the gate's verdicts and the items of a session have
    *("rank", "method", "status", "seeds", "score_unit", "bound", "contended", "pareto", "reason"),
    *("reused", "tokens"),
}
SOURCE = "{}_source"  # the option that has the hash of a metric's file
HOOKS = (("statistics", 2), ("value", 2), ("fits", 1), ("reads", 2))  # with the number of their arguments


def scoring_of(order: Order) -> Scoring:
    """The metrics of a run: built-in ones, and the project's own.

    Raises ``SuiteError`` for one that does not exist, and ``PluginError`` for a file that is named and cannot be used.
    """
    table, own, unusable = order.spec.task, dict[str, Scorer](), list[str]()
    for plugin in order.metrics:
        try:
            own[plugin.id] = load(plugin)
        except PluginError as error:
            if plugin.id in scored_by.names(table):
                raise
            unusable.append(f"{error}")
    try:
        return scored_by.scoring_of(table, own)
    except SuiteError as error:  # about a metric that may be in one of these files
        raise SuiteError("\n".join([f"{error}", *unusable])) from error


def load(plugin: Plugin) -> Scorer:
    """Import the plugin's file and return what scores by it; its metrics' options name the version of the file.

    Raises ``PluginError``, which names the file and, if known, the line.
    """
    aliases.use()
    module = importing.module(f"tuneoff_metric_{plugin.id}", plugin.path, METRIC_CONTRACT)
    cls: type[Scorer] = importing.only_class(module, Scorer, plugin.path, METRIC_CONTRACT)
    if reason := _problem(cls, plugin):
        raise PluginError(f"{plugin.path}: {cls.__name__}: {reason}")
    source = {SOURCE.format(plugin.id): plugin.source_hash}
    metrics = tuple(one.model_copy(update={"options": {**one.options, **source}}) for one in cls.metrics)
    marked = type(cls.__name__, (cls,), {"metrics": metrics, "__module__": cls.__module__})
    scorer: Scorer = importing.instance(marked, plugin.path)
    if reason := next(filter(None, (importing.misfit(scorer, *hook) for hook in HOOKS)), None):
        raise PluginError(f"{plugin.path}: {cls.__name__}: {reason}")
    return scorer


def tried(scoring: Scoring, task: PreparedTask) -> None:
    """Raise ``PluginError`` if a metric of the project's own cannot score references, or empty texts, as answers."""
    references = [question.references for question in task.questions if question.scored][:MAX_TRIED]
    for scorer in scoring.scorers:
        if scorer not in built_in.SCORERS.values():
            with scorer.reading(options_of(task.metrics)):
                _try(scorer, [group[0] for group in references], references)
                _try(scorer, [""] * len(references), references)


def _problem(cls: type[Scorer], plugin: Plugin) -> str | None:
    """What is wrong with a metric's class; ``None`` if nothing is."""
    if inspect.isabstract(cls):
        return "it does not define statistics()"
    if reason := checked.problem(cls):
        return reason
    ids = [metric.id for metric in cls.metrics]
    if len(ids) == 1 and ids[0] != plugin.id:
        return f"its metric has the id {ids[0]!r}; rename it, or the file, so that both are the same"
    for name in (plugin.id, *ids):
        if name in {*built_in.NAMES, *COLUMNS, *BY_NAME}:
            return f"it cannot have the id {name!r}, which is in use; choose another one"
        if not name.isidentifier():
            return f"it has the id {name!r}; use letters, digits and underscores only"
    if reason := _options_problem(cls, plugin):
        return reason
    return next((reason for metric in cls.metrics if (reason := _missing(metric.library))), None)


def _options_problem(cls: type[Scorer], plugin: Plugin) -> str | None:
    """What is wrong with the options of a metric's class; ``None`` if nothing is."""
    for name, values in cls.options.items():
        if not name.startswith(f"{plugin.id}_") or name in {*Evaluation.model_fields, SOURCE.format(plugin.id)}:
            return f"its option {name!r} must be called {plugin.id}_ and something that is not in use"
        if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
            return f'its option {name!r} needs its values, such as ("usual", "other")'
    return None


def _missing(library: str) -> str | None:
    """Why a metric's library cannot be used; ``None`` if it can, or if there is none."""
    try:
        if library:
            version(library)
    except PackageNotFoundError:
        return f"its library, {library}, is not installed"
    return None


def _try(scorer: Scorer, answers: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    ids = tuple(metric.id for metric in scorer.metrics)
    likelihoods = [Likelihood(1.0, 1)] * len(answers)
    try:
        Scoring((scorer,), ids).scored(answers, references, [True] * len(answers), likelihoods)
    except ContractError as error:
        raise PluginError(str(error)) from error
    except Exception as error:  # a plugin may raise anything
        raise PluginError(_raised(type(scorer), error, answers)) from error


def _raised(cls: type[Any], error: Exception, answers: Sequence[str]) -> str:
    path = inspect.getfile(cls)
    kind = "references as answers" if any(answers) else "empty answers"
    return f"{path}:{importing.line_in(error, path)}: {cls.__name__}: {type(error).__name__}: {error} (with {kind})"
