"""Intervals have two parts, examples and training; pairing sees small gains that training noise does not hide."""

import numpy as np
import pytest
from scipy import stats

from harness.ranking import paired
from harness.ranking.intervals import Interval, difference, interval, sample


def noisy(level, seeds=3, rows=60, noise=0.0, spread=0.02, stream=0):
    """Scores around a level; every call with the same number of rows finds the same rows hard."""
    difficulty = np.random.default_rng(99).normal(0, 0.15, rows)
    random = np.random.default_rng(stream)
    return level + difficulty + random.normal(0, noise, (seeds, 1)) + random.normal(0, spread, (seeds, rows))


def half(found):
    return (found.high - found.low) / 2


def test_an_interval_lies_around_the_mean():
    scores = noisy(0.4)
    found = interval(sample(scores))
    assert found.mean == pytest.approx(scores.mean())
    assert (found.low + found.high) / 2 == pytest.approx(found.mean)
    assert found.low < found.mean < found.high


def test_what_trains_nothing_has_the_interval_of_its_examples_alone():
    scores = np.random.default_rng(1).normal(0.4, 0.1, 25)
    found = interval(sample(np.stack([scores] * 3)))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 24, scores.mean(), stats.sem(scores)))
    assert interval(sample(scores[None], trains=False)) == found


def test_seeds_alone_make_the_interval_of_their_means():
    seeds = np.array([[0.4], [0.5], [0.6]]) * np.ones((3, 20))
    found = interval(sample(seeds))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 2, 0.5, 0.1 / np.sqrt(3)))


def test_what_the_seeds_scatter_counts_beside_the_examples():
    quiet, loud = (interval(sample(noisy(0.4, noise=noise))) for noise in (0.0, 0.1))
    assert half(loud) > 1.5 * half(quiet)


def test_more_seeds_make_training_surer_and_no_examples_do():
    assert half(interval(sample(noisy(0.4, seeds=10, noise=0.05)))) < half(interval(sample(noisy(0.4, noise=0.05))))
    assert half(interval(sample(noisy(0.4, rows=5000, noise=0.05)))) > 0.02


def test_one_seed_of_what_trains_is_taken_to_scatter_as_the_gate_takes_it():
    scores = np.full((1, 50), 0.3)
    found = interval(sample(scores))
    assert half(found) == pytest.approx(stats.norm.ppf(0.975) * paired.ASSUMED_SCATTER / 100)
    assert half(interval(sample(scores, trains=False))) == 0


def test_the_noise_of_single_answers_counts_with_the_seeds_and_not_with_the_examples():
    """What is left of these scores beside the means of seeds and examples is 10 points, up or down."""
    left = np.array([[0.1, -0.1, 0.1, -0.1], [-0.1, 0.1, -0.1, 0.1]])
    one = sample(np.array([[0.4], [0.5]]) + np.array([-0.3, -0.1, 0.1, 0.3]) + left)
    assert one.answers == pytest.approx(8 * 0.1**2 / (1 * 3) / 2)
    by_examples, by_training = (0.2 / 3 - one.answers) / 4, 0.1**2 / 2 / 2
    found = interval(one)
    error = np.sqrt(by_examples + by_training)
    tails = by_examples * stats.t.sf(half(found) / error, 3) + by_training * stats.t.sf(half(found) / error, 1)
    assert 2 * tails / error**2 == pytest.approx(0.05)


def test_two_examples_have_an_interval():
    found = interval(sample(np.array([[0.2, 0.6]]), trains=False))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 1, 0.4, 0.2))


def test_one_example_has_a_mean_and_no_interval():
    assert interval(sample(np.array([[0.3], [0.5], [0.4]]))) == Interval(pytest.approx(0.4), None, None)


def test_a_method_that_always_scores_the_same_has_an_interval_without_width():
    found = interval(sample(np.full((2, 10), 0.3)))
    assert (found.mean, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_95_percent_of_the_intervals_hold_the_truth(noise):
    found = [difference(*(sample(noisy(0.4, noise=noise, stream=2 * n + k)) for k in (1, 2))) for n in range(400)]
    assert 368 <= sum(each.low <= 0 <= each.high for each in found) <= 392


def test_a_paired_difference_sees_a_gain_that_two_intervals_hide():
    better, worse = sample(noisy(0.43, stream=1)), sample(noisy(0.40, stream=2))
    assert interval(better).low < interval(worse).high
    assert difference(better, worse).low > 0


def test_a_difference_has_the_sign_of_first_minus_second():
    high, low = sample(noisy(0.5, stream=1)), sample(noisy(0.4, stream=2))
    gain, loss = difference(high, low), difference(low, high)
    assert gain.mean == pytest.approx(0.1, abs=0.01)
    assert (loss.mean, loss.low, loss.high) == pytest.approx((-gain.mean, -gain.high, -gain.low))
    assert loss.high < 0 < gain.low


def test_methods_may_differ_in_their_number_of_seeds():
    assert difference(sample(noisy(0.5)), sample(noisy(0.4, seeds=1), trains=False)).low > 0


def test_methods_with_other_rows_cannot_be_paired():
    with pytest.raises(ValueError, match="same examples, got 60 and 59"):
        difference(sample(noisy(0.4, rows=60)), sample(noisy(0.4, rows=59)))
