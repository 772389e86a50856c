"""The gate's three-way decision at its bounds, and the numbers it names, worked out by hand.

The scores are of a method that trains nothing, so that the paired t-test over examples is the whole of the test, but
where training noise is what is asked about.
"""

import re
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from harness.gate import matches
from harness.gate.tolerance import Rules
from harness.gate.verdict import Outcome
from harness.spec.record import Cost
from support.gate_simulation import HERE, accepted, row, runs

UNTRAINED = Cost(trainable_parameters=0, total_parameters=16)
POWER = NormalDist().inv_cdf(0.8)


def z(level):
    """Of so many standard errors, a normal variable has more with this probability."""
    return -NormalDist().inv_cdf(level)


def beside(now, past, rules=None, now_changes=None, **changes):
    """The verdicts on one method now and then, of shape (seeds, examples), by metric."""
    changes = {"cost": UNTRAINED} | changes
    now, past = row(now, **(changes | (now_changes or {}))), row(past, **changes)
    return {one.metric: one for one in matches.verdicts({"lora": now}, HERE, [accepted(past)], rules)}


def seed_by_seed(values, **changes):
    """A row each seed of which has a change of its own."""
    return matches.rows(
        entry
        for seed in range(len(values))
        for entry in runs(values[[seed]], seeds=[seed], **{name: each[seed] for name, each in changes.items()})
    )["lora"]


def moved(points, spread, examples=20, base=0.5):
    """Scores now and then: so many points on average, an example ``spread`` more or less by turns."""
    then = np.full((1, examples), base)
    return then + points / 100 + np.resize([spread, -spread], examples) / 100, then


def error(spread, examples=20):
    """The standard error of such a move, in points."""
    return spread * (examples / (examples - 1)) ** 0.5 / examples**0.5


def outcome(points, spread, **changes):
    return beside(*moved(points, spread), **changes)["rouge1"].outcome


# Where one verdict ends and the next one begins


def test_a_loss_of_exactly_the_margin_is_regressed():
    then = np.full((1, 8), 0.5)
    assert beside(then / 2, then, Rules(margin=25.0))["rouge1"].outcome == Outcome.REGRESSED
    assert beside(then / 2, then, Rules(margin=25.01))["rouge1"].outcome == Outcome.PASS


@pytest.mark.parametrize(
    ("points", "outcome"), [(-0.45, Outcome.INCONCLUSIVE), (-0.55, Outcome.REGRESSED), (0.55, Outcome.IMPROVED)]
)
def test_a_certain_loss_is_regressed_from_the_margin_on_only(points, outcome):
    found = beside(*moved(points, spread=0.3))["rouge1"]
    assert stats.t.cdf(-0.45 / error(0.3), 19) < 0.01  # certain
    assert found.outcome == outcome


def test_a_loss_beyond_the_margin_that_is_not_certain_is_not_regressed():
    assert outcome(-2.0, spread=10.0) == Outcome.INCONCLUSIVE


@pytest.mark.parametrize("level", [0.05, 0.01, 0.2])
def test_pass_is_held_to_the_level_of_one_row_without_correction(level):
    limit = stats.t.isf(level, 19) * error(2.0)  # so far above the margin, the test is at its level
    assert outcome(-0.5 + limit + 0.01, 2.0, rules=Rules(level=level)) == Outcome.PASS
    assert outcome(-0.5 + limit - 0.01, 2.0, rules=Rules(level=level)) == Outcome.INCONCLUSIVE


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_regressed_and_improved_are_held_to_the_level_where_four_metrics_agree(level):
    limit = stats.t.isf(level, 19) * error(5.0)
    rules = Rules(level=level)
    assert outcome(-limit - 0.01, 5.0, rules=rules) == Outcome.REGRESSED
    assert outcome(-limit + 0.01, 5.0, rules=rules) == Outcome.INCONCLUSIVE
    assert outcome(limit + 0.01, 5.0, rules=rules) == Outcome.IMPROVED
    assert outcome(limit - 0.01, 5.0, rules=rules) != Outcome.IMPROVED


def test_the_figures_are_those_of_the_paired_t_test():
    now, then = moved(-2.0, spread=3.0)
    found = beside(now, then)["rouge1"]
    expected = stats.ttest_rel(now[0], then[0], alternative="less").pvalue
    low, high = (100 * bound for bound in stats.ttest_rel(now[0], then[0]).confidence_interval(0.9))
    interval = f"90% CI {low:+.2f} to {high:+.2f}".replace("-", "−")
    assert found.detail.startswith(f"−2.00 points ({interval}, p = {expected:.2g} after Holm, 20 examples, 1 seed)")


# What would be needed to decide


def decider(found):
    assert found.outcome == Outcome.INCONCLUSIVE
    return found.message.split("; ")[-1]


@pytest.mark.parametrize(
    ("points", "spread", "distance", "level"),
    [
        (-0.3, 2.0, 0.2, 0.05),  # to be shown: that it is above the margin
        (-0.45, 2.0, 0.05, 0.05),
        (0.2, 3.0, 0.7, 0.05),
        (-0.51, 5.0, 0.51, 0.05),  # to be shown: that it is below zero
        (-1.5, 5.0, 1.5, 0.05),
    ],
)
def test_so_many_examples_as_the_formula_says_would_be_enough(points, spread, distance, level):
    now, then = moved(points, spread)
    variance = np.var(100 * (now - then), ddof=1)
    needed = (z(level) + POWER) ** 2 * variance / distance**2
    (told,) = re.fullmatch(
        "about ([0-9,]+) examples would be enough to decide", decider(beside(now, then)["rouge1"])
    ).groups()
    assert int(told.replace(",", "")) == pytest.approx(needed, abs=1)
    assert int(told.replace(",", "")) >= needed - 1e-6


def test_more_rows_ask_for_more_examples_to_show_a_loss():
    pairs = [[row(each, name, cost=UNTRAINED) for each in moved(-1.5, 5.0)] for name in ("lora", "dora", "ia3")]
    found = matches.verdicts(
        {now.row.key.method: now for now, _ in pairs}, HERE, [accepted(*(then for _, then in pairs))]
    )
    needed = (z(0.05 / 3) + POWER) ** 2 * (error(5.0) ** 2 * 20) / 1.5**2
    assert decider(next(one for one in found if one.metric == "rougeL")) == f"about {np.ceil(needed):.0f} examples " + (
        "would be enough to decide"
    )


def test_the_examples_that_are_said_to_decide_do_so_in_four_of_five_sessions():
    now, then = moved(-1.5, 5.0)
    (told,) = re.search("about ([0-9]+) examples", beside(now, then)["rouge1"].message).groups()
    random, red, examples = np.random.default_rng(0), 0, int(told)
    past = np.full((1, examples), 0.5)
    for _ in range(100):
        fresh = past - 0.015 + random.normal(0, 0.05, (1, examples))
        red += beside(fresh, past)["rouge1"].outcome == Outcome.REGRESSED
    assert red == pytest.approx(80, abs=10)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (-0.4, "about 31,889 examples would be enough to decide"),
        (
            -0.48,
            "more than 100,000 examples would be needed to decide, because the true difference may equal the margin",
        ),
        (
            -0.5 + 1e-9,
            "more than 100,000 examples would be needed to decide, because the true difference may equal the margin",
        ),
    ],
)
def test_a_number_of_examples_beyond_reason_is_only_said_to_be_beyond_it(points, told):
    now, then = moved(points, spread=7.0, examples=20)
    assert decider(beside(now, then)["rouge1"]) == told


def anew(points, seeds=1):
    """Trained answers now and then that have nothing in common: each seed answers anew."""
    then, now = np.resize([1, 1, -1, -1], 16), np.resize([1, -1], 16)
    return [np.tile(0.5 + level / 100 + 0.02 * one, (seeds, 1)) for level, one in ((points, now), (0, then))]


@pytest.mark.parametrize(("points", "distance", "level"), [(-0.2, 0.3, 0.05), (0.5, 1.0, 0.05), (-2.0, 2.0, 0.05)])
def test_so_many_seeds_as_the_formula_says_would_be_enough(points, distance, level):
    now, then = anew(points)
    by_examples = np.var(100 * (now - then), ddof=1) / 16
    by_training = 2 * 2.5**2  # points, assumed of both sides
    needed = (z(level) + POWER) ** 2 * (by_examples + by_training) / distance**2
    found = decider(beside(now, then, cost=Cost(trainable_parameters=5))["rouge1"])
    assert (
        found
        == (
            "with this much training noise, no number of examples would be enough to decide; "
            f"about {np.ceil(needed):,.0f} seeds would be"
        ).split("; ")[-1]
    )


# Training noise


def certain(trained_now, trained_then, **hashes):
    """Whether a loss is certain with so many trained parameters on either side."""
    now, then = anew(-2.5)
    costs = [Cost(trainable_parameters=count) for count in (trained_now, trained_then)]
    found = beside(now, then, cost=costs[1], now_changes={"cost": costs[0]}, **hashes)["rouge1"]
    return found.outcome == Outcome.REGRESSED


def test_a_method_that_trains_on_either_side_has_training_noise():
    assert certain(0, 0)
    assert not certain(5, 0)
    assert not certain(0, 5)
    assert not certain(5, 5)
    assert not certain(None, None)  # unknown


def test_a_method_with_the_very_same_weights_has_none():
    assert certain(5, 5, weights_hash="0")


def test_of_two_seeds_both_must_have_the_same_weights():
    now, then = (
        seed_by_seed(each, weights_hash=hashes) for each, hashes in zip(anew(-2.5, 2), ("ab", "ac"), strict=True)
    )
    found = matches.verdicts({"lora": now}, HERE, [accepted(then)])
    assert not any("the same weights" in one.message for one in found)


# Counts and memory


@pytest.mark.parametrize("name", ["trainable_parameters", "total_parameters", "examples", "steps", "tokens"])
def test_every_count_is_held_against_its_own(name):
    values = {"trainable_parameters": 1, "total_parameters": 20, "examples": 300, "steps": 4000, "tokens": 50_000}
    cost, more = Cost(**values), Cost(**(values | {name: values[name] + 1}))
    then = np.full((1, 4), 0.5)
    found = beside(then, then, cost=cost, now_changes={"cost": more})
    assert [metric for metric, one in found.items() if one.fails] == [name]
    assert found[name].detail.startswith(f"{values[name]:,} → {values[name] + 1:,} (+1)")


def test_counts_that_moved_alike_under_all_seeds_are_told_once_and_others_seed_by_seed():
    then = np.full((3, 4), 0.5)
    alike = beside(then, then, cost=Cost(steps=5), now_changes={"cost": Cost(steps=9)})["steps"]
    assert alike.detail == "5 → 9 (+4); the method's settings and source did not change"
    for counts, told in (
        ((6, 5, 6), "seed 0: 5 → 6 (+1), seed 2: 5 → 6 (+1); "),
        ((6, 4, 7), "seed 0: 5 → 6 (+1), seed 1: 5 → 4 (−1), seed 2: 5 → 7 (+2); "),
    ):
        mixed = seed_by_seed(then, cost=[Cost(steps=steps) for steps in counts])
        found = matches.verdicts({"lora": mixed}, HERE, [accepted(row(then, cost=Cost(steps=5)))])
        (steps,) = [one for one in found if one.metric == "steps"]
        assert steps.detail.startswith(told)


@pytest.mark.parametrize(
    ("now", "outcome"),
    [(1100, "pass"), (1101, "regressed"), (900, "pass"), (899, "improved")],
)
def test_memory_may_move_by_exactly_the_tolerance(now, outcome):
    then = np.full((1, 4), 0.5)
    costs = [Cost(trainable_parameters=0, peak_rss_bytes=peak * 10**6) for peak in (1000, now)]
    found = beside(then, then, cost=costs[0], now_changes={"cost": costs[1]})["peak_rss_bytes"]
    assert found.outcome == outcome


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_the_tolerance_for_memory_is_the_rules(tolerance):
    then = np.full((1, 4), 0.5)
    costs = [Cost(trainable_parameters=0, peak_rss_bytes=peak) for peak in (1000, 1400)]
    found = beside(then, then, Rules(memory=tolerance), cost=costs[0], now_changes={"cost": costs[1]})
    assert found["peak_rss_bytes"].outcome == ("pass" if tolerance else "regressed")
    assert f"+40.0%, tolerance {100 * tolerance:g}%" in found["peak_rss_bytes"].detail


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [(10, None, "not measured now"), (None, 10, "not measured in the baseline"), (0, 10, "not measured in the base")],
)
def test_memory_that_one_side_did_not_measure_is_incomparable(then, now, told):
    scores = np.full((1, 4), 0.5)
    costs = [Cost(trainable_parameters=0, peak_gpu_bytes=peak) for peak in (then, now)]
    found = beside(scores, scores, cost=costs[0], now_changes={"cost": costs[1]})["peak_gpu_bytes"]
    assert (found.outcome, found.detail[: len(told)]) == (Outcome.INCOMPARABLE, told)


def test_other_examples_are_incomparable_with_their_numbers():
    found = beside(np.full((1, 4), 0.5), np.full((1, 5), 0.5))["rouge2"]
    assert (found.outcome, found.detail) == (Outcome.INCOMPARABLE, "examples 5 → 4")


def test_a_p_value_too_small_for_a_number_is_told_as_such():
    then = np.full((1, 200), 0.5)
    assert "p < 1e-300 after Holm" in beside(then - 0.2, then)["rouge1"].message
