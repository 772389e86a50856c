"""The answer in sentences: true to the ranks, in the direction of the metric, and silent about what is not known."""

import pytest
from markupsafe import Markup

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.ranking.intervals import Interval
from harness.report import answer
from harness.report.readable import readable, times
from harness.spec.metric import Direction, Metric
from support.records import entry, unfinished

FULL = {"trainable_parameters": 2_000_000}
SMALL = {"trainable_parameters": 20_000}
NOTHING = {"trainable_parameters": 0}


def board(*methods):
    found = [entry(name, level, seed, rows=40, **costs) for name, level, costs in methods for seed in range(3)]
    return leaderboard.board(found)


def told(found):
    """The headline and the sentences as plain text."""
    texts = [answer.headline(found.rows, found.ranking), *answer.sentences(found.rows, found.ranking)]
    return [Markup(text).striptags() for text in texts]


def test_a_method_that_is_shown_to_be_better_than_all_others_is_best():
    first, second, third = told(board(("full", 0.6, FULL), ("small", 0.55, SMALL), ("zero_shot", 0.1, NOTHING)))
    assert first.startswith("full is best: ")
    assert first.endswith("ROUGE-1")
    assert "more (" in second
    assert second.endswith("than small, the next best of 3 methods.")
    assert third.startswith("small has 9")
    assert third.endswith("% of its gain over zero_shot and trains 100 times fewer parameters.")


def test_two_methods_that_cannot_be_told_apart_are_both_named():
    first, *_ = told(board(("one", 0.5, SMALL), ("other", 0.5, SMALL), ("zero_shot", 0.1, NOTHING)))
    assert "leads with" in first
    assert first.endswith("may be as good")


def test_nothing_is_cheaper_than_a_method_that_trains_as_little_as_any():
    texts = told(board(("one", 0.6, SMALL), ("other", 0.55, SMALL), ("zero_shot", 0.1, NOTHING)))
    assert not any("times fewer" in text for text in texts)


def test_without_a_rank_the_answer_says_why():
    found = leaderboard.board([Entry(unfinished("lora", reason="no <b>memory</b>"), {})])
    assert answer.headline(found.rows, found.ranking) == "No method has a rank"
    assert answer.sentences(found.rows, found.ranking) == ["<b>lora</b>: Killed: no &lt;b&gt;memory&lt;/b&gt;."]


def test_a_method_alone_is_compared_with_nothing():
    first, second = told(board(("lora", 0.6, SMALL)))
    assert first.startswith("lora is the only method with a rank: ")
    assert second == "There is nothing to compare it with."


@pytest.mark.parametrize(
    ("better", "value", "text"),
    [
        (Direction.HIGHER, Interval(0.046, 0.016, 0.076), "4.6 points more (1.6 to 7.6)"),
        (Direction.HIGHER, Interval(-0.046, -0.076, 0.001), "4.6 points less (−0.1 to 7.6)"),
        (Direction.LOWER, Interval(0.046, None, None), "4.6 points less"),
    ],
)
def test_a_difference_is_told_in_the_direction_of_its_metric(better, value, text):
    assert answer.gap(value, Metric(id="m", title="M", better=better)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "bytes", "–"),
        (10_360, "bytes", "10.4 kB"),
        (953e6, "bytes", "953 MB"),
        (12.34e9, "bytes", "12.3 GB"),
        (12, "bytes", "12 B"),
        (163_840, "count", "163,840"),
        (2_132_608, "count", "2.13 M"),
        (28.34, "seconds", "28.3 s"),
        (300.0, "seconds", "5.00 min"),
        (7_200.0, "seconds", "2.00 h"),
    ],
)
def test_costs_are_short_at_any_size(value, unit, text):
    assert readable(value, unit) == text


@pytest.mark.parametrize(("larger", "smaller", "text"), [(18, 10, "1.8"), (130, 10, "13"), (11_234, 10, "1,100")])
def test_ratios_have_two_digits(larger, smaller, text):
    assert times(larger, smaller) == text
