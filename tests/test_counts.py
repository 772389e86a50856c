"""A count is equal on any machine or has regressed, unless the budget leaves it to the machine."""

import pytest

from harness.gate.counts import BUDGET_COUNTS, COUNTS, compare
from harness.gate.verdict import Outcome


def compared(*seeds, name="steps", in_seconds=False):
    return compare(name, dict(enumerate(seeds)), in_seconds=in_seconds)


@pytest.mark.parametrize("count", [None, 0, 5])
def test_equal_counts_pass(count):
    assert compared((count, count), (count, count)) == (Outcome.PASS, "equal")


@pytest.mark.parametrize(("now", "told"), [(1_009, "1,005 → 1,009 (+4)"), (5, "1,005 → 5 (−1,000)")])
def test_more_is_a_regression_and_so_is_less(now, told):
    assert compared((1_005, now)) == (Outcome.REGRESSED, told)


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ([(5, 9), (5, 9)], "5 → 9 (+4)"),
        ([(5, 9), (5, 5)], "seed 0: 5 → 9 (+4)"),
        ([(5, 9), (5, 8)], "seed 0: 5 → 9 (+4), seed 1: 5 → 8 (+3)"),
    ],
)
def test_what_all_seeds_have_in_common_is_told_once(seeds, told):
    assert compared(*seeds) == (Outcome.REGRESSED, told)


@pytest.mark.parametrize("name", COUNTS)
def test_a_budget_in_seconds_leaves_only_what_it_limits_to_the_machine(name):
    outcome, _ = compared((5, 9), name=name, in_seconds=True)
    assert outcome == (Outcome.INCOMPARABLE if name in BUDGET_COUNTS else Outcome.REGRESSED)
