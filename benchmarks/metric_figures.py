"""How often intervals and the gate are right for metrics other than a mean of scores in 0..1.

A population of examples is made up: labels, sentences or token likelihoods, each example more or less hard. Trainings
of a method differ in how good they are (the noise), and each answers every example anew. Answers are scored by the
metrics themselves, so the truth is known: the mean, over trainings, of the metric over the whole population. A session
draws its test examples and its seeds' trainings, and its scores go through ``harness.metrics.jackknife``,
``harness.ranking.intervals`` and ``harness.gate.tolerance`` unchanged.

Prints the Markdown of the tables in ``docs/statistics.md``, with the same numbers every time. Takes about two hours
on one core; ``--only`` makes the lines of a single population.

    python -m benchmarks.metric_figures
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tabulate import tabulate

from harness.gate import tolerance
from harness.gate.baseline import BaselineRow, BaselineRun, Key, Measured
from harness.gate.pair import Pair
from harness.gate.tolerance import Rules
from harness.gate.verdict import Outcome
from harness.metrics import checked
from harness.metrics.built_in import SCORERS
from harness.metrics.jackknife import pseudo_values
from harness.metrics.scoring import Scorer
from harness.ranking import intervals
from harness.ranking.intervals import Interval
from harness.spec.metric import Likelihood, Metric
from harness.spec.record import Status

NOISES = (0.0, 0.01, 0.03)  # how far trainings are apart: in the share of right words or labels, or in nats a token
EXAMPLES = (50, 200, 500)
USUAL = 200  # examples in a session of the gate
SEEDS = 3
METHODS = 4  # in a session of the gate
LOSS = 0.1  # of a method that got worse, in the unit of the noise
LEVELS, VARIANTS = 5, 3  # trainings from worst to best; answers of each to an example

Array = NDArray[np.float64]
References = Sequence[tuple[str, ...]]
Draw = Callable[[Generator, float], Sequence[Any]]  # the answers of a training that is so much better


@dataclass(frozen=True)
class Population:
    """Examples with what trainings answer to them; ``statistics`` has the shape (levels, variants, examples, …)."""

    scorer: Scorer
    statistics: Array

    @property
    def truth(self) -> float:
        """The mean, over trainings, of the value over all examples."""
        count = self.statistics.shape[1] * self.statistics.shape[2]
        return float(np.mean([self._value(level.sum(axis=(0, 1)), count) for level in self.statistics]))

    def trained(self, random: Generator, chosen: NDArray[np.int64]) -> Array:
        """The scores of another method's seeds on the same examples, of shape (seeds, examples)."""
        levels, variants, *_ = self.statistics.shape
        rows = [
            self.statistics[random.integers(levels), random.integers(variants, size=len(chosen)), chosen]
            for _ in range(SEEDS)
        ]
        return np.stack([self._scores(each) for each in rows])

    def drawn(self, random: Generator, examples: int) -> NDArray[np.int64]:
        """The numbers of as many test examples."""
        return random.integers(self.statistics.shape[2], size=examples)

    def _scores(self, statistics: Array) -> Array:
        if not self.scorer.metrics[0].corpus:
            return statistics[:, 0]
        _, found = pseudo_values(statistics, np.ones(len(statistics), dtype=bool), partial(checked.values, self.scorer))
        return found[:, 0]

    def _value(self, sums: Array, count: int) -> Array:
        return checked.values(self.scorer, sums, count)


def labels(random: Generator, size: int, right: float, count: int) -> tuple[References, Draw]:
    """Examples with one of ``count`` labels, some of them rare, of which this share is answered rightly."""
    names = [f"label {number}" for number in range(count)]
    weights = np.linspace(1, 3, count)
    known = random.choice(names, size, p=weights / weights.sum())
    easy = random.beta(6 * right, 6 * (1 - right), size)

    def answers(draw: Generator, better: float) -> list[str]:
        hits = draw.random(size) < easy + better
        return [str(each) for each in np.where(hits, known, draw.choice(names, size))]

    return [(str(label),) for label in known], answers


def sentences(random: Generator, size: int, right: float) -> tuple[References, Draw]:
    """Examples of 5 to 30 words, of which this share is answered rightly; others are replaced or left out."""
    words = np.array([_word(random) for _ in range(3000)])
    weights = 1 / np.arange(10, 3010)
    shares = weights / weights.sum()
    known = [random.choice(words, length, p=shares) for length in random.integers(5, 30, size)]
    easy = random.beta(10 * right, 10 * (1 - right), size)

    def answers(draw: Generator, better: float) -> list[str]:
        texts = []
        for sentence, share in zip(known, easy, strict=True):
            hits = draw.random(len(sentence)) < share + better
            kept = hits | (draw.random(len(sentence)) < 0.8)
            texts.append(" ".join(np.where(hits, sentence, draw.choice(words, len(sentence)))[kept]))
        return texts

    return [(" ".join(sentence),) for sentence in known], answers


def tokens(random: Generator, size: int) -> tuple[References, Draw]:
    """Examples of 5 to 60 tokens at about two nats each."""
    lengths = random.integers(5, 60, size)
    hard = random.gamma(16, 2 / 16, size)

    def answers(draw: Generator, better: float) -> list[Likelihood]:
        nats = lengths * np.maximum(hard * draw.normal(1, 0.05, size) - better, 0.01)
        return [Likelihood(float(each), int(length)) for each, length in zip(nats, lengths, strict=True)]

    return [("",)] * size, answers


Made = Callable[[Generator, int], tuple[References, Draw]]
KINDS: Mapping[str, tuple[str, Made]] = {  # by title: a metric's name, and the population
    "accuracy of about 75": ("accuracy", partial(labels, right=0.7, count=5)),
    "accuracy of about 95": ("accuracy", partial(labels, right=0.95, count=5)),
    "macro F1, 20 labels": ("macro_f1", partial(labels, right=0.7, count=20)),
    "chrF": ("chrf", partial(sentences, right=0.7)),
    "BLEU of about 45": ("bleu", partial(sentences, right=0.7)),
    "BLEU of about 20": ("bleu", partial(sentences, right=0.5)),
    "BLEU of about 5": ("bleu", partial(sentences, right=0.25)),
    "perplexity": ("perplexity", tokens),
}


def population(kind: str, size: int, noise: float, better: float = 0.0) -> Population:
    """As many examples of that kind, with trainings that are so far apart, and all so much better."""
    name, made = KINDS[kind]
    random = np.random.default_rng(1)
    references, answers = made(random, size)
    spread = [noise * NormalDist().inv_cdf((level + 0.5) / LEVELS) for level in range(LEVELS)] if noise else [0.0]
    scorer = SCORERS[name]
    statistics = [
        [checked.table(scorer, scorer.statistics(answers(random, better + each), references), size)]
        for each in spread
        for _ in range(VARIANTS)
    ]
    return Population(scorer, np.array(statistics).reshape(len(spread), VARIANTS, size, -1))


def coverage(kind: str, size: int, draws: int) -> Iterator[list[str]]:
    """The lines of a population: how often 95% intervals of a value, and of a difference, contain the truth."""
    everyone = {noise: population(kind, size, noise) for noise in NOISES}
    for examples in EXAMPLES:
        cells = []
        for noise, found in everyone.items():
            random = np.random.default_rng([2, examples, int(1000 * noise)])
            pairs = [_intervals(random, found, examples) for _ in range(draws)]
            cells += [_share([one for one, _ in pairs], found.truth), _share([other for _, other in pairs], 0.0)]
        truths = {found.truth for found in everyone.values()}
        shown = everyone[NOISES[0]].scorer.metrics[0].shown(float(np.mean(list(truths))))
        yield [kind, shown, f"{examples:,}", *cells]


def gate(kind: str, size: int, sessions: int) -> Iterator[list[str]]:
    """The line of a population: how often a session is red if nothing got worse, and if one method did."""
    cells = []
    for noise in NOISES:
        usual, worse = population(kind, size, noise), population(kind, size, noise, -LOSS)
        for now in (usual, worse):
            random = np.random.default_rng([3, int(1000 * noise), int(now is worse)])
            cells.append(f"{np.mean([_red(random, usual, now) for _ in range(sessions)]):.1%}")
    yield [kind, f"{USUAL:,}", *cells]


def _word(random: Generator) -> str:
    return "".join(random.choice(list("etaoinshrdlucmfwypvbg"), random.integers(2, 10)))


def _intervals(random: Generator, found: Population, examples: int) -> tuple[Interval, Interval]:
    """The interval of a method's value, and that of its difference to an equal method."""
    chosen = found.drawn(random, examples)
    one, other = (intervals.sample(found.trained(random, chosen)) for _ in range(2))
    return intervals.interval(one), intervals.difference(one, other)


def _share(found: Sequence[Interval], truth: float) -> str:
    return f"{np.mean([(one.low or 0.0) <= truth <= (one.high or 0.0) for one in found]):.1%}"


def _red(random: Generator, usual: Population, now: Population) -> bool:
    """Whether a session is red in which every method was trained anew, the first one as in ``now``."""
    chosen = usual.drawn(random, USUAL)
    pairs = []
    for number in range(METHODS):
        trained = (now if number == 0 else usual).trained(random, chosen), usual.trained(random, chosen)
        pairs.append(_pair(f"method {number}", usual.scorer.metrics[0], *trained))
    return any(one.outcome == Outcome.REGRESSED for one in tolerance.scores(pairs, Rules()))


def _pair(name: str, metric: Metric, now: Array, then: Array) -> Pair:
    return Pair(name, _measured(name, metric, now), _measured(name, metric, then), tuple(range(SEEDS)))


def _measured(name: str, metric: Metric, scores: Array) -> Measured:
    asked: dict[str, Any] = {"budget": {}, "evaluation": {}, "data_hash": None, "model_revision": None}
    key = Key(method=name, model="simulated", metrics=(metric.id,), **asked)
    means = [{metric.id: float(each.mean())} for each in scores]
    runs = {seed: BaselineRun(status=Status.OK, scores=mean) for seed, mean in enumerate(means)}
    row = BaselineRow(key=key, metrics=(metric,), runs=runs)
    return Measured(row, {seed: {metric.id: each} for seed, each in enumerate(scores)})


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    align = ["left", *["right"] * (len(headers) - 1)]
    return tabulate(lines, headers, tablefmt="pipe", colalign=align, disable_numparse=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=1000, help="sessions per cell (default: 1000)")
    options.add_argument("--size", type=int, default=1500, help="examples in a population (default: 1500)")
    options.add_argument("--only", choices=KINDS, help="a single population")
    asked = options.parse_args(arguments)
    kinds = [asked.only] if asked.only else [*KINDS]
    for made, first, cases in (
        (coverage, ["metric", "value", "examples"], ("value", "difference")),
        (gate, ["metric", "examples"], ("nothing worse", "one worse")),
    ):
        headers = [*first, *(f"{case}, noise {noise:g}" for noise in NOISES for case in cases)]
        print(f"{_table(headers, [line for kind in kinds for line in made(kind, asked.size, asked.draws)])}\n")


if __name__ == "__main__":
    main()
