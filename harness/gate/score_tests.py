"""The tests of all scores of a session, which know of each other.

The scatter of seeds is estimated from all rows that were trained again (``harness.ranking.scatter``), because three
seeds alone say little. P-values are corrected over the rows by Holm's procedure, and over the metrics of a row by
Hommel's, since the metrics of the same answers rise and fall together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ranking import paired, scatter
from ..ranking.paired import Difference
from ..spec.metric import Metric
from .pair import Pair

Cell = tuple[Pair, Metric]


@dataclass(frozen=True)
class Test:
    """The test of one metric of one row; ``worse`` and ``better`` are corrected p-values of these claims."""

    __test__ = False  # for pytest, whose tests these are not

    pair: Pair
    metric: Metric
    found: Difference
    worse: float
    better: float


def tests(cells: Sequence[Cell]) -> list[Test]:
    """The tests of these metrics and rows, in order."""
    found = _together(cells, [_compare(*cell) for cell in cells])
    worse = _corrected(cells, [each.below() for each in found])
    better = _corrected(cells, [each.above() for each in found])
    return [
        Test(pair, metric, each, below, above)
        for (pair, metric), each, below, above in zip(cells, found, worse, better, strict=True)
    ]


def _compare(pair: Pair, metric: Metric) -> Difference:
    now, then = pair.scores(metric)
    return paired.compare(now, then, retrained=pair.retrained, factor=metric.factor_at(float(then.mean())))


def _together(cells: Sequence[Cell], found: Sequence[Difference]) -> list[Difference]:
    """The differences, after those of each metric have shared what they know about the scatter of seeds.

    How much of the scatter cancels out differs from row to row, and is not shared.
    """
    shared = list(found)
    for name in {metric.id for _, metric in cells}:
        mine = [
            number
            for number, (pair, metric) in enumerate(cells)
            if metric.id == name and _shows_scatter(pair, found[number])
        ]
        scatters = np.array([found[number].training.scatter for number in mine])
        freedoms = np.array([found[number].training.freedom for number in mine])
        for number, value, freedom in zip(mine, *scatter.together(scatters, freedoms), strict=True):
            shared[number] = found[number].with_scatter(float(value), float(freedom))
    return shared


def _shows_scatter(pair: Pair, found: Difference) -> bool:
    return pair.retrained and found.seeds >= paired.MIN_SEEDS and found.examples > 1


def _corrected(cells: Sequence[Cell], values: Sequence[float]) -> list[float]:
    rows: dict[str, list[float]] = {}
    for (pair, _), value in zip(cells, values, strict=True):
        rows.setdefault(pair.name, []).append(value)
    corrected = dict(zip(rows, map(iter, paired.by_rows(list(rows.values()))), strict=True))
    return [next(corrected[pair.name]) for pair, _ in cells]
