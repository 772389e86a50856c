"""The answer to the question that a session asks, in a few sentences: which method is best, and how certain is that?"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ..ranking.choice import best
from ..ranking.intervals import Interval
from ..ranking.leaderboard import Row
from ..ranking.ranks import Ranking
from ..spec.metric import Direction, Metric
from ..spec.suite import ZERO_SHOT
from .advice import enough
from .readable import times

KEPT_SHARE = 0.8  # of the best method's gain over zero-shot; a method that keeps less is no cheaper way to the same
MIN_TIMES = 2.0  # as many parameters; a method that saves less is not worth a sentence
MAX_NAMED = 3  # methods in one sentence
NAME, WHOLE = Markup("<b>{}</b>"), Markup('<span class="whole">{}</span>')  # a method's; what stays on one line
TRAINABLE = "trainable_parameters"


def headline(rows: Sequence[Row], ranking: Ranking | None) -> Markup:
    """The best method, or what stands in the way of one."""
    if ranking is None:
        return Markup("No method has a rank")
    choice = best(ranking, {name: {} for name in ranking.names}, {})
    assert choice is not None  # without limits, every method is within them
    row, metric = _row(rows, choice.method), rows[0].metrics[0]
    score = WHOLE.format(f"{metric.shown(row.scores[metric.id].mean)} {metric.title}")
    if len(ranking.names) == 1:
        return Markup("{} is the only method with a rank: {}").format(choice.method, score)
    if not choice.alike:
        return Markup("{} is best: {}").format(choice.method, score)
    others = choice.alike[0] if len(choice.alike) == 1 else f"{len(choice.alike)} others"
    return Markup("{} leads with {}, but {} may be as good").format(choice.method, score, others)


def sentences(rows: Sequence[Row], ranking: Ranking | None) -> list[Markup]:
    """How certain the headline is, and which method comes close to the best for much less."""
    if ranking is None:
        return [Markup("{}: {}.").format(NAME.format(row.method), row.reason or row.status) for row in rows[:MAX_NAMED]]
    if len(ranking.names) == 1:
        return [Markup("There is nothing to compare it with.")]
    return [*_certainty(rows, ranking), *_cheaper(rows, ranking)]


def gap(value: Interval, metric: Metric) -> str:
    """``4.6 points more (1.6 to 7.6)``: how far a first mean is above a second, in the metric's own direction."""
    word = "more" if (value.mean >= 0) == (metric.better == Direction.HIGHER) else "less"
    sign = 1.0 if value.mean >= 0 else -1.0
    facing = value.facing(sign)
    text = f"{metric.shown(facing.mean)} {metric.unit} {word}"
    if facing.low is None:
        return text
    return f"{text} ({metric.shown(facing.low)} to {metric.shown(facing.high)})".replace("-", "−")


def recovered(row: Row, zero_shot: Row | None, best_row: Row | None) -> float | None:
    """The share of another method's gain over zero-shot that this one has; ``None`` where there is no such gain."""
    if zero_shot is None or best_row is None or not (row.scores and zero_shot.scores and best_row.scores):
        return None
    metric = row.metrics[0]
    mine, lowest, highest = (metric.sign * each.scores[metric.id].mean for each in (row, zero_shot, best_row))
    return (mine - lowest) / (highest - lowest) if highest > lowest else None


def _certainty(rows: Sequence[Row], ranking: Ranking) -> list[Markup]:
    first, second = ranking.names[:2]
    metric, alike = rows[0].metrics[0], _alike(ranking)
    if not alike:
        apart = gap(ranking.difference(first, second), metric)
        text = Markup("That is {} than {}, the next best of {} methods.")
        return [text.format(apart, NAME.format(second), len(ranking.names))]
    told = [Markup("It cannot be told apart from {}.").format(_named(alike))] if len(alike) > 1 else []
    needed = _needed(ranking.seeds_needed(first, alike[0]), len(_row(rows, first).seeds))
    nearest = gap(ranking.difference(first, alike[0]), metric)
    return [*told, Markup("It has {} than {}; {}.").format(nearest, NAME.format(alike[0]), needed)]


def _needed(seeds: int | None, had: int) -> str:
    if seeds is None:
        return "no number of seeds would tell the two apart, but more test examples might"
    return f"if that is the true difference, {enough(seeds, had)} seeds of both would show it"


def _alike(ranking: Ranking) -> list[str]:
    return [name for number, name in enumerate(ranking.names) if number and not ranking.told[0, number]]


def _named(names: Sequence[str]) -> Markup:
    """``a and b``, ``a, b, c and 4 others``."""
    shown = [NAME.format(name) for name in names[:MAX_NAMED]]
    more = len(names) - len(shown)
    last = Markup("{} others").format(more) if more else shown.pop()
    return Markup("{} and {}").format(Markup(", ").join(shown), last)


def _cheaper(rows: Sequence[Row], ranking: Ranking) -> list[Markup]:
    """The method with the fewest trainable parameters of those that keep most of the best one's gain."""
    first, zero_shot = _row(rows, ranking.names[0]), next((row for row in rows if row.method == ZERO_SHOT), None)
    kept = {row.method: recovered(row, zero_shot, first) for row in rows if row.rank is not None}
    sizes = _sizes(rows)
    close = [name for name, share in kept.items() if share is not None and share >= KEPT_SHARE and sizes.get(name)]
    if first.method not in sizes or not close:
        return []
    small = min(close, key=lambda name: (sizes[name], -(kept[name] or 0.0)))
    if sizes[first.method] < MIN_TIMES * sizes[small]:
        return []
    many, share = times(sizes[first.method], sizes[small]), f"{kept[small]:.0%}"
    text = Markup("{} has {} of its gain over {} and trains {} times fewer parameters.")
    return [text.format(NAME.format(small), share, NAME.format(ZERO_SHOT), many)]


def _sizes(rows: Sequence[Row]) -> Mapping[str, float]:
    return {row.method: size for row in rows if (size := row.costs[TRAINABLE])}


def _row(rows: Sequence[Row], method: str) -> Row:
    return next(row for row in rows if row.method == method)
