"""A row compared with its baseline: counts exactly, scores by a paired test, memory within a tolerance."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..ranking import paired
from ..ranking.paired import Difference
from ..spec.figures import megabytes
from ..spec.metric import Metric, Needs
from . import score_tests
from .baseline import MEMORY_TOLERANCE
from .counts import COUNTS, compare
from .pair import Pair
from .score_tests import Test
from .verdict import Outcome, Verdict

MAX_SHOWN_EXAMPLES = 100_000  # a larger number is shown as "more than 100,000"
MACHINE = "machine"  # what the verdict about another machine's baseline is on
ACCEPT_HERE = "accept it here with --update-baseline"
MIXED = "runs may be on another kind of device than in the baseline"
SCORED_OTHERWISE = "the predictions did not change, their scoring did"


@dataclass(frozen=True)
class Rules:
    """What the gate tolerates.

    ``margin`` is in points of a metric (see ``spec.metric.Metric``), ``memory`` is a share, and ``level`` is the
    probability of a false alarm.
    """

    margin: float = 0.5
    memory: float = MEMORY_TOLERANCE
    level: float = 0.05


def seeds(pair: Pair) -> list[Verdict]:
    """Verdicts on seeds that only one side has; advisory, because the common seeds are compared."""
    then, now = set(pair.then.row.runs), set(pair.now.row.runs)
    found = []
    if new := now - then:
        held = f"{_named(new)} not compared: the baseline has {_named(then)}"
        remedy = f"accept {'them' if len(new) > 1 else 'it'} with --update-baseline"
        found.append(pair.verdict("seeds", Outcome.NEW, held, remedy, advisory=True))
    if gone := then - now:
        left = f"{_named(gone)} of the baseline did not run, so the gate can detect less"
        found.append(pair.verdict("seeds", Outcome.MISSING, left, advisory=True))
    return found


def counts(pair: Pair) -> list[Verdict]:
    """Parameters, examples, steps and tokens, on any machine: each is equal, or ``regressed`` if it rose or fell."""
    return [_count(pair, name) for name in COUNTS]


def memory(pair: Pair, rules: Rules) -> list[Verdict]:
    """Peak memory of the seed with the highest peak.

    It is ``regressed`` if it exceeds the baseline's peak on the same device by more than the tolerance. Resident
    memory depends on the allocator and on what else runs, so its verdict is advisory.
    """
    gpu, rss = _peak(pair, "peak_gpu_bytes", rules), _peak(pair, "peak_rss_bytes", rules, advisory=True)
    return [verdict for verdict in (gpu, rss) if verdict]


def scores(pairs: Sequence[Pair], rules: Rules) -> list[Verdict]:
    """The verdict on every metric of every row.

    Equal predictions pass. Otherwise it is the result of a paired test (``harness.ranking.paired``), the first of these
    that applies:

    - ``improved``: significantly better;
    - ``pass``: shown to be less than ``rules.margin`` worse;
    - ``regressed``: worse by the margin or more, and significantly worse;
    - ``inconclusive``: none of these; the message says what is needed to decide.

    Two error rates are controlled. In a session in which no method got worse, the probability of any ``regressed`` is
    at most ``rules.level``, whatever the number of methods and metrics (``gate.score_tests``; equal predictions are not
    tested). The same holds separately for ``improved``. If a method lost at least the margin in
    some metric, the probability that it passes in all of its metrics is at most ``rules.level``. This needs no
    correction for multiple tests, because the method would have to pass in the very metric that fell. Both rates are as
    accurate as the normal approximation of means over examples and seeds.

    If the baseline has another fingerprint, the other machine's rounding is one more draw of what training leaves to
    chance, which the test's error contains. An advisory verdict says so, and how large a loss would have been shown.
    """
    cells = [(pair, metric) for pair in pairs for metric in pair.now.row.metrics]
    known = [_without_test(*cell) for cell in cells]
    tests = score_tests.tests([cell for cell, verdict in zip(cells, known, strict=True) if verdict is None])
    rows = len({test.pair.name for test in tests})
    tested = [_tested(test, rows, rules) for test in tests]
    return [verdict for verdict in [*known, *tested, *_elsewhere(tests, rows, rules)] if verdict]


def _count(pair: Pair, name: str) -> Verdict:
    sides = {seed: (getattr(then.counts, name), getattr(now.counts, name)) for seed, then, now in pair.runs}
    outcome, detail = compare(name, sides, in_seconds="max_seconds" in pair.now.row.key.budget)
    return pair.verdict(name, outcome, detail, _blame(pair) if outcome == Outcome.REGRESSED else None)


def _peak(pair: Pair, name: str, rules: Rules, *, advisory: bool = False) -> Verdict | None:
    then, now = pair.then.row.peak(name, pair.seeds), pair.now.row.peak(name, pair.seeds)
    if then is None and now is None:
        return None
    if pair.same_device and pair.mixed:
        return pair.verdict(name, Outcome.INCOMPARABLE, MIXED, advisory=advisory)
    if not pair.same_device:
        return pair.verdict(name, Outcome.INCOMPARABLE, _accepted(pair), ACCEPT_HERE, advisory=advisory)
    if not then or now is None:
        side = "now" if now is None else "in the baseline"
        return pair.verdict(name, Outcome.INCOMPARABLE, f"not measured {side}", advisory=advisory)
    more, tolerated = now - then, rules.memory * then  # in bytes, because 1.1 / 1 - 1 exceeds 0.1
    outcome = Outcome.REGRESSED if more > tolerated else Outcome.IMPROVED if more < -tolerated else Outcome.PASS
    moved = f"{megabytes(then, now)} ({_signed(100 * more / then, 1)}%, tolerance {100 * rules.memory:g}%)"
    return pair.verdict(name, outcome, moved, _blame(pair) if outcome == Outcome.REGRESSED else None, advisory=advisory)


def _without_test(pair: Pair, metric: Metric) -> Verdict | None:
    """The verdict if no test is needed or possible; ``None`` if the scores must be tested."""
    now, then = pair.scores(metric)
    if pair.same_predictions and now.shape == then.shape and np.allclose(now, then, rtol=0, atol=1e-9):
        return pair.verdict(metric.id, Outcome.PASS, f"the same predictions ({_seeds(pair)})")
    if now.shape != then.shape:
        return pair.verdict(metric.id, Outcome.INCOMPARABLE, f"examples {then.shape[1]} → {now.shape[1]}")
    return None


def _elsewhere(tests: Sequence[Test], rows: int, rules: Rules) -> list[Verdict]:
    """An advisory verdict on each row that was tested against another machine's baseline, in its first metric."""
    first = [test for test in tests if test.pair.elsewhere and test.metric == test.pair.now.row.metrics[0]]
    if not first:
        return []
    losses = sorted([(test.found.detectable(rules.level / rows), test) for test in first], key=lambda one: one[0])
    seen = f"scores are compared as if the methods had been trained again; a loss of {_losses(losses)} would be seen"
    return [
        test.pair.verdict(MACHINE, Outcome.INCOMPARABLE, _accepted(test.pair), seen, ACCEPT_HERE, advisory=True)
        for test in first
    ]


def _losses(sorted_by_size: Sequence[tuple[float, Test]]) -> str:
    """The smallest and the largest loss, if they differ; the methods have one ranking metric."""
    metric = sorted_by_size[0][1].metric
    shown = {metric.worded(f"{points:.1f}"): test.pair.name for points, test in reversed(sorted_by_size)}
    ends = [f"{points} ({name})" for points, name in shown.items()] if len(shown) > 1 else [*shown]
    return f"{' to '.join(dict.fromkeys((ends[-1], ends[0])))} of {metric.title}"


def _accepted(pair: Pair) -> str:
    return f"accepted only on another machine or with different libraries ({pair.elsewhere})"


def _tested(test: Test, rows: int, rules: Rules) -> Verdict:
    """The three-way decision, in a session in which so many rows are tested."""
    pair, metric, found, worse, better = test.pair, test.metric, test.found, test.worse, test.better
    as_good = found.above(-rules.margin)
    if better <= rules.level:
        figures = _figures(test, f"{_p(better)} after Holm")
        return pair.verdict(metric.id, Outcome.IMPROVED, figures, pair.changed)
    if as_good <= rules.level:
        sure = f"less than {rules.margin:g} worse: {_p(as_good)}"
        return pair.verdict(metric.id, Outcome.PASS, _figures(test, sure), pair.changed)
    figures = _figures(test, f"{_p(worse)} after Holm")
    if found.difference <= -rules.margin and worse <= rules.level:
        blame = SCORED_OTHERWISE if metric.needs == Needs.TEXTS and pair.same_predictions else _blame(pair)
        return pair.verdict(metric.id, Outcome.REGRESSED, figures, blame)
    return pair.verdict(metric.id, Outcome.INCONCLUSIVE, figures, _decider(found, rules, rows), pair.changed)


def _decider(found: Difference, rules: Rules, rows: int) -> str:
    """What would be needed to decide if the true difference were the observed one."""
    if found.examples == 1:
        return "one example is not enough to decide"
    below = found.difference <= -rules.margin
    distance = -found.difference if below else found.difference + rules.margin
    level = rules.level / rows if below else rules.level
    examples = found.examples_needed(distance, level)
    if examples is None:
        seeds = found.seeds_needed(distance, level)
        noise = "with this much training noise, no number of examples would be enough to decide"
        return f"{noise}; about {seeds:,} seeds would be"
    if examples > MAX_SHOWN_EXAMPLES:
        more = f"more than {MAX_SHOWN_EXAMPLES:,} examples would be needed to decide"
        return f"{more}, because the true difference may equal the margin"
    return f"about {examples:,} examples would be enough to decide"


def _figures(test: Test, sure: str) -> str:
    """The change in the metric's own direction, which is negative for a gain if lower is better."""
    found, sign = test.found, test.metric.sign
    low, high = (_signed(bound) for bound in sorted(sign * bound for bound in found.interval()))
    examples = "1 example" if found.examples == 1 else f"{found.examples:,} examples"
    points = test.metric.worded(_signed(sign * found.difference))
    seeds, training = _seeds(test.pair), _training(test.pair, test.metric)
    return f"{points} (90% CI {low} to {high}, {sure}, {examples}, {seeds}{training})"


def _training(pair: Pair, metric: Metric) -> str:
    """What is known or assumed about training noise, if it is not estimated from the seeds."""
    if pair.same_weights:
        return ", the same weights"
    few = pair.retrained and len(pair.seeds) < paired.MIN_SEEDS
    return f", {metric.worded(f'{paired.ASSUMED_SCATTER:g}')} of training noise assumed" if few else ""


def _named(seeds: Iterable[int]) -> str:
    numbers = sorted(seeds)
    return f"seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def _seeds(pair: Pair) -> str:
    """How many seeds were compared, and which ones if only some were."""
    count = f"{len(pair.seeds)} seed{'s' * (len(pair.seeds) > 1)}"
    then, now = set(pair.then.row.runs), set(pair.now.row.runs)
    if then == now:
        return count
    common, others = (", ".join(map(str, sorted(seeds))) for seeds in (pair.seeds, then ^ now))
    return f"{count} in common: {common}; not compared: {others}"


def _blame(pair: Pair) -> str:
    return pair.changed or "the method's settings and source did not change"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _p(value: float) -> str:
    if value < 1e-300:
        return "p < 1e-300"
    return f"p = {re.sub('e-0', 'e-', f'{value:.0e}')}" if value < 1e-3 else f"p = {value:.2g}"
