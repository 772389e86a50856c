"""On the Pareto front is what no other method beats in score without costing more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.ranking.pareto import Offer, front
from harness.spec.record import Cost
from support.records import entry, unfinished


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ({}, set()),
        ({"a": (10, 0.3)}, {"a"}),
        ({"cheap": (10, 0.3), "good": (20, 0.4)}, {"cheap", "good"}),
        ({"good": (10, 0.4), "dear": (20, 0.4)}, {"good"}),
        ({"good": (10, 0.4), "bad": (10, 0.3)}, {"good"}),
        ({"one": (10, 0.4), "same": (10, 0.4)}, {"one", "same"}),
        ({"free": (0, 0.2), "bad": (5, 0.1), "good": (9, 0.4)}, {"free", "good"}),
    ],
)
def test_the_front(offers, expected):
    assert front({name: Offer(*offer) for name, offer in offers.items()}) == expected


# methods on a grid so coarse that many costs and scores are equal; some spend nothing
OFFERS = st.lists(
    st.builds(Offer, st.integers(0, 7).map(float), st.integers(0, 7).map(lambda score: score / 8)),
    min_size=1,
    max_size=30,
).map(lambda offers: {f"{number}": offer for number, offer in enumerate(offers)})


def cost(offer):
    return offer.cost


@given(made=OFFERS)
def test_on_a_front_more_cost_always_buys_more_score(made):
    found = sorted({(cost(made[name]), made[name].score) for name in front(made)})
    costs, scores = zip(*found, strict=True)
    assert len(set(costs)) == len(costs)
    assert list(scores) == sorted(set(scores))


@given(made=OFFERS)
def test_a_method_is_on_the_front_exactly_if_all_that_is_as_good_and_as_cheap_is_its_equal(made):
    for name, mine in made.items():
        rivals = [one for one in made.values() if cost(one) <= cost(mine) and one.score >= mine.score]
        equals = {(cost(one), one.score) for one in rivals} == {(cost(mine), mine.score)}
        assert (name in front(made)) == equals


@given(made=OFFERS)
def test_neither_the_order_nor_what_is_beaten_changes_a_front(made):
    found = front(made)
    assert front(dict(reversed(made.items()))) == found
    assert front({name: made[name] for name in found}) == found


def costing(method, level, parameters, seconds, **changes):
    return entry(method, level, cost=Cost(trainable_parameters=parameters, train_seconds=seconds), **changes)


def test_a_row_knows_the_fronts_that_it_is_on():
    entries = [
        costing("zero_shot", 0.2, 0, None),
        costing("lora", 0.5, 100, 9.0),
        costing("full_finetune", 0.4, 900, 5.0),
        costing("dora", 0.3, 200, 8.0),
    ]
    fronts = {row.method: row.fronts for row in leaderboard.rows(entries)}
    assert fronts == {
        "zero_shot": ("trainable_parameters", "train_seconds"),
        "lora": ("trainable_parameters", "train_seconds"),
        "full_finetune": ("train_seconds",),
        "dora": (),
    }


def test_an_unknown_cost_is_on_no_front_and_beats_nothing():
    entries = [costing("lora", 0.6, 100, None), costing("dora", 0.5, 200, 8.0), costing("zero_shot", 0.2, 0, None)]
    assert {row.method: row.fronts for row in leaderboard.rows(entries)} == {
        "lora": ("trainable_parameters",),
        "dora": ("train_seconds",),
        "zero_shot": ("trainable_parameters", "train_seconds"),
    }


def test_the_front_is_made_of_the_metric_that_ranks():
    lower, higher = costing("lora", 0.4, 100, 9.0), costing("dora", 0.5, 200, 9.0)
    swapped = Entry(higher.record, {**higher.scores, "rougeL": lower.scores["rougeL"] - 0.1})
    assert {row.method: row.fronts[0] for row in leaderboard.rows([lower, swapped])} == {
        "lora": "trainable_parameters",
        "dora": "trainable_parameters",
    }


def test_no_front_is_made_of_a_time_that_was_measured_beside_others():
    entries = [costing("lora", 0.5, 100, 2.0, contended=True), costing("dora", 0.4, 200, 8.0)]
    fronts = {row.method: row.fronts for row in leaderboard.rows(entries)}
    assert fronts == {"lora": ("trainable_parameters",), "dora": ("train_seconds",)}


def test_what_takes_no_time_is_on_the_front_also_beside_others():
    (row,) = leaderboard.rows([costing("zero_shot", 0.2, 0, None, contended=True)])
    assert row.fronts == ("trainable_parameters", "train_seconds")


def test_what_has_no_rank_is_on_no_front():
    bound = entry("oracle", 0.9, bound=True)
    rows = leaderboard.rows([costing("lora", 0.3, 100, 9.0), bound, Entry(unfinished("dora"), {})])
    assert [row.method for row in rows if row.fronts] == ["lora"]
