"""How often the report's answer is right: which method it names within limits, and what it says about certainty.

Records with known truth are simulated: a few methods with a level, a memory, a training time and a size on disk of
their own, three seeds and as many examples as the embedded suite has. Their scores are those of
``benchmarks.interval_figures``, and go through the leaderboard and ``harness.ranking.choice`` unchanged, with limits
that leave out some methods at random.

- *breaks a limit*: the method that is named needs more than a limit allows, in any of its runs;
- *names the best*: among the methods within the limits, one is ahead of all others by a number of standard errors;
- *cannot tell*: two methods within the limits are equally good and better than all others, and the answer names one of
  them and says that it cannot be told apart from the other.

Prints the Markdown of the table in ``docs/statistics.md``, with the same numbers every time. Takes about ten minutes.

    python -m benchmarks.answer_figures
"""

import argparse
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator
from tabulate import tabulate

from benchmarks.interval_figures import ANSWER, simulated
from harness.ranking import choice, leaderboard
from harness.ranking.choice import LIMITS, Choice, Needs
from harness.ranking.entries import Entry
from harness.spec.metric import Metric
from harness.spec.record import Cost, Record, RunSpec, Status
from harness.spec.suite import Budget, Evaluation, ModelTable, TaskTable

DRAWS = 500
SEEDS, EXAMPLES = 3, 200
NOISES = (0.5, 2.5)  # points by which the seeds of a method scatter
COUNTS = (5, 20, 60)  # methods
AHEAD = (3.0, 5.0)  # standard errors of a difference of two methods, from first to second
PAIR = 2  # methods that are equally good
SPARED = 0.1  # at most this share of what a method needs is not needed by some of its runs
MEGABYTE = 1e6
BEHIND = 30.0  # points from the best to the others that are not as good
METRIC = Metric(id="score", title="score")
SPEC = RunSpec(
    suite="simulated",
    method="",
    seed=0,
    task=TaskTable(name="dialogsum"),
    model=ModelTable(),
    budget=Budget(max_steps=1),
    evaluation=Evaluation(),
    batch_size=1,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=DRAWS)
    print("\n\n".join(tables(parser.parse_args(arguments).draws)))


def tables(draws: int) -> Iterator[str]:
    """The table, and what it shows in a sentence."""
    lines, broken = [], 0
    for count in COUNTS:
        for noise in NOISES:
            found = [named_best(draws, count, noise, ahead) for ahead in AHEAD]
            equal = told_equal(draws, count, noise)
            broken += sum(each[0] for each in (*found, equal))
            shares = [f"{right / draws:.1%}" for _, right in (*found, equal)]
            lines.append([f"{count}", f"{noise:g}", *shares])
    titles = ["methods", "noise", *(f"names the best, {ahead:g} errors ahead" for ahead in AHEAD), "cannot tell"]
    yield tabulate(lines, titles, tablefmt="pipe", colalign=["left", *["right"] * 4], disable_numparse=True)
    drawn = draws * len(lines) * (len(AHEAD) + 1)
    yield f"With {draws:,} draws per cell, a method that breaks a limit was named in {broken:,} of {drawn:,} answers."


def named_best(draws: int, count: int, noise: float, ahead: float) -> tuple[int, int]:
    """In how many draws the answer breaks a limit, and in how many it names the only best method within the limits."""
    random, broken, right = np.random.default_rng(7), 0, 0
    for _ in range(draws):
        needs, limits, within = _situation(random, count)
        levels = _levels(random, count, within[:1], within[1:], ahead * standard_error(noise))
        answer = _answer(random, levels, noise, needs, limits)
        broken += _breaks(answer, needs, limits)
        right += answer is not None and answer.method == _name(within[0])
    return broken, right


def told_equal(draws: int, count: int, noise: float) -> tuple[int, int]:
    """In how many draws the answer breaks a limit, and in how many it does not tell apart two equally good methods."""
    random, broken, right = np.random.default_rng(8), 0, 0
    for _ in range(draws):
        needs, limits, within = _situation(random, count)
        levels = _levels(random, count, within[:PAIR], within[PAIR:], BEHIND)
        answer = _answer(random, levels, noise, needs, limits)
        broken += _breaks(answer, needs, limits)
        both = {_name(number) for number in within[:PAIR]}
        right += answer is not None and {answer.method, *answer.alike} >= both
    return broken, right


def standard_error(noise: float) -> float:
    """Of the difference of two methods, in points."""
    return math.sqrt(2 * (noise**2 / SEEDS + ANSWER**2 / SEEDS / EXAMPLES))


def _situation(random: Generator, count: int) -> tuple[dict[str, Needs], dict[str, float], list[int]]:
    """What the methods need, limits that two methods or more keep, and the numbers of these methods, shuffled."""
    names = [limit.name for limit in LIMITS]
    values = np.round(random.lognormal(0.0, 1.0, (count, len(names))) * MEGABYTE)
    needs: dict[str, Needs] = {
        _name(number): dict(zip(names, row, strict=True)) for number, row in enumerate(values.tolist())
    }
    while True:
        limits = dict(zip(names, np.quantile(values, random.uniform(0.3, 1.0), axis=0).tolist(), strict=True))
        within = [number for number in range(count) if choice.keeps(needs[_name(number)], limits)]
        if len(within) >= PAIR:
            return needs, limits, random.permutation(within).tolist()


def _levels(random: Generator, count: int, best: Sequence[int], others: Sequence[int], ahead: float) -> list[float]:
    """The levels in points: 0 for the best, less for the others within the limits, and any for those outside."""
    levels = random.normal(0.0, BEHIND / 3, count)
    levels[list(best)] = 0.0
    levels[list(others)] = -ahead - np.abs(random.normal(0.0, ahead, len(others)))
    return [float(level) for level in levels]


def _answer(
    random: Generator, levels: Sequence[float], noise: float, needs: dict[str, Needs], limits: dict[str, float]
) -> Choice | None:
    drawn = simulated(random, [noise] * len(levels), SEEDS, EXAMPLES, levels)
    entries = [
        Entry(_record(random, _name(number), seed, needs[_name(number)]), {METRIC.id: scores})
        for number, method in enumerate(drawn)
        for seed, scores in enumerate(method)
    ]
    ranking = leaderboard.board(entries).ranking
    assert ranking is not None
    return choice.best(ranking, choice.needs(entries, ranking.names), limits)


def _breaks(answer: Choice | None, needs: dict[str, Needs], limits: dict[str, float]) -> bool:
    return answer is not None and any((needs[answer.method][name] or 0.0) > most for name, most in limits.items())


def _record(random: Generator, method: str, seed: int, needs: Needs) -> Record:
    """A run, which needs no more than its method; the first one needs as much."""
    share = 1.0 - SPARED * random.random() if seed else 1.0
    memory, seconds, disk = (int(share * (needs[limit.name] or 0.0)) for limit in LIMITS)
    asked = SPEC.model_copy(update={"method": method, "seed": seed})
    cost = Cost(trainable_parameters=1, peak_rss_bytes=memory, train_seconds=seconds, adapter_bytes=disk)
    return Record(spec=asked, status=Status.OK, metrics=(METRIC,), scores={METRIC.id: 0.5}, cost=cost)


def _name(number: int) -> str:
    return f"method{number}"


if __name__ == "__main__":
    main()
