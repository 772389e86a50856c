"""The method to choose within limits: none that breaks one, the best of the rest, and what is not certain about it."""

import pytest

from harness.ranking import choice, leaderboard
from harness.ranking.choice import ADAPTER, MEMORY, SECONDS
from support.records import entry

LIMITLESS = {}


def entries(*methods):
    """Runs of methods, each a name, a level and its costs."""
    return [entry(name, level, seed, rows=40, **costs) for name, level, costs in methods for seed in range(3)]


def chosen(found, limits):
    ranking = leaderboard.board(found).ranking
    return choice.best(ranking, choice.needs(found, ranking.names), limits)


LARGE = {"peak_rss_bytes": 900, "adapter_bytes": 800, "train_seconds": 40.0}
SMALL = {"peak_rss_bytes": 500, "adapter_bytes": 8, "train_seconds": 30.0}
THREE = entries(("best", 0.8, LARGE), ("second", 0.5, SMALL), ("third", 0.2, SMALL))


def test_without_limits_it_is_the_best_method_and_costs_nothing():
    found = chosen(THREE, LIMITLESS)
    assert (found.method, found.within, found.price) == ("best", ("best", "second", "third"), None)


def test_a_limit_leaves_out_what_breaks_it_and_has_a_price():
    found = chosen(THREE, {MEMORY.name: 899})
    assert (found.method, found.within) == ("second", ("second", "third"))
    assert found.price.low < 0.3 < found.price.high


def test_a_limit_that_is_just_kept_is_kept():
    assert chosen(THREE, {MEMORY.name: 900, SECONDS.name: 40.0, ADAPTER.name: 800}).method == "best"


def test_no_method_may_be_within_the_limits():
    assert chosen(THREE, {MEMORY.name: 1}) is None


def test_a_single_run_above_a_limit_breaks_it():
    found = entries(("second", 0.5, SMALL)) + [
        entry("best", 0.8, seed, rows=40, peak_rss_bytes=500 + seed) for seed in range(3)
    ]
    assert chosen(found, {MEMORY.name: 501}).method == "second"


def test_a_cost_that_is_unknown_breaks_a_limit():
    found = entries(("second", 0.5, SMALL), ("best", 0.8, {**LARGE, "adapter_bytes": None}))
    assert chosen(found, {ADAPTER.name: 10**9}).method == "second"


def test_what_does_not_train_needs_no_time_and_leaves_nothing_behind():
    untrained = {"trainable_parameters": 0, "train_seconds": None, "adapter_bytes": None, "peak_rss_bytes": 5}
    found = entries(("zero_shot", 0.1, untrained))
    assert choice.needs(found, ["zero_shot"]) == {"zero_shot": {"memory": 5, "seconds": 0.0, "adapter": 0.0}}


def test_on_a_gpu_its_memory_is_what_is_limited():
    found = entries(("best", 0.8, {**LARGE, "peak_gpu_bytes": 7}))
    assert choice.needs(found, ["best"])["best"]["memory"] == 7


def test_methods_that_cannot_be_told_apart_are_named_with_the_seeds_that_would_decide():
    shifts = {"one": (0.0, 0.05, -0.05), "other": (0.01, -0.04, 0.06)}
    scattered = [
        entry(name, 0.5 + shift, seed, rows=40) for name, three in shifts.items() for seed, shift in enumerate(three)
    ]
    found = chosen([*scattered, *entries(("third", 0.2, SMALL))], LIMITLESS)
    assert len(found.alike) == 1
    assert {found.method, *found.alike} == {"one", "other"}
    assert found.seeds is None or found.seeds > 3


def test_told_apart_and_an_interval_without_zero_come_from_one_error():
    ranking = leaderboard.board(THREE).ranking
    assert ranking.difference("best", "third").low > 0
    back = ranking.difference("third", "best")
    assert back.mean == pytest.approx(-ranking.difference("best", "third").mean)
    assert back.high == pytest.approx(-ranking.difference("best", "third").low)


def test_an_interval_excludes_zero_where_the_p_value_is_below_five_per_cent():
    found = [entry(f"method{number}", 0.5 + number / 200, seed, rows=40) for number in range(6) for seed in range(3)]
    ranking = leaderboard.board(found).ranking
    p = ranking.field.p_values()
    for one in range(6):
        for other in range(one + 1, 6):
            low = ranking.difference(ranking.names[one], ranking.names[other]).low
            assert (low > 0) == (p[one, other] < 0.05)


COSTS = {"best": 1_000.0, "alike": 100.0, "close": 60.0, "worse": 1.0}
ALIKE = entries(("best", 0.503, {}), ("alike", 0.502, {}), ("close", 0.5, {}), ("worse", 0.2, {}), ("base", 0.1, {}))


def economical(costs, reference="base"):
    return choice.economical(leaderboard.board(ALIKE).ranking, costs, reference)


def test_the_cheapest_method_that_is_not_shown_to_be_worse_is_economical():
    assert economical({**COSTS, "alike": 500.0}) == "close"
    assert economical({"best": 1_000.0, "worse": 1.0}) == "best"


def test_what_is_no_better_than_the_reference_is_not_economical():
    assert economical({**COSTS, "close": 1.0}, reference="close") is None


def test_a_better_method_that_costs_hardly_more_is_economical():
    assert economical({"best": 110.0, "close": 60.0, "worse": 1.0}) == "best"
