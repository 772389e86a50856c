"""Intervals cover, pairing sees small gains, and ranks are shared where nothing can be told apart."""

import numpy as np
import pytest

from harness import statistics


def noisy(level, seeds=1, rows=60, spread=0.02, stream=0):
    """Scores around a level; every call with the same number of rows finds the same rows hard."""
    difficulty = np.random.default_rng(99).normal(0, 0.15, rows)
    return level + difficulty + np.random.default_rng(stream).normal(0, spread, (seeds, rows))


def interval(scores):
    return statistics.interval(statistics.Resampled(scores))


def difference(scores, others):
    return statistics.difference(statistics.Resampled(scores), statistics.Resampled(others))


def ranks(scores):
    return statistics.ranks({name: statistics.Resampled(values) for name, values in scores.items()})


def test_an_interval_lies_around_the_mean():
    scores = noisy(0.4, seeds=3)
    found = interval(scores)
    assert found.mean == pytest.approx(scores.mean())
    assert found.low < found.mean < found.high


def test_the_interval_of_one_seed_is_as_wide_as_the_normal_approximation():
    scores = np.random.default_rng(1).normal(0.4, 0.1, (1, 200))
    found = interval(scores)
    expected = 2 * 1.96 * scores.std() / np.sqrt(200)
    assert found.high - found.low == pytest.approx(expected, rel=0.05)


def test_an_interval_of_95_percent_covers_the_truth_about_that_often():
    generator = np.random.default_rng(2)
    found = [interval(generator.normal(0.4, 0.1, (1, 15))) for _ in range(60)]
    assert 50 <= sum(value.low <= 0.4 <= value.high for value in found) < 60


def test_seeds_that_disagree_widen_the_interval():
    seeds = np.array([[0.4], [0.5], [0.6]]) * np.ones((3, 20))
    found = interval(seeds)
    assert (found.low, found.high) == pytest.approx((0.4, 0.6))


def test_a_method_that_always_scores_the_same_has_an_interval_without_width():
    found = interval(np.full((2, 10), 0.3))
    assert (found.mean, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_a_paired_difference_sees_a_gain_that_two_intervals_hide():
    better, worse = noisy(0.43, stream=1), noisy(0.40, stream=2)
    assert interval(better).low < interval(worse).high
    assert difference(better, worse).low > 0


def test_a_difference_has_the_sign_of_first_minus_second():
    gain = difference(noisy(0.5, stream=1), noisy(0.4, stream=2))
    loss = difference(noisy(0.4, stream=2), noisy(0.5, stream=1))
    assert gain.mean == pytest.approx(0.1, abs=0.01)
    assert loss.mean == pytest.approx(-gain.mean)
    assert loss.high < 0 < gain.low


def test_a_method_does_not_differ_from_itself():
    scores = noisy(0.4)
    found = difference(scores, scores)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_methods_may_differ_in_their_number_of_seeds():
    assert difference(noisy(0.5, seeds=3), noisy(0.4, seeds=1)).low > 0


def test_methods_with_other_rows_cannot_be_paired():
    with pytest.raises(ValueError, match="same rows, got 60 and 59"):
        difference(noisy(0.4, rows=60), noisy(0.4, rows=59))


def test_methods_that_cannot_be_told_apart_share_a_rank_and_the_next_one_counts_them_both():
    scores = {"lora": noisy(0.4, stream=1), "zero_shot": noisy(0.2, stream=2), "ia3": noisy(0.4, stream=3)}
    assert ranks(scores) == {"lora": 1, "zero_shot": 3, "ia3": 1}


def test_methods_that_differ_clearly_have_ranks_of_their_own():
    scores = {"zero_shot": noisy(0.2, stream=1), "full": noisy(0.5, stream=2), "lora": noisy(0.4, stream=3)}
    assert ranks(scores) == {"zero_shot": 3, "full": 1, "lora": 2}


def test_the_only_method_is_first():
    assert ranks({"lora": noisy(0.4)}) == {"lora": 1}


def test_the_same_scores_give_the_same_numbers_every_time():
    one, other = noisy(0.41, seeds=3, stream=1), noisy(0.4, seeds=3, stream=2)
    assert interval(one) == interval(one)
    assert difference(one, other) == difference(one, other)
