"""Ranks say what is known, for all methods together; the noise of training is learned from all of them."""

import numpy as np
import pytest

from harness.ranking import ranking
from harness.scatter import shared
from harness.statistics import Sample, sample

ROWS = 200
DIFFICULTY = np.random.default_rng(99).normal(0, 0.15, ROWS)


def scores(level, noise=0.025, seeds=3, stream=0, rows=ROWS):
    """Three trainings of a method at a level in 0..1; all methods find the same examples hard."""
    random = np.random.default_rng(stream)
    return sample(
        level + DIFFICULTY[:rows] + random.normal(0, noise, (seeds, 1)) + random.normal(0, 0.1, (seeds, rows))
    )


def field(levels, noises=None, stream=0):
    noises = [0.025] * len(levels) if noises is None else noises
    return {f"m{n}": scores(level, noises[n], stream=1000 * stream + n) for n, level in enumerate(levels)}


def ranks(methods):
    found = ranking(methods)
    return {name: found.ranks(name) for name in methods}


def any_told(methods):
    return bool(ranking(methods).told.any())


def test_methods_far_apart_have_a_rank_each_and_those_that_are_not_share_theirs():
    assert ranks(field([0.4, 0.2, 0.4, 0.6])) == {"m3": (1, 1), "m0": (2, 3), "m2": (2, 3), "m1": (4, 4)}


def test_the_only_method_is_first():
    assert ranks(field([0.4])) == {"m0": (1, 1)}


def test_a_method_and_its_copy_are_not_told_apart():
    one = scores(0.4)
    assert ranks({"lora": one, "copy": one}) == {"lora": (1, 2), "copy": (1, 2)}


def test_methods_that_train_nothing_are_told_apart_by_their_examples_alone():
    still = {
        name: sample(np.stack([DIFFICULTY + level + np.random.default_rng(n).normal(0, 0.05, ROWS)] * 3))
        for n, (name, level) in enumerate([("lead3", 0.32), ("zero_shot", 0.30)])
    }
    assert ranks(still) == {"lead3": (1, 1), "zero_shot": (2, 2)}


@pytest.mark.parametrize(("methods", "sessions"), [(5, 200), (60, 40)])
def test_equal_methods_may_all_be_first_however_many_there_are(methods, sessions):
    """Of 60 equal methods the bootstrap told one from another in every session."""
    told = sum(any_told(field([0.4] * methods, stream=stream)) for stream in range(sessions))
    assert told <= 0.1 * sessions


def test_they_may_also_where_some_scatter_ten_times_as_far_as_others():
    noises = np.geomspace(0.005, 0.05, 60)
    assert sum(any_told(field([0.4] * 60, noises, stream)) for stream in range(20)) <= 2


def test_a_best_method_is_still_told_from_most_of_sixty():
    worst = [ranking(field([0.5, *[0.4] * 59], stream=stream)).ranks("m0")[1] for stream in range(20)]
    assert np.mean([60 - rank for rank in worst]) > 0.7 * 59


def test_methods_scored_on_other_rows_cannot_be_ranked_together():
    with pytest.raises(ValueError, match="same examples"):
        ranking({"lora": scores(0.4), "dora": scores(0.4, rows=100)})


def test_so_many_seeds_would_tell_two_apart_that_do_when_they_are_run():
    few = {name: Sample(DIFFICULTY + level, 3, 0.025**2, 2, 0.0) for name, level in (("lora", 0.44), ("dora", 0.40))}
    needed = ranking(few).seeds_needed("lora", "dora")
    assert needed == 7
    many = [
        {name: scores(few[name].mean, seeds=needed, stream=10 * k + n) for n, name in enumerate(few)} for k in range(40)
    ]
    assert np.mean([any_told(each) for each in many]) > 0.6


def test_no_number_of_seeds_tells_equal_methods_apart_or_those_that_scatter_nothing():
    one = scores(0.4)
    assert ranking({"lora": one, "copy": one}).seeds_needed("lora", "copy") is None
    still = {
        n: sample(np.stack([DIFFICULTY + np.random.default_rng(s).normal(0, 0.1, ROWS)] * 3))
        for s, n in enumerate("ab")
    }
    assert ranking(still).seeds_needed("a", "b") is None


def scattering(*variances, freedom=2):
    return [Sample(np.zeros(2), freedom + 1, variance, freedom, 0.0) for variance in variances]


def test_methods_that_scatter_alike_have_one_variance_with_the_freedom_of_all():
    variances, freedom = shared(scattering(0.8, 1.0, 1.2))
    assert list(variances) == pytest.approx([1.0] * 3)
    assert list(freedom) == [6, 6, 6]


def test_what_scatters_much_farther_keeps_most_of_it_and_nothing_falls_below_the_mean():
    variances, freedom = shared(scattering(*[0.01] * 20, *[1.0] * 20, freedom=4))
    assert variances[-1] > 0.6
    assert variances[0] == pytest.approx(0.505)
    assert (freedom < 40).all()


def test_what_does_not_scatter_stays_so_and_one_seed_gets_what_is_usual():
    still, single = Sample(np.zeros(2), 3, 0.0, np.inf, 0.0), Sample(np.zeros(2), 1, 7.0, np.inf, 0.0)
    variances, _ = shared([*scattering(1.0, 1.0), still, single])
    assert list(variances) == pytest.approx([1.0, 1.0, 0.0, 1.0])
    assert list(shared([single, single])[0]) == [7.0, 7.0]
