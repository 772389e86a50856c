"""The answer to the question that a session asks, in a few sentences: which method is best, and how certain is that?"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from ..ranking.choice import MIN_TIMES, best, economical
from ..ranking.intervals import Interval
from ..ranking.leaderboard import Row
from ..ranking.ranks import Ranking
from ..spec.metric import Direction, Metric
from ..spec.record import Status
from ..spec.suite import ZERO_SHOT
from .readable import cut, times

KEPT_SHARE = 0.8  # of the best method's gain over zero-shot; a method that keeps less is no cheaper way to the same
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
    if _tied(ranking):
        text = Markup("No clear winner among {} methods: {} may be as good as {}, which has the best score, {}")
        return text.format(len(ranking.names), len(choice.alike), choice.method, score)
    others = choice.alike[0] if len(choice.alike) == 1 else f"{len(choice.alike)} others"
    return Markup("{} leads with {}, but {} may be as good").format(choice.method, score, others)


def sentences(rows: Sequence[Row], ranking: Ranking | None) -> list[Markup]:
    """How certain the headline is, which method to take for less, and which methods have no rank."""
    if ranking is None:
        return [_unranked(rows)]
    alone = len(ranking.names) == 1
    certain = [Markup("There is nothing to compare it with.")] if alone else _certainty(rows, ranking)
    gain = [] if alone else [*_recommended(rows, ranking), *_no_gain(ranking), *_cheaper(rows, ranking)]
    left = [row for row in rows if row.rank is None and not row.bound]
    return [*certain, *gain, *([_unranked(left) if len(left) == 1 else _without_rank(len(left))] if left else [])]


def gap(value: Interval, metric: Metric, remark: str = "") -> str:
    """``4.6 points higher (1.6 to 7.6)``: how far a first mean is from a second, with a remark on the interval."""
    word = "higher" if (value.mean >= 0) == (metric.better == Direction.HIGHER) else "lower"
    facing = value.facing(1.0 if value.mean >= 0 else -1.0)
    text = " ".join(filter(None, (metric.shown(facing.mean), metric.counted, word)))
    if facing.low is None:
        return text
    low, high = (metric.shown(bound).replace("-", "−") for bound in (facing.low, facing.high))
    return f"{text} ({low} to {high}{remark})"


def recovered(row: Row, zero_shot: Row, best_row: Row) -> float | None:
    """The share of another method's gain over zero-shot that this one has; ``None`` where there is no such gain."""
    if not (row.scores and zero_shot.scores and best_row.scores):
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
    nearest = _nearest(ranking, first, alike[0], metric)
    if _tied(ranking):
        few = Markup("There were {} test examples; more might tell more methods apart.")
        return [nearest, few.format(f"{ranking.field.examples:,}")]
    told = Markup("{} cannot be told apart from {}.").format(NAME.format(first), _named(alike))
    return [told, nearest] if len(alike) > 1 else [nearest]


def _tied(ranking: Ranking) -> bool:
    """Whether most methods, and two or more beside the first, may be as good as it."""
    others = len(_alike(ranking))
    return others > 1 and 2 * (others + 1) > len(ranking.names)


def _nearest(ranking: Ranking, first: str, second: str, metric: Metric) -> Markup:
    """How far the best method is from the next one, which it is not shown to be better than."""
    apart, name = ranking.difference(first, second), NAME.format(second)
    if not apart.mean:
        return Markup("{} has the same score as {}.").format(NAME.format(first), name)
    clear = apart.low is not None and apart.low > 0
    alone = f" for this pair alone, which is not enough among {len(ranking.names)} methods" if clear else ""
    return Markup("{} is {} than {}.").format(NAME.format(first), gap(apart, metric, alone), name)


def _no_gain(ranking: Ranking) -> list[Markup]:
    """That nothing, or not the best method, is shown to be better than the base model as it is."""
    names = ranking.names
    if ZERO_SHOT not in names or (names[0] != ZERO_SHOT and ranking.better(names[0], ZERO_SHOT)):
        return []
    model = Markup("{}, the base model as it is").format(NAME.format(ZERO_SHOT))
    gained = [name for name in names if name != ZERO_SHOT and ranking.better(name, ZERO_SHOT)]
    if not gained:
        return [Markup("No method is shown to be better than {}.").format(model)]
    text = Markup("{} is not shown to be better than {}; {} {}.")
    return [text.format(NAME.format(names[0]), model, _named(gained), "is" if len(gained) == 1 else "are")]


def _unranked(rows: Sequence[Row]) -> Markup:
    """The methods without a rank, and why: of a single one its reason, of several how their runs ended."""
    count = WHOLE.format("1 method has" if len(rows) == 1 else f"{len(rows)} methods have")
    named = [Markup("{} ({})").format(NAME.format(row.method), _cause(row, short=len(rows) > 1)) for row in rows]
    return Markup('<a href="#runs">{} no rank</a>: {}.').format(count, _enumerated(named))


def _without_rank(methods: int) -> Markup:
    count = WHOLE.format(f"{methods} methods have")
    return Markup('<a href="#runs">{} no rank (why)</a>.').format(count)


def _cause(row: Row, *, short: bool) -> str:
    if row.bound:
        return "a bound"
    status = "not ranked" if row.status == Status.OK else str(row.status).replace("_", " ")
    return status if short or not row.reason else f"{status}: {cut(row.reason)}"


def _alike(ranking: Ranking) -> list[str]:
    return [name for number, name in enumerate(ranking.names) if number and not ranking.told[0, number]]


def _named(names: Sequence[str]) -> Markup:
    return _enumerated([NAME.format(name) for name in names])


def _enumerated(parts: Sequence[Markup]) -> Markup:
    """``a and b``, ``a, b, c and 4 others``; one is never left out alone."""
    shown = list(parts if len(parts) <= MAX_NAMED + 1 else parts[:MAX_NAMED])
    more = len(parts) - len(shown)
    last = Markup("{} others").format(more) if more else shown.pop()
    return Markup("{} and {}").format(Markup(", ").join(shown), last) if shown else last


def _recommended(rows: Sequence[Row], ranking: Ranking) -> list[Markup]:
    """Which method to take where the best one is not shown to be better than all others."""
    first, sizes = ranking.names[0], _sizes(rows)
    name = economical(ranking, sizes, ZERO_SHOT)
    if name is None or not _alike(ranking):
        return []
    if name == first:
        why = Markup("It has the best score, and none that may be as good trains less than half as many parameters")
    else:
        why = Markup("It is not shown to be worse than {}{}").format(NAME.format(first), _saved(sizes, name, first))
    return [Markup("If you need one: {}. {}.").format(NAME.format(name), why)]


def _cheaper(rows: Sequence[Row], ranking: Ranking) -> list[Markup]:
    """The method with the fewest trainable parameters of those that are worse but keep most of the best one's gain.

    Only of gains that there are shown to be, the best one's and that method's own.
    """
    first, sizes = ranking.names[0], _sizes(rows)
    if first not in sizes or ZERO_SHOT not in ranking.names or not ranking.better(first, ZERO_SHOT):
        return []
    worse = [name for name in sizes if _between(ranking, first, name)]
    kept = {name: recovered(*(_row(rows, each) for each in (name, ZERO_SHOT, first))) or 0.0 for name in worse}
    close = [name for name in worse if kept[name] >= KEPT_SHARE]
    small = min(close, key=lambda name: (sizes[name], -kept[name]), default=first)
    as_good = economical(ranking, sizes, ZERO_SHOT) or first
    if small == first or sizes[as_good] < MIN_TIMES * sizes[small]:
        return []
    text = Markup("{} is worse, but keeps about {} of {}’s gain over {}{}.")
    names = NAME.format(small), f"{kept[small]:.0%}", NAME.format(first), NAME.format(ZERO_SHOT)
    return [text.format(*names, _saved(sizes, small, first))]


def _between(ranking: Ranking, first: str, name: str) -> bool:
    """Whether a method is shown to be worse than the first one and better than zero-shot."""
    return name in ranking.names and ranking.better(first, name) and ranking.better(name, ZERO_SHOT)


def _saved(sizes: Mapping[str, float], name: str, other: str) -> str:
    """How many times fewer parameters the first method trains than the second, if that is worth saying."""
    if not sizes[name]:
        return ", and trains nothing"
    if sizes.get(other, 0.0) < MIN_TIMES * sizes[name]:
        return ""
    return f", and trains {times(sizes[other], sizes[name])} times fewer parameters"


def _sizes(rows: Sequence[Row]) -> Mapping[str, float]:
    return {row.method: size for row in rows if (size := row.costs[TRAINABLE]) is not None}


def _row(rows: Sequence[Row], method: str) -> Row:
    return next(row for row in rows if row.method == method)
