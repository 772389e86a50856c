"""The leaderboard as a plain table."""

from collections.abc import Sequence

from tabulate import tabulate

from ..ranking.leaderboard import Row
from ..spec.figures import BY_NAME, SEARCHED, Figure, show
from ..spec.metric import Metric
from ..spec.record import Status

COST_COLUMNS = (
    *("trainable_parameters", "train_seconds", "generate_seconds", "peak_rss_bytes", "peak_gpu_bytes"),
    *(figure.name for figure in SEARCHED),
)
# The order in which costs are left out where a terminal is too narrow: before the metrics that do not rank, and after.
LEFT_OUT_FIRST = ("learning_rate_sensitivity", "search_seconds", "generate_seconds")
LEFT_OUT_LAST = ("peak_rss_bytes", "peak_gpu_bytes", "trainable_parameters", "train_seconds")
FRONT_MARK = "*"  # alone, so that Markdown does not read it as markup
CONTENDED = (
    "Times in brackets are unreliable, because other runs (`--jobs`) or other programs took processor time from the "
    "measured runs; such times do not count for Pareto fronts."
)
ELSEWHERE = (
    "Times in brackets may also come from another kind of machine than that of most runs; such times do not count for "
    "Pareto fronts."
)
EARLIER = (
    "Times in brackets may also come from an earlier session, when the machine may have been slower or faster; a "
    "complete session without `--resume` measures all of them again."
)


def fitting(rows: Sequence[Row], width: int) -> tuple[str, list[str]]:
    """The table for a terminal of this width, and the titles of the columns that it is too narrow for."""
    metrics = [metric.title for metric in rows[0].metrics[:0:-1]] if rows else []
    first, last = (
        [figure.title for name in names if (figure := BY_NAME[name]) in _costs(rows)]
        for names in (LEFT_OUT_FIRST, LEFT_OUT_LAST)
    )
    titles = [*first, *metrics, *last]
    for number in range(len(titles) + 1):
        text = leaderboard(rows, "simple", titles[:number])
        if max(map(len, text.splitlines())) <= width:
            break
    return text, titles[:number]


def leaderboard(rows: Sequence[Row], style: str, without: Sequence[str] = ()) -> str:
    """The ranked table in a style of ``tabulate``, without columns of these titles; costs that no row has are left out.

    Times that cannot be compared with those of other rows are in brackets.
    """
    costs = [figure for figure in _costs(rows) if figure.title not in without]
    metrics = [metric for metric in rows[0].metrics if metric.title not in without] if rows else []
    headers = ["rank", "method", *(f"{metric.title} (95%)" for metric in metrics[:1])]
    headers += [*(metric.title for metric in metrics[1:]), *(figure.title for figure in costs)]
    cells = []
    for row in rows:
        scores = [interval(row, metric) for metric in metrics[:1]]
        scores += [metric.shown(_mean(row, metric)) for metric in metrics[1:]]
        cells.append([ranks(row), _name(row), *scores, *(_cost(row, figure) for figure in costs)])
    alignment = ["right", "left", *["right"] * (len(headers) - 2)]
    return (
        tabulate(cells, headers, tablefmt=style, colalign=alignment, disable_numparse=True) if cells else "no runs yet"
    )


def doubts(rows: Sequence[Row]) -> list[str]:
    """Why times are in brackets, in Markdown; empty if none is."""
    known = {
        CONTENDED: any(row.contended for row in rows),
        ELSEWHERE: any(row.elsewhere for row in rows),
        EARLIER: any(row.earlier for row in rows),
    }
    return [text for text, true in known.items() if true]


def ranks(row: Row) -> str:
    """``1``, or ``2–3`` if the method may have either rank."""
    if row.rank is None:
        return "–"
    return str(row.rank) if row.rank_high in (None, row.rank) else f"{row.rank}–{row.rank_high}"


def _costs(rows: Sequence[Row]) -> list[Figure]:
    return [BY_NAME[name] for name in COST_COLUMNS if any(row.costs[name] is not None for row in rows)]


def _name(row: Row) -> str:
    """The method's name, with its missing seeds and the reason that it has no rank."""
    asked = len(row.seeds) + len(row.missing)
    name = f"{row.method} ({len(row.seeds)} of {asked} seeds)" if row.missing else row.method
    if row.rank is not None:
        return name
    return f"{name}: {'bound' if row.bound else 'no rank' if row.status == Status.OK else row.status}"


def interval(row: Row, metric: Metric) -> str:
    """``46.9 (45.8–48.0)`` in the metric's unit."""
    value = row.scores.get(metric.id)
    if value is None:
        return "–"
    if value.low is None or value.high is None:
        return metric.shown(value.mean)
    return f"{metric.shown(value.mean)} ({metric.shown(value.low)}–{metric.shown(value.high)})"


def _cost(row: Row, figure: Figure) -> str:
    value = row.costs[figure.name]
    text = show(figure, value, *row.metrics[:1])
    if value is None:
        return text
    mark = f" {FRONT_MARK}" if figure.name in row.fronts else ""
    return (f"({text})" if row.doubtful(figure.name) else text) + mark


def _mean(row: Row, metric: Metric) -> float | None:
    return row.scores[metric.id].mean if metric.id in row.scores else None
