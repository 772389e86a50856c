"""Checks what a metric's ``statistics`` and ``value`` return; an error names the file and the class."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..spec.errors import ContractError
from ..spec.metric import Metric
from .scoring import Array, Scorer


def table(scorer: Scorer, returned: Any, examples: int) -> Array:
    """The statistics as numbers of shape (examples, statistics)."""
    try:
        found = np.array(returned, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _broken(scorer, f"statistics() must return a row of numbers for each answer: {error}") from error
    if found.ndim not in (1, 2) or len(found) != examples:
        raise _broken(
            scorer,
            f"statistics() returned numbers of shape {found.shape} for {examples} answers; it must be one row each",
        )
    rows = found if found.ndim == 2 else found[:, None]
    if (odd := _odd(rows)) is not None:
        raise _broken(scorer, f"statistics() returned {rows[odd].tolist()} for answer {odd}; numbers must be finite")
    if not any(metric.corpus for metric in scorer.metrics):
        _are_scores(scorer, rows)
    return rows


def values(scorer: Scorer, sums: Array, count: int) -> Array:
    """What ``value`` says of these sums, of shape (metrics,)."""
    returned = scorer.value(sums.copy(), count)
    try:
        found = np.atleast_1d(np.array(returned, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise _broken(scorer, f"value() must return one number for each metric: {error}") from error
    if found.shape != (len(scorer.metrics),):
        raise _broken(
            scorer, f"value() returned numbers of shape {found.shape}; its metrics are {_ids(scorer)}, one number each"
        )
    _are_within(scorer, found, f"value() over {count} examples")
    return found


def problem(cls: type[Scorer]) -> str | None:
    """What is wrong with how a class describes its metrics; ``None`` if nothing is."""
    metrics = getattr(cls, "metrics", None)
    if not isinstance(metrics, Sequence) or not metrics or not all(isinstance(each, Metric) for each in metrics):
        return 'it must have metrics = (Metric(id="…", title="…"),)'
    if len({metric.id for metric in metrics}) < len(metrics):
        return f"its metrics have the same id: {_ids(cls)}"
    if len({metric.needs for metric in metrics}) > 1:
        return "its metrics do not all need the same; put them in two files"
    together, own = any(metric.corpus for metric in metrics), cls.value is not Scorer.value
    if own and not together:
        return "it has value(), but no metric with corpus=True; without that, scores are means over the examples"
    if together and not own:
        return "it has a metric with corpus=True, but no value() that puts sums of statistics together"
    return None


def _are_scores(scorer: Scorer, rows: Array) -> None:
    """Raise unless each row has one number in its range for each metric."""
    if rows.shape[1] != len(scorer.metrics):
        raise _broken(
            scorer,
            f"statistics() returned {rows.shape[1]} numbers for each answer, but its metrics are {_ids(scorer)}; "
            "return one number for each, or define value() for a metric with corpus=True",
        )
    for number, row in enumerate(rows):
        _are_within(scorer, row, f"statistics() of answer {number}")


def _are_within(scorer: Scorer, found: Array, source: str) -> None:
    for metric, value in zip(scorer.metrics, found.tolist(), strict=True):
        if not metric.within(value):
            raise _broken(scorer, f"{source}: {metric.id} is {value:g}, which is not in the range of {metric.bounds}")


def _odd(rows: Array) -> int | None:
    """The number of the first row with a number that is not finite."""
    return next((number for number, row in enumerate(rows) if not np.isfinite(row).all()), None)


def _ids(scorer: Scorer | type[Scorer]) -> str:
    return ", ".join(metric.id for metric in scorer.metrics)


def _broken(scorer: Scorer, reason: str) -> ContractError:
    cls = type(scorer)
    return ContractError(f"{inspect.getfile(cls)}: {cls.__name__}: {reason}")
