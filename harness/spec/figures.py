"""What is measured: each metric's title, unit and direction, in the order of tables; figures in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["f1", "count", "seconds", "bytes"]
Direction = Literal["higher", "lower", "exact"]


@dataclass(frozen=True)
class Metric:
    """One column: ``name`` as in records and ``leaderboard.json``, ``title`` as in tables for people."""

    name: str
    title: str
    unit: Unit
    better: Direction


ROUGE = (
    Metric("rouge1", "ROUGE-1", "f1", "higher"),
    Metric("rouge2", "ROUGE-2", "f1", "higher"),
    Metric("rougeL", "ROUGE-L", "f1", "higher"),
    Metric("rougeLsum", "ROUGE-Lsum", "f1", "higher"),
)
RANKED_BY = ROUGE[0]
COSTS = (
    Metric("trainable_parameters", "trainable", "count", "exact"),
    Metric("total_parameters", "parameters", "count", "exact"),
    Metric("examples", "examples", "count", "exact"),
    Metric("steps", "steps", "count", "exact"),
    Metric("train_seconds", "train", "seconds", "lower"),
    Metric("generate_seconds", "generate", "seconds", "lower"),
    Metric("peak_rss_bytes", "peak RSS", "bytes", "lower"),
    Metric("peak_gpu_bytes", "peak GPU", "bytes", "lower"),
)
SEARCHED = (  # known where the method's learning rate was searched
    Metric("search_seconds", "search", "seconds", "lower"),
    Metric("learning_rate_sensitivity", "LR gap", "f1", "lower"),
)
BY_NAME = {metric.name: metric for metric in (*ROUGE, *COSTS, *SEARCHED)}


def show(metric: Metric, value: float | None) -> str:
    """The value for people: ROUGE in points, bytes in MB; what is unknown is a dash."""
    if value is None:
        return "–"
    match metric.unit:
        case "f1":
            return f"{100 * value:.1f}"
        case "count":
            return f"{value:,.0f}"
        case "seconds":
            return f"{value:.1f} s"
        case "bytes":
            return f"{value / 1e6:,.0f} MB"


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The entries that differ, like ``learning_rate 0.008 → 0.0001``; those of inner tables as ``budget.max_steps``."""
    then, now = _flat(then), _flat(now)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return [f"{name} {then.get(name, 'absent')} → {now.get(name, 'absent')}" for name in names]


def move(then: int | None, now: int | None) -> str:
    """A count then and now, with the difference."""
    figures = " → ".join("unknown" if value is None else f"{value:,}" for value in (then, now))
    return figures if then is None or now is None else f"{figures} ({now - then:+,})".replace("-", "−")


def megabytes(then: int | None, now: int | None) -> str:
    """A peak then and now."""
    return " → ".join("unknown" if value is None else f"{value / 1e6:,.0f} MB" for value in (then, now))


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    flat = {f"{name}.{key}": value for name, values in inner.items() for key, value in values.items()}
    return {**{name: value for name, value in table.items() if name not in inner}, **flat}
