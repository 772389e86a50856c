"""How often the leaderboard's intervals and ranks are right, and what they can tell apart.

A method's simulated scores are its level + the difficulty of each example (standard deviation 15 points, the same
for all methods) + a training effect of each seed (the noise) + a residual of each answer (10 points). Equal methods
have the same level. The simulated scores go through ``harness.ranking.intervals`` and ``harness.ranking.ranks``
unchanged; "before" is the bootstrap over examples and seeds that the leaderboard used until November 2026.

Prints the Markdown of the tables in ``docs/statistics.md``, with the same numbers every time. Takes about twenty
minutes on one core; ``--only`` makes a single table.

    python -m benchmarks.interval_figures
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tabulate import tabulate

from harness.ranking import intervals, paired, scatter
from harness.ranking.entries import Entry, by_method
from harness.ranking.intervals import Interval, Sample
from harness.ranking.ranks import Estimate, ranking
from harness.store.results import Store

DIFFICULTY, ANSWER = 15.0, 10.0
NOISES = (0.0, 0.5, 1.0, 2.0, 4.0)
SEEDS, EXAMPLES = (3, 5, 10), (30, 200, 1000)
USUAL = (3, 200)  # seeds and examples in sessions with many methods
COUNTS = (5, 60, 200)  # methods
MANY, NOISE = 60, 2.5
AHEAD = (3.0, 5.0, 10.0)  # points by which the best method is ahead
RESAMPLES = 2000  # of the former bootstrap
FEWER = 5  # alternatives are simulated in one of this many sessions

Array = NDArray[np.float64]
Told = Callable[[Sequence[Array]], float]  # the share of the other methods that the first is shown to be better than


def simulated(
    random: Generator, noises: Sequence[float], seeds: int, examples: int, levels: Sequence[float] = ()
) -> list[Array]:
    """Scores in 0..1, of shape (seeds, examples), for one method per noise; ``levels`` are differences in points."""
    hard = random.normal(50, DIFFICULTY, examples)
    answers = random.standard_normal((len(noises), seeds, examples), dtype=np.float32) * ANSWER
    trained = random.standard_normal((len(noises), seeds, 1)) * np.asarray(noises)[:, None, None]
    scores: Array = (hard + trained + answers) / 100
    scores[: len(levels)] += np.reshape(levels, (-1, 1, 1)) / 100
    return list(scores)


def coverage(draws: int) -> Iterator[str]:
    """How often 95% intervals of means, and of differences of equal methods, contain the true value."""
    for title, interval in (("mean", _mean), ("difference of two equal methods", _difference)):
        random, cells = np.random.default_rng(1), {}
        for seeds in SEEDS:
            for examples in EXAMPLES:
                for noise in NOISES:
                    drawn = [interval(simulated(random, [noise] * 2, seeds, examples)) for _ in range(draws)]
                    cells[seeds, examples, noise] = _share(drawn)
        quiet = max(share for (*_, noise), share in cells.items() if noise <= 0.5)
        all_shares = list(cells.values())
        lines = [
            [f"{seeds}", f"{examples:,}", *(f"{cells[seeds, examples, noise]:.1%}" for noise in NOISES)]
            for seeds in SEEDS
            for examples in EXAMPLES
        ]
        yield _table(["seeds", "examples", *(f"noise {noise:g}" for noise in NOISES)], lines)
        yield (
            f"Coverage of 95% intervals of the {title}, with {draws:,} draws per cell: at least {min(all_shares):.1%}; "
            f"where the noise is 0.5 or less, at most {quiet:.1%}; on average {np.mean(all_shares):.1%}."
        )


def compared(draws: int) -> Iterator[str]:
    """The coverage of a difference with the usual seeds and examples: before, as in the gate, and now."""
    ways = {"before": _bootstrap_difference, "gate (`harness.ranking.paired`)": _gate_difference, "now": _difference}
    lines = []
    for name, way in ways.items():
        random = np.random.default_rng(2)
        shares = [_share([way(simulated(random, [noise] * 2, *USUAL)) for _ in range(draws)]) for noise in NOISES]
        lines.append([name, *(f"{share:.1%}" for share in shares)])
    yield _table(["95% interval of a difference", *(f"noise {noise:g}" for noise in NOISES)], lines)


def real(draws: int, store: Store) -> Iterator[str]:
    """The coverage with new trainings simulated from the stored answers of a suite's trained methods."""
    lines = []
    for method, scores in _stored(store):
        random = np.random.default_rng(3)
        for title, sides in (("mean", 1), ("difference", 2)):
            shares = [_share([_resampled(random, scores, noise, sides) for _ in range(draws)]) for noise in NOISES]
            lines.append([f"`{method}`", title, *(f"{share:.1%}" for share in shares)])
    yield _table(["stored answers of", "95% interval of the", *(f"noise {noise:g}" for noise in NOISES)], lines)


def ranks(draws: int) -> Iterator[str]:
    """The share of sessions of equal methods in which every method may have rank 1."""
    spans: Mapping[str, Callable[[int], Sequence[float]]] = {
        "0.5": lambda count: [0.5] * count,
        "2.5": lambda count: [NOISE] * count,
        "0.5 to 5, evenly spaced": lambda count: np.linspace(0.5, 5, count).tolist(),
        "0.5 to 5, log-spaced": lambda count: np.geomspace(0.5, 5, count).tolist(),
    }
    lines = []
    for count in COUNTS:
        for title, noises in spans.items():
            random = np.random.default_rng(4)
            held: dict[str, list[bool]] = {name: [] for name in ESTIMATES}
            for session in range(draws):
                samples = _samples(simulated(random, noises(count), *USUAL))
                for name, estimate in ESTIMATES.items():
                    if name == "now" or session < draws / FEWER:
                        held[name].append(not ranking(samples, estimate).told.any())
            lines.append([f"{count}", title, *(f"{np.mean(found):.1%}" for found in held.values())])
    yield _table(["equal methods", "noise", *ESTIMATES], lines)


def groups(draws: int) -> Iterator[str]:
    """The share of sessions in which no equally good methods are told apart, although others are better or worse."""
    kinds = {
        "one 30 points ahead": [30.0] + [0.0] * (MANY - 1),
        "two groups, 10 points apart": np.repeat([10.0, 0.0], MANY // 2).tolist(),
        "six groups, 10 points apart each": np.repeat(np.arange(0.0, 60, 10), MANY // 6).tolist(),
        "thirty pairs, 5 points apart each": np.repeat(np.arange(0.0, 150, 5), 2).tolist(),
    }
    noises = {"2.5": [NOISE] * MANY, "0.5 to 5, log-spaced": np.geomspace(0.5, 5, MANY).tolist()}
    lines = []
    for kind, levels in kinds.items():
        cells = []
        for spread in noises.values():
            random = np.random.default_rng(6)
            right = [
                _right(simulated(random, random.permutation(spread).tolist(), *USUAL, levels), levels)
                for _ in range(draws)
            ]
            cells.append(f"{np.mean(right):.1%}")
        lines.append([kind, *cells])
    yield _table([f"{MANY} methods", *(f"noise {title}" for title in noises)], lines)


def power(draws: int, few: int) -> Iterator[str]:
    """The share of the other methods from which the best one is told apart, by how far it is ahead."""
    ways: Mapping[str, tuple[Told, int]] = {
        "now": (_of_best(scatter.shared), draws),
        "before, without a correction": (_before, few),
        "Holm over all pairs": (_holm, few),
        "one variance for all": (_of_best(_pooled), few),
        "one variance per method": (_of_best(_own), few),
    }
    lines = []
    for name, (way, times) in ways.items():
        random, cells = np.random.default_rng(5), []
        for ahead in AHEAD:
            drawn = [way(simulated(random, [NOISE] * MANY, *USUAL, [ahead])) for _ in range(times)]
            cells.append(f"{np.mean(drawn):.1%}")
        lines.append([name, f"{times:,}", *cells])
    yield _table([f"{MANY} methods, noise {NOISE:g}", "sessions", *(f"{ahead:g} points" for ahead in AHEAD)], lines)


def _mean(scores: Sequence[Array]) -> tuple[Interval, float]:
    return intervals.interval(intervals.sample(scores[0])), 0.5


def _difference(scores: Sequence[Array]) -> tuple[Interval, float]:
    return intervals.difference(*map(intervals.sample, scores)), 0.0


def _gate_difference(scores: Sequence[Array]) -> tuple[Interval, float]:
    found = paired.compare(*scores)
    return Interval(found.difference, *found.interval(0.95)), 0.0


def _bootstrap_difference(scores: Sequence[Array]) -> tuple[Interval, float]:
    one, other = (_resamples(each, stream) for stream, each in enumerate(scores, 1))
    low, high = np.quantile(one - other, (0.025, 0.975))
    return Interval(float(scores[0].mean() - scores[1].mean()), float(low), float(high)), 0.0


def _resamples(scores: Array, stream: int) -> Array:
    """Means over resampled seeds, drawn separately, and over resampled examples, the same for all methods."""
    means: Array = np.einsum("nr,nr->n", _drawn(len(scores), stream) @ scores, _drawn(scores.shape[1], 0))
    return means


def _drawn(count: int, stream: int) -> Array:
    """How often each of ``count`` things is drawn, as shares of shape (RESAMPLES, count)."""
    if (count, stream) not in _DRAWN:
        drawn = np.random.default_rng(stream).multinomial(count, np.full(count, 1 / count), RESAMPLES)
        _DRAWN[count, stream] = drawn / count
    return _DRAWN[count, stream]


_DRAWN: dict[tuple[int, int], Array] = {}


def _stored(store: Store) -> Iterator[tuple[str, Array]]:
    """The scores of each method with trainable parameters, of shape (seeds, examples)."""
    records = [record for record in store.read_runs() if record.scores and record.cost.trainable_parameters]
    entries = map(Entry, records, store.read_scores(record.spec for record in records))
    for method, group in by_method(entries).items():
        yield method, np.stack([entry.scores[entry.record.metrics[0].id] for entry in group])


def _resampled(random: Generator, scores: Array, noise: float, sides: int) -> tuple[Interval, float]:
    """New trainings on drawn examples: each answers like one of the stored seeds, around the examples' means."""
    seeds, examples = scores.shape
    means = scores.mean(axis=0)
    rest = (scores - means - scores.mean(axis=1, keepdims=True) + means.mean()) * np.sqrt(seeds / (seeds - 1))
    chosen = random.integers(examples, size=examples)

    def anew() -> Sample:
        answers = rest[random.integers(seeds, size=(seeds, examples)), chosen]
        return intervals.sample(means[chosen] + random.normal(0, noise / 100, (seeds, 1)) + answers)

    if sides == 1:
        return intervals.interval(anew()), float(means.mean())
    return intervals.difference(anew(), anew()), 0.0


def _samples(scores: Sequence[Array]) -> dict[str, Sample]:
    return {f"{number}": intervals.sample(one) for number, one in enumerate(scores)}


def _own(samples: Sequence[Sample]) -> tuple[Array, Array]:
    return np.array([one.scatter for one in samples]), np.array([one.freedom for one in samples])


def _pooled(samples: Sequence[Sample]) -> tuple[Array, Array]:
    variances, freedoms = _own(samples)
    return np.full_like(variances, np.average(variances, weights=freedoms)), np.full_like(freedoms, freedoms.sum())


ESTIMATES: Mapping[str, Estimate] = {
    "now": scatter.shared,
    "one variance for all": _pooled,
    "one variance per method": _own,
}


def _of_best(estimate: Estimate) -> Told:
    def told(scores: Sequence[Array]) -> float:
        found = ranking(_samples(scores), estimate)
        return float(found.told[found.names.index("0")].sum()) / (len(scores) - 1)

    return told


def _right(scores: Sequence[Array], levels: Sequence[float]) -> bool:
    """Whether every method that is shown to be better really is."""
    found = ranking(_samples(scores))
    true = np.array([levels[int(name)] for name in found.names])
    return not bool((found.told & (true[:, None] <= true)).any())


def _holm(scores: Sequence[Array]) -> float:
    found = ranking(_samples(scores))
    upper = np.triu_indices(len(scores), 1)
    told = np.zeros((len(scores), len(scores)), dtype=bool)
    told[upper] = np.asarray(paired.holm(list(found.field.p_values()[upper]))) <= intervals.LEVEL
    return float(told[found.names.index("0")].sum()) / (len(scores) - 1)


def _before(scores: Sequence[Array]) -> float:
    ours, theirs = _resamples(scores[0], 1), np.stack([_resamples(each, 2) for each in scores[1:]])
    return float((np.quantile(ours - theirs, 0.025, axis=1) > 0).mean())


def _share(drawn: Sequence[tuple[Interval, float]]) -> float:
    """The share of cases in which the interval contains the true value."""
    return float(np.mean([(found.low or 0.0) <= truth <= (found.high or 0.0) for found, truth in drawn]))


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(lines, headers, tablefmt="pipe", colalign=align, disable_numparse=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables or one of them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=2000, help="sessions per cell; intervals use twice as many")
    options.add_argument("--results", type=Path, default=Path("results"))
    options.add_argument("--suite", default="embedded", help="the suite whose stored answers are used")
    options.add_argument("--only", choices=("coverage", "compared", "real", "ranks", "groups", "power"))
    asked = options.parse_args(arguments)
    tables: Mapping[str, Callable[[], Iterator[str]]] = {
        "coverage": lambda: coverage(2 * asked.draws),
        "compared": lambda: compared(asked.draws),
        "real": lambda: real(asked.draws, Store(asked.results, asked.suite)),
        "ranks": lambda: ranks(asked.draws),
        "groups": lambda: groups(max(asked.draws // FEWER, 1)),
        "power": lambda: power(asked.draws, max(asked.draws // FEWER, 1)),
    }
    for name, made in tables.items():
        if asked.only in (None, name):
            for part in made():
                print(f"{part}\n", flush=True)


if __name__ == "__main__":
    main()
