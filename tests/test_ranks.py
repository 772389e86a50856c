"""Ranks say what is known, for all methods together; the noise of training is learned from all of them."""

from itertools import combinations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import stdtr

from harness.ranking.intervals import Sample, sample
from harness.ranking.ranks import ranking
from harness.ranking.scatter import shared

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


def p_value(samples, one, others):
    """Of a method's distance from the mean of others, as the docstring of ``harness.ranking.intervals`` has it."""
    sides, shares = [one, *others], np.array([1.0, *[-1 / len(others)] * len(others)])
    variances, freedoms = shared(samples)
    difference = shares @ [samples[side].rows for side in sides]
    training = shares**2 * variances[sides] / [samples[side].seeds for side in sides]
    freedom = min(training.sum() ** 2 / (training**2 / freedoms[sides]).sum(), sum(each.freedom for each in samples))
    answers = shares**2 @ [samples[side].answers for side in sides]
    by_examples = max(difference.var(ddof=1) - answers, 0) / len(difference)
    error = np.sqrt(by_examples + training.sum())
    tails = stdtr([len(difference) - 1, freedom], -abs(difference.mean()) / error)
    return 2 * (by_examples * tails[0] + training.sum() * tails[1]) / error**2


def group_by_group(samples):
    """Which pairs are in no group that can pass for equal, as the docstring of ``harness.ranking.ranks`` has it."""
    count = len(samples)
    pairs = {pair: p_value(samples, pair[0], pair[1:]) for pair in combinations(range(count), 2)}
    told = np.triu(np.ones((count, count), dtype=bool), 1)
    for size in range(2, count + 1):
        level = 0.05 if size >= count - 1 else 0.05 * size / count
        for group in combinations(range(count), size):
            differ = any(pairs[pair] <= level / (size * (size - 1) / 2) for pair in combinations(group, 2))
            rest = {one: [other for other in group if other != one] for one in group if size >= 6}
            apart = any(p_value(samples, one, others) <= level / (2 * size) for one, others in rest.items())
            if not (differ or apart):
                told[np.ix_(group, group)] = False
    return told


def any_field(methods, stream):
    """Methods of 2 to 4 seeds, nearly equal or not, and one of them may be apart; they scatter alike or by chance."""
    random = np.random.default_rng(stream)
    levels = random.normal(0.4, random.choice([0.001, 0.02, 0.04]), methods)
    levels[random.integers(methods)] += random.choice([-1, 0, 1]) * random.normal(0.06, 0.003)
    own = random.normal(0, random.choice([0.001, 0.02]), (methods, 40))
    seeds = random.integers(2, 5, methods)
    variances = 0.02**2 * (random.chisquare(seeds - 1) / (seeds - 1) if random.integers(2) else np.ones(methods))
    return {
        f"m{n}": Sample(
            levels[n] + DIFFICULTY[:40] + own[n] - own[n].mean(),
            int(seeds[n]),
            variances[n],
            seeds[n] - 1,
            0.3 * own.var(),
        )
        for n in range(methods)
    }


@pytest.mark.parametrize("methods", [4, 5, 6, 7])
def test_going_through_all_groups_one_by_one_tells_the_same_methods_apart(methods):
    """It never tells fewer, and a pair more in about one field of a thousand, none of which is here."""
    for stream in range(40):
        made = any_field(methods, stream)
        found = ranking(made)
        assert (found.told == group_by_group([made[name] for name in found.names])).all(), stream


@pytest.mark.parametrize("side", [1, -1], ids=["ahead", "behind"])
def test_one_that_is_apart_from_six_equals_is_told_from_them_though_no_pair_shows_it(side):
    """Of seven methods a pair must have p = 0.05 / 21, of five 0.05 · 5/7 / 10, and this one has a value between."""
    error = np.sqrt(2 * 0.02**2 / 3)
    apart = 0.4 + side * stats.t.isf(0.003 / 2, 14) * error
    levels = [apart, *[0.4] * 6]
    made = {f"m{n}": Sample(level + DIFFICULTY, 3, 0.02**2, 2, 0.0) for n, level in enumerate(levels)}
    assert 0.05 / 21 < 0.003 < 0.05 * 5 / 7 / 10
    assert ranks(made)["m0"] == ((1, 1) if side > 0 else (7, 7))


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


def test_the_lead_over_another_is_told():
    found = ranking(
        {name: Sample(DIFFICULTY + level, 3, 0.0, np.inf, 0.0) for name, level in (("a", 0.4), ("b", 0.34))}
    )
    assert (found.above("a", "b"), found.above("b", "a")) == pytest.approx((0.06, -0.06))


def test_the_number_of_seeds_is_that_of_a_normal_test_of_all_pairs_with_a_power_of_80_percent():
    """Both methods' seeds scatter by 3 points; a part of the error is of the examples, and stays with more seeds."""
    wave = np.resize([0.05, -0.05], ROWS)
    rows = {"lora": DIFFICULTY + 0.44 + wave, "dora": DIFFICULTY + 0.40 - wave, "ia3": DIFFICULTY + 0.1}
    few = {name: Sample(rows[name], 3, 0.03**2, 2, 0.0012) for name in rows}
    by_examples = (0.1**2 * ROWS / (ROWS - 1) - 2 * 0.0012) / ROWS
    error = 0.04 / (stats.norm.isf(0.05 / 3 / 2) + stats.norm.ppf(0.8))
    assert ranking(few).seeds_needed("lora", "dora") == np.ceil(2 * 0.03**2 / (error**2 - by_examples))


def test_methods_that_are_not_told_apart_need_more_seeds_than_the_fewer_of_both_have():
    made = {"lora": scores(0.411, seeds=2), "dora": scores(0.4, seeds=5, stream=9)}
    found = ranking(made)
    assert not found.told.any()
    assert found.seeds_needed("lora", "dora") is None or found.seeds_needed("lora", "dora") >= 3
    assert found.seeds_needed("dora", "lora") == found.seeds_needed("lora", "dora")


def test_no_number_of_seeds_tells_equal_methods_apart_or_those_that_scatter_nothing():
    one = scores(0.4)
    assert ranking({"lora": one, "copy": one}).seeds_needed("lora", "copy") is None
    still = {
        n: sample(np.stack([DIFFICULTY + np.random.default_rng(s).normal(0, 0.1, ROWS)] * 3))
        for s, n in enumerate("ab")
    }
    assert ranking(still).seeds_needed("a", "b") is None


def test_no_number_of_seeds_tells_apart_what_trains_nothing_and_has_too_few_examples():
    """The difference is 3.5 standard errors: more than the 2.8 that suffice with many examples."""
    found = ranking({"a": Sample(np.array([0.5, 0.6, 0.7]), 3, 0.0, np.inf, 0.0), "b": sample(np.full((3, 3), 0.4))})
    assert not found.told.any()
    assert found.seeds_needed("a", "b") is None


def scattering(*variances, freedom=2):
    return [Sample(np.zeros(2), freedom + 1, variance, freedom, 0.0) for variance in variances]


def test_methods_that_scatter_alike_have_one_variance_with_the_freedom_of_all():
    variances, freedom = shared(scattering(0.8, 1.0, 1.2))
    assert list(variances) == pytest.approx([1.0] * 3)
    assert list(freedom) == [6, 6, 6]


def test_what_scatters_much_farther_keeps_most_of_it_and_nothing_falls_below_the_mean():
    variances, freedom = shared(scattering(*[0.01] * 20, *[1.0] * 20, freedom=4))
    assert 0.6 < variances[-1] < 1.0
    assert variances[0] == pytest.approx(0.505)
    assert (freedom < 40).all()


def test_what_is_usual_among_the_methods_is_what_makes_their_variances_likeliest():
    """Of a scaled inverse chi-square prior a variance over what is usual has the F distribution."""

    def unlikelihood(logarithms):
        usual, worth = np.exp(logarithms)
        return -stats.f.logpdf(found, 4, worth, scale=usual).sum()

    found = np.array([0.2, 0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 20.0])
    usual, worth = np.exp(optimize.minimize(unlikelihood, [0.0, 0.0], method="Nelder-Mead").x)
    variances, freedom = shared(scattering(*found, freedom=4))
    assert variances[-1] == pytest.approx((worth * usual + 4 * 20.0) / (worth + 4), rel=0.05)
    assert list(freedom) == pytest.approx([worth + 4] * 8, rel=0.05)


def test_what_does_not_scatter_stays_so_and_one_seed_gets_what_is_usual():
    still, single = Sample(np.zeros(2), 3, 0.0, np.inf, 0.0), Sample(np.zeros(2), 1, 7.0, np.inf, 0.0)
    variances, _ = shared([*scattering(1.0, 1.0), still, single])
    assert list(variances) == pytest.approx([1.0, 1.0, 0.0, 1.0])
    assert list(shared([single, single])[0]) == [7.0, 7.0]
