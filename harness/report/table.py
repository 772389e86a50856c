"""The leaderboard as a plain table."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.leaderboard import Row
from harness.metrics import BY_NAME, ROUGE, SEARCHED, Metric, show

COSTS = (
    *("trainable_parameters", "train_seconds", "generate_seconds", "peak_rss_bytes", "peak_gpu_bytes"),
    *(metric.name for metric in SEARCHED),
)
FRONT = "*"  # stands alone, so that it is no markup


def leaderboard(rows: Sequence[Row], style: str) -> str:
    """The ranked table in a style of ``tabulate``; costs that no row knows are left out.

    Times that were measured with other runs or programs beside them stand in brackets.
    """
    costs = [BY_NAME[name] for name in COSTS if any(row.costs[name] is not None for row in rows)]
    first, *others = ROUGE
    headers = ["rank", "method", f"{first.title} (95%)", *(metric.title for metric in others)]
    headers += [metric.title for metric in costs]
    cells = []
    for row in rows:
        scores = [interval(row), *(show(metric, _mean(row, metric.name)) for metric in others)]
        place = row.rank if row.rank is not None else "–"
        name = row.method if row.rank is not None else f"{row.method}: {'bound' if row.bound else row.status}"
        cells.append([place, name, *scores, *(_cost(row, metric) for metric in costs)])
    alignment = ["right", "left", *["right"] * (len(headers) - 2)]
    return (
        tabulate(cells, headers, tablefmt=style, colalign=alignment, disable_numparse=True) if cells else "no runs yet"
    )


def interval(row: Row, name: str = ROUGE[0].name) -> str:
    """``46.9 (45.8–48.0)`` in points."""
    value = row.scores.get(name)
    return f"{100 * value.mean:.1f} ({100 * value.low:.1f}–{100 * value.high:.1f})" if value else "–"


def _cost(row: Row, metric: Metric) -> str:
    value = row.costs[metric.name]
    text = show(metric, value)
    if value is None:
        return text
    return (f"({text})" if row.beside_others(metric.name) else text) + (
        f" {FRONT}" if metric.name in row.fronts else ""
    )


def _mean(row: Row, name: str) -> float | None:
    return row.scores[name].mean if name in row.scores else None
