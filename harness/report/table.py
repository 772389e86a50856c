"""The leaderboard as a plain table."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.ranking.leaderboard import Row
from harness.spec.figures import BY_NAME, ROUGE, SEARCHED, Metric, show
from harness.spec.record import Status

COSTS = (
    *("trainable_parameters", "train_seconds", "generate_seconds", "peak_rss_bytes", "peak_gpu_bytes"),
    *(metric.name for metric in SEARCHED),
)
FRONT = "*"  # stands alone, so that it is no markup


def leaderboard(rows: Sequence[Row], style: str) -> str:
    """The ranked table in a style of ``tabulate``; costs that no row knows are left out.

    Times that are not to be held against those of other rows stand in brackets.
    """
    costs = [BY_NAME[name] for name in COSTS if any(row.costs[name] is not None for row in rows)]
    first, *others = ROUGE
    headers = ["rank", "method", f"{first.title} (95%)", *(metric.title for metric in others)]
    headers += [metric.title for metric in costs]
    cells = []
    for row in rows:
        scores = [interval(row), *(show(metric, _mean(row, metric.name)) for metric in others)]
        cells.append([ranks(row), _name(row), *scores, *(_cost(row, metric) for metric in costs)])
    alignment = ["right", "left", *["right"] * (len(headers) - 2)]
    return (
        tabulate(cells, headers, tablefmt=style, colalign=alignment, disable_numparse=True) if cells else "no runs yet"
    )


def ranks(row: Row) -> str:
    """``1``, or ``2–3`` where the method may have either."""
    if row.rank is None:
        return "–"
    return str(row.rank) if row.rank_high in (None, row.rank) else f"{row.rank}–{row.rank_high}"


def _name(row: Row) -> str:
    """The method, with what is not as it should be."""
    asked = len(row.seeds) + len(row.missing)
    name = f"{row.method} ({len(row.seeds)} of {asked} seeds)" if row.missing else row.method
    if row.rank is not None:
        return name
    return f"{name}: {'bound' if row.bound else 'no rank' if row.status == Status.OK else row.status}"


def interval(row: Row, name: str = ROUGE[0].name) -> str:
    """``46.9 (45.8–48.0)`` in points."""
    value = row.scores.get(name)
    if value is None:
        return "–"
    if value.low is None or value.high is None:
        return f"{100 * value.mean:.1f}"
    return f"{100 * value.mean:.1f} ({100 * value.low:.1f}–{100 * value.high:.1f})"


def _cost(row: Row, metric: Metric) -> str:
    value = row.costs[metric.name]
    text = show(metric, value)
    if value is None:
        return text
    return (f"({text})" if row.doubtful(metric.name) else text) + (f" {FRONT}" if metric.name in row.fronts else "")


def _mean(row: Row, name: str) -> float | None:
    return row.scores[name].mean if name in row.scores else None
