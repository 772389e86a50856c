"""The gate's error rates: how often it fails although no method got worse, and how often it detects a known loss.

Sessions are simulated from the stored runs of a suite and judged by ``harness.gate.tolerance``. Each session draws its
test examples with replacement. Results differ from the baseline in one of three ways:

- trained anew: each example's mean score plus the residual of a stored seed's answer, plus a random level for each
  seed, with the spread of the stored seeds' levels;
- on another machine: every method is trained anew, with a given number of seeds, whose means scatter by 1.7 points;
- last words lost: the stored answers, scored again without their last words, in as many of them as lower ROUGE-1 by the
  planted loss. The weights are the same, which is known only on a machine that computes reproducibly bit for bit; most
  GPUs do not.

A third comparison is not simulated: single stored seeds against another seed of the same method, of the suite ``zoo``.

Prints the Markdown of the tables in ``docs/gate.md``; the same stored runs always give the same numbers.

    python -m benchmarks.gate_figures
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from harness.gate import tolerance
from harness.gate.baseline import BaselineRow, Measured, measured
from harness.gate.pair import Pair
from harness.gate.tolerance import Rules
from harness.gate.verdict import Outcome, Verdict
from harness.metrics.rouge.metric import NAMES, ROUGE, rouge
from harness.ranking import paired
from harness.spec.record import Record, Status
from harness.store.results import Store

PLANTED_IN = ROUGE[0].id
PLANTED = 0.7  # points that the lost words cost
SAME = "the same"  # the hash of weights that are equal on both sides
CUTS = 8  # answers are scored without their last 0 to 7 words
FOUR = 4  # methods per session
ALIKE, ALIKE_LOSS = 0.95, 1.2  # the share of answers that a method gives as before, and how many points it loses
LOSSES = (1, 2, 3, 5)  # points by which a method trained anew is worse
SPREAD = 1.7  # points by which the means of a method's seeds scatter on another machine
SEEDS, LOSSES_ELSEWHERE = (3, 10), (0, 2, 5)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stored:
    """A stored trained method; ``scores`` has the shape (cuts, metrics, seeds, examples)."""

    name: str
    row: BaselineRow
    scores: Array

    @property
    def seeds(self) -> tuple[int, ...]:
        """The method's seeds, in the order of ``scores``."""
        return tuple(sorted(self.row.runs))

    def pair(self, now: Array, then: Array, weights: str | None = None) -> Pair:
        """The pair to compare, from scores now and then of shape (metrics, seeds, examples); both have ``weights``."""
        run = self.row.runs[self.seeds[0]].model_copy(update={"predictions_hash": None, "weights_hash": weights})
        seeds = tuple(range(now.shape[1]))
        row = self.row.model_copy(update={"runs": dict.fromkeys(seeds, run)})
        return Pair(self.name, _measured(row, now), _measured(row, then), seeds)


def _measured(row: BaselineRow, scores: Array) -> Measured:
    return Measured(row, {seed: dict(zip(NAMES, scores[:, seed], strict=True)) for seed in row.runs})


@dataclass(frozen=True)
class Simulation:
    """A kind of session; ``rows`` are the changed methods."""

    title: str
    rows: Sequence[str]
    session: Callable[[Generator], list[Pair]]


def methods(store: Store, cuts: int = CUTS) -> list[Stored]:
    """The trained methods of a suite, their answers scored with this many cuts."""
    groups: dict[str, list[Record]] = {}
    for record in store.read_runs():
        if record.status == Status.OK and record.cost.trainable_parameters:
            groups.setdefault(record.spec.method, []).append(record)
    if not groups or any(len(records) < 2 for records in groups.values()):
        raise SystemExit(f"{store.folder}: needs two seeds of each trained method; run pytest --benchmark first")
    return [_stored(store, name, records, cuts) for name, records in groups.items()]


def nothing(trained: Sequence[Stored]) -> Simulation:
    """No method got worse, and all were trained anew."""
    return Simulation(
        "nothing; every method trained anew", [one.name for one in trained], lambda random: _anew(random, trained)
    )


def another_seed(trained: Sequence[Stored], suite: str) -> Simulation:
    """No method got worse: one seed of each of four methods is compared with another seed of the same method."""

    def session(random: Generator) -> list[Pair]:
        chosen = [trained[number] for number in random.choice(len(trained), FOUR, replace=False)]
        return [_of_seeds(one, *random.permutation(len(one.seeds))[:2]) for one in chosen]

    return Simulation(f"nothing; {FOUR} methods of `{suite}`, one seed compared with another", [], session)


def shorter(one: Stored, others: Sequence[Stored] = (), weights: str | None = SAME) -> Simulation:
    """One method's answers lost words; the others give the same predictions as before, or were trained anew."""

    def session(random: Generator) -> list[Pair]:
        chosen = _examples(random, one)
        now = _shortened(random, one)[..., chosen]
        return [one.pair(now, one.scores[0][..., chosen], weights), *_anew(random, others)]

    beside = ", and every other method trained anew" if others else ""
    unknown = "" if weights else ", weights not known to be the same"
    return Simulation(f"`{one.name}` loses last words, −{PLANTED:g} points{beside}{unknown}", [one.name], session)


def worse(one: Stored, points: float) -> Simulation:
    """One method was trained anew and is worse in every example; the others give the same predictions as before."""

    def session(random: Generator) -> list[Pair]:
        return _anew(random, [one], loss=points / 100)

    return Simulation(f"`{one.name}` trained anew, −{points:g} points", [one.name], session)


def alike(one: Stored, others: Sequence[Stored]) -> Simulation:
    """One method gives most answers as before and is worse in every example; the others were trained anew."""

    def session(random: Generator) -> list[Pair]:
        chosen = _examples(random, one)
        then, anew = (_trained(random, one, chosen) for _ in range(2))
        now = np.where(random.random(then.shape[1:]) < ALIKE, then, anew)
        return [one.pair(now - ALIKE_LOSS / 100, then), *_anew(random, others)]

    lost = f"`{one.name}` gives {ALIKE:.0%} of its answers as before, −{ALIKE_LOSS:g} points"
    return Simulation(f"{lost}, and every other method trained anew", [one.name], session)


def elsewhere(trained: Sequence[Stored], points: float, seeds: int) -> Simulation:
    """Every method was trained anew on another machine, and the first one is worse in every example."""
    first, *others = trained

    def session(random: Generator) -> list[Pair]:
        chosen = _examples(random, first)
        lost = [points / 100, *[0.0] * len(others)]
        sides = [[_trained(random, one, chosen, seeds, SPREAD) for _ in range(2)] for one in trained]
        return [one.pair(now - loss, then) for one, (now, then), loss in zip(trained, sides, lost, strict=True)]

    worse = f"`{first.name}` −{points:g} points" if points else "nothing"
    return Simulation(f"{worse}; another machine, {seeds} seeds", [first.name] if points else [], session)


def figures(case: Simulation, sessions: int, rules: Rules) -> list[str]:
    """What was changed, the share of sessions that are red, and the share of the case's rows that pass."""
    random, red, passed = np.random.default_rng(0), 0, 0
    for _ in range(sessions):
        found = tolerance.scores(case.session(random), rules)
        red += any(verdict.fails for verdict in found)
        passed += sum(_passes(name, found) for name in case.rows)
    share = _percent(passed / sessions / len(case.rows)) if case.rows else "–"
    return [case.title, f"{sessions:,}", _percent(red / sessions), share]


def over_examples_alone(case: Simulation, sessions: int, rules: Rules) -> list[str]:
    """The same figures for a paired t-test that accounts for the examples as the only source of chance."""
    random, red = np.random.default_rng(0), 0
    for _ in range(sessions):
        differences = [_differences(pair, name) for pair in case.session(random) for name in NAMES]
        values = paired.holm([stats.ttest_1samp(each, 0, alternative="less").pvalue for each in differences])
        red += any(
            value <= rules.level and each.mean() <= -rules.margin
            for value, each in zip(values, differences, strict=True)
        )
    return [f"{case.title}; test over examples alone", f"{sessions:,}", _percent(red / sessions), "–"]


def messages(trained: Sequence[Stored], rules: Rules) -> list[list[str]]:
    """The gate's verdicts on each method's stored answers without last words, on the unchanged test split."""
    random = np.random.default_rng(0)
    found = [tolerance.scores([one.pair(_shortened(random, one), one.scores[0], SAME)], rules) for one in trained]
    return [
        [f"`{each.row}`", each.outcome, each.detail] for group in found for each in group if each.metric == PLANTED_IN
    ]


def _of_seeds(one: Stored, now: int, then: int) -> Pair:
    """One seed's scores paired with those of another, as if both were the same seed."""
    single = replace(one, row=one.row.model_copy(update={"runs": {0: one.row.runs[one.seeds[0]]}}))
    return single.pair(one.scores[0][:, [now]], one.scores[0][:, [then]])


def _stored(store: Store, name: str, records: Iterable[Record], cuts: int) -> Stored:
    ordered = sorted(records, key=lambda record: record.spec.seed)
    row = measured((record, {}) for record in ordered).row
    scores = np.stack([_scores(store, record, cuts) for record in ordered], axis=2)
    return Stored(name, row, scores)


def _scores(store: Store, record: Record, cuts: int) -> Array:
    """The scores of one run, of shape (cuts, metrics, examples)."""
    answers = [each for each in store.read_predictions(record.spec) if each.scored]
    if not answers:
        raise SystemExit(f"{store.folder}: {record.spec.name} has no predictions; run pytest --benchmark again")
    references = [each.references for each in answers]
    texts = [[_without_last(each.text, cut) for each in answers] for cut in range(cuts)]
    return np.array([[[mean[name] for mean, _ in rouge(cut, references)] for name in NAMES] for cut in texts])


def _without_last(text: str, words: int) -> str:
    return " ".join(text.split()[:-words]) if words else text


def _examples(random: Generator, one: Stored) -> NDArray[np.int64]:
    """Indices of test examples, drawn with replacement."""
    count = one.scores.shape[-1]
    return random.integers(0, count, (count,))


def _anew(random: Generator, group: Sequence[Stored], loss: float = 0.0) -> list[Pair]:
    """Methods trained anew, then and now, on the same examples."""
    chosen = _examples(random, group[0]) if group else np.array([])
    pairs = [(one, _trained(random, one, chosen), _trained(random, one, chosen)) for one in group]
    return [one.pair(now - loss, then) for one, now, then in pairs]


def _trained(
    random: Generator, one: Stored, chosen: NDArray[np.int64], seeds: int | None = None, spread: float | None = None
) -> Array:
    """Scores that another training may give, of shape (metrics, seeds, examples).

    It has as many seeds as are stored, whose levels spread as far; or other numbers, ``spread`` being that of the
    seeds' means in points.
    """
    scores, count = one.scores[0], len(one.seeds)
    levels, means = scores.mean(axis=2, keepdims=True), scores.mean(axis=1, keepdims=True)
    rest = (scores - levels - means + means.mean(axis=2, keepdims=True)) * np.sqrt(count / (count - 1))
    asked = seeds or count
    drawn = rest[:, random.integers(0, count, (asked, len(chosen))), chosen[None]]
    if spread is None:
        width = levels.std(axis=1, ddof=1, keepdims=True)
    else:  # of which the answers to the examples are a part
        by_answers = rest.var(axis=(1, 2), keepdims=True) / len(chosen)
        width = np.sqrt(np.maximum((spread / 100) ** 2 - by_answers, 0.0))
    level = width * random.normal(size=(asked, 1))
    trained: Array = means[..., chosen] + drawn + level
    return trained


def _shortened(random: Generator, one: Stored) -> Array:
    """The scores of the stored answers, cut so that together they lose ``PLANTED`` points."""
    means = one.scores[:, NAMES.index(PLANTED_IN)].mean(axis=(1, 2))
    lost = 100 * (means[0] - means)
    cut = int(np.argmax(lost >= PLANTED))
    if not cut:
        raise SystemExit(f"{one.name}: without {CUTS - 1} last words it loses less than {PLANTED} points")
    share = (PLANTED - lost[cut - 1]) / (lost[cut] - lost[cut - 1])
    shortened: Array = np.where(random.random(one.scores.shape[-1]) < share, one.scores[cut], one.scores[cut - 1])
    return shortened


def _differences(pair: Pair, metric: str) -> Array:
    """Now minus then in points, averaged over seeds."""
    now, then = ([side.scores[seed][metric] for seed in pair.seeds] for side in (pair.now, pair.then))
    differences: Array = 100 * (np.mean(now, axis=0) - np.mean(then, axis=0))
    return differences


def _passes(row: str, found: Sequence[Verdict]) -> bool:
    return all(each.outcome in (Outcome.PASS, Outcome.IMPROVED) for each in found if each.row == row)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", default="results", help="the results folder (default: results)")
    options.add_argument("--suite", default="embedded", help="the suite whose stored runs are used")
    options.add_argument("--many", default="zoo", help="a suite of many methods, whose seeds are compared")
    options.add_argument("--sessions", type=int, default=500, help="simulated sessions per line (default: 500)")
    asked = options.parse_args(arguments)
    trained, rules = methods(Store(Path(asked.results), asked.suite)), Rules()
    unchanged, many = nothing(trained), methods(Store(Path(asked.results), asked.many), 1)
    cases = []
    for one in trained:
        others = [each for each in trained if each is not one]
        cases += [shorter(one), shorter(one, others), shorter(one, weights=None), alike(one, others)]
    cases += [worse(one, points) for one in trained for points in LOSSES]
    rows = [
        figures(unchanged, 4 * asked.sessions, rules),
        over_examples_alone(unchanged, 4 * asked.sessions, rules),
        figures(another_seed(many, asked.many), 4 * asked.sessions, rules),
        *(figures(elsewhere(trained, *each), asked.sessions, rules) for each in product(LOSSES_ELSEWHERE, SEEDS)),
        *(figures(case, asked.sessions, rules) for case in cases),
    ]
    aligned = ("left", "right", "right", "right")
    print(tabulate(rows, ("what changed", "sessions", "red", "rows that pass"), "pipe", colalign=aligned))
    print()
    print(tabulate(messages(trained, rules), ("method", "verdict", "message"), "pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
