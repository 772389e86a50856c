"""What a run costs: the title, unit and direction of each figure, in table order; formatting of figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .metric import Metric

Unit = Literal["score", "count", "seconds", "bytes"]  # a score is in the unit of the ranking metric


@dataclass(frozen=True)
class Figure:
    """One cost column: ``name`` as in records and ``leaderboard.json``, ``title`` as in tables for people.

    Less is better; an ``exact`` figure must not change.
    """

    name: str
    title: str
    unit: Unit
    exact: bool = False


COSTS = (
    Figure("trainable_parameters", "trainable", "count", exact=True),
    Figure("total_parameters", "parameters", "count", exact=True),
    Figure("examples", "examples", "count", exact=True),
    Figure("steps", "steps", "count", exact=True),
    Figure("train_seconds", "train", "seconds"),
    Figure("generate_seconds", "generate", "seconds"),
    Figure("peak_rss_bytes", "peak RSS", "bytes"),
    Figure("peak_gpu_bytes", "peak GPU", "bytes"),
)
SEARCHED = (  # known if the method's learning rate was searched
    Figure("search_seconds", "search", "seconds"),
    Figure("learning_rate_sensitivity", "LR gap", "score"),
)
SCORE = Metric(id="score", title="score")  # in points, unless a run's metric says otherwise
BY_NAME = {figure.name: figure for figure in (*COSTS, *SEARCHED)}


def show(figure: Figure, value: float | None, metric: Metric = SCORE) -> str:
    """The value for people: bytes in MB, a score in the unit of ``metric``, and a dash for an unknown value."""
    if value is None:
        return "–"
    match figure.unit:
        case "score":
            return metric.shown(value)
        case "count":
            return f"{value:,.0f}"
        case "seconds":
            return f"{value:.1f} s"
        case "bytes":
            return f"{value / 1e6:,.0f} MB"


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The entries that differ, like ``learning_rate 0.008 → 0.0001``; inner ones like ``budget.max_steps``."""
    then, now = _flat(then), _flat(now)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return [f"{name} {then.get(name, 'absent')} → {now.get(name, 'absent')}" for name in names]


def move(then: int | None, now: int | None) -> str:
    """A count then and now, with the difference."""
    figures = " → ".join("unknown" if value is None else f"{value:,}" for value in (then, now))
    return figures if then is None or now is None else f"{figures} ({now - then:+,})".replace("-", "−")


def megabytes(then: int | None, now: int | None) -> str:
    """A peak then and now, in MB."""
    return " → ".join("unknown" if value is None else f"{value / 1e6:,.0f} MB" for value in (then, now))


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    flat = {f"{name}.{key}": value for name, values in inner.items() for key, value in values.items()}
    return {**{name: value for name, value in table.items() if name not in inner}, **flat}
