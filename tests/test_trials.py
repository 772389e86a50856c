"""A learning rate is better than the method's own only if the validation rows show it beyond chance."""

from random import Random

import numpy as np
import pytest

from harness.metrics.rouge.metric import ROUGE
from harness.ranking.paired import compare, holm
from harness.ranking.trials import p_values

METRIC = ROUGE[0]


def scores(level, noise=0.05, rows=200, seed=0):
    rng = Random(f"{level} {seed}")
    return np.array([level + rng.gauss(0, noise) for _ in range(rows)])


def test_a_rate_that_is_much_better_is_shown_and_one_that_is_slightly_better_is_not():
    much, slightly = p_values([scores(0.3), scores(0.5), scores(0.31)], METRIC)[1:]
    assert much < 0.001
    assert slightly > 0.05


def test_a_worse_rate_is_not_better():
    assert p_values([scores(0.3), scores(0.2)], METRIC)[1] > 0.5


def test_the_values_are_those_of_the_gates_test_corrected_for_their_number():
    own, one, other = scores(0.3), scores(0.36), scores(0.38)
    raw = [compare(each[None], own[None]).above() for each in (one, other)]
    assert p_values([own, one, other], METRIC)[1:] == pytest.approx(holm(raw))
    assert p_values([own, other], METRIC)[1] == pytest.approx(raw[1])


def test_trials_that_do_not_count_have_no_value_and_do_not_count_in_the_correction():
    own, one = scores(0.3), scores(0.36)
    assert p_values([own, None, one], METRIC) == [None, None, p_values([own, one], METRIC)[1]]


def test_nothing_is_better_than_a_rate_without_scores():
    assert p_values([None, scores(0.3)], METRIC) == [None, None]


def test_a_lower_score_is_better_where_the_metric_says_so():
    errors = METRIC.model_copy(update={"better": "lower"})
    assert p_values([scores(0.5), scores(0.3)], errors)[1] < 0.001
    assert p_values([scores(0.3), scores(0.5)], errors)[1] > 0.5
