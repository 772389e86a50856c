"""Pseudo-values: one score an example, whose mean is the value and whose scatter is the value's uncertainty."""

import numpy as np
import pytest

from harness.metrics.jackknife import pseudo_values


def ratio(sums, count):
    """A value over all examples together: the first sum over the second."""
    return np.array([sums[0] / sums[1]])


def mean(sums, count):
    return sums / count


def all_of(statistics, value):
    """The value and the pseudo-values where every example counts."""
    found, each = pseudo_values(statistics, np.ones(len(statistics), dtype=bool), value)
    return float(found[0]), each[:, 0]


def lengths(seed, examples=400):
    """Hits and words of so many examples: long ones and short ones, easy ones and hard ones."""
    random = np.random.default_rng(seed)
    words = random.integers(5, 40, examples)
    return np.stack([random.binomial(words, random.beta(4, 4, examples)), words], axis=1).astype(float)


def test_their_mean_is_the_value():
    statistics = lengths(1)
    value, each = all_of(statistics, ratio)
    assert value == statistics[:, 0].sum() / statistics[:, 1].sum()
    assert each.mean() == pytest.approx(value, rel=0, abs=1e-12)
    assert (statistics[:, 0] / statistics[:, 1]).mean() != pytest.approx(value, abs=1e-4)  # which is no mean of shares


def test_those_of_a_mean_are_the_scores():
    scores = np.random.default_rng(2).random((50, 3))
    value, each = pseudo_values(scores, np.ones(50, dtype=bool), mean)
    assert value == pytest.approx(scores.mean(axis=0))
    assert each == pytest.approx(scores, abs=1e-12)


def test_an_example_gains_what_it_adds_to_the_whole():
    statistics = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 2.0]])
    _, each = all_of(statistics, ratio)
    raw = np.array([3 / 4 - 2 * 0 / 3, 3 / 4 - 2 * 1 / 3, 3 / 4 - 2 * 1 / 2])  # n f(S) − (n − 1) f(S − s)
    assert each == pytest.approx(raw + 1 / 4 - raw.mean())


@pytest.mark.parametrize("seed", range(3))
def test_their_variance_is_that_of_the_bootstrap(seed):
    statistics, random = lengths(seed), np.random.default_rng(seed)
    _, each = all_of(statistics, ratio)
    drawn = statistics[random.integers(0, len(statistics), (4000, len(statistics)))].sum(axis=1)
    assert each.var(ddof=1) / len(each) == pytest.approx((drawn[:, 0] / drawn[:, 1]).var(), rel=0.1)


def test_an_example_that_does_not_count_changes_nothing_and_gets_what_it_would_add():
    statistics = lengths(3, examples=30)
    counted = np.arange(30) < 29
    value, each = pseudo_values(statistics, counted, ratio)
    alone, others = pseudo_values(statistics[:29], counted[:29], ratio)
    assert (value == alone).all()
    assert (each[:29] == others).all()
    _, scores = pseudo_values(statistics, counted, mean)
    assert scores[29] == pytest.approx(statistics[29])


def test_a_single_example_has_the_value_itself():
    assert all_of(np.array([[3.0, 4.0]]), ratio) == (0.75, pytest.approx([0.75]))
