"""The answer in sentences: true to the ranks, in the direction of the metric, and silent about what is not known."""

import re

import pytest
from markupsafe import Markup

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.ranking.intervals import Interval
from harness.report import answer
from harness.report.readable import readable, sentence, times
from harness.spec.metric import Direction, Metric
from harness.spec.record import Status
from support.records import changed, entry, spec, unfinished

FULL = {"trainable_parameters": 2_000_000}
SMALL = {"trainable_parameters": 20_000}
TINY = {"trainable_parameters": 1_000}
NOTHING = {"trainable_parameters": 0}
TWO = (("lora", 0.5, SMALL), ("zero_shot", 0.1, NOTHING))


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
    assert re.fullmatch(r"That is 5\.\d points higher \(.* to .*\) than small, the next best of 3 methods\.", second)
    assert re.fullmatch(
        r"small is worse, but keeps about 9\d% of full’s gain over zero_shot, and trains 100 times fewer parameters\.",
        third,
    )


def test_two_methods_that_cannot_be_told_apart_are_both_named():
    first, second, _ = told(board(("one", 0.5, SMALL), ("other", 0.5, SMALL), ("zero_shot", 0.1, NOTHING)))
    names = re.fullmatch(r"(.*) leads with .* ROUGE-1, but (.*) may be as good", first)
    assert {*names.groups()} == {"one", "other"}
    assert re.fullmatch(rf"{names[1]} is 0\.\d points higher \(.*\) than {names[2]}\.", second)


def test_the_smallest_method_that_is_not_shown_to_be_worse_is_recommended():
    texts = told(board(("full", 0.502, FULL), ("small", 0.5, SMALL), ("tiny", 0.45, TINY), ("zero_shot", 0.1, NOTHING)))
    assert (
        "If you need one: small. It is not shown to be worse than full, and trains 100 times fewer parameters." in texts
    )
    assert re.fullmatch(
        r"tiny is worse, but keeps about 8\d% of full’s gain over zero_shot, and trains 2,000 times fewer parameters\.",
        texts[-1],
    )


def test_what_keeps_less_for_nearly_as_many_parameters_is_not_worth_a_sentence():
    less = {"trainable_parameters": 12_000}
    texts = told(board(("full", 0.502, FULL), ("small", 0.5, SMALL), ("less", 0.45, less), ("zero_shot", 0.1, NOTHING)))
    assert not any("keeps" in text for text in texts)


def test_of_methods_that_cost_about_the_same_the_best_one_is_recommended():
    less = {"trainable_parameters": 12_000}
    texts = told(board(("one", 0.502, SMALL), ("other", 0.5, less), ("zero_shot", 0.1, NOTHING)))
    assert any(text.startswith("If you need one: one. It has the best score, ") for text in texts)


def test_where_most_methods_tie_none_is_called_the_winner():
    found = board(*((name, 0.5, SMALL) for name in "abc"), ("zero_shot", 0.1, NOTHING))
    first, _, third, *_ = told(found)
    assert re.fullmatch(
        r"No clear winner among 4 methods: 2 may be as good as [abc], which has the best score, \d\d\.\d ROUGE-1", first
    )
    assert third == "There were 40 test examples; more might tell more methods apart."


def test_nothing_is_cheaper_than_a_method_that_trains_as_little_as_any():
    texts = told(board(("one", 0.6, SMALL), ("other", 0.55, SMALL), ("zero_shot", 0.1, NOTHING)))
    assert not any("times fewer" in text for text in texts)


def test_without_a_rank_the_answer_says_why():
    found = leaderboard.board([Entry(unfinished("lora", reason="no <b>memory</b>"), {})])
    assert answer.headline(found.rows, found.ranking) == "No method has a rank"
    why = "<b>lora</b> (crashed: Killed: no &lt;b&gt;memory&lt;/b&gt;)"
    assert answer.sentences(found.rows, found.ranking) == [
        f'<a href="#runs"><span class="whole">1 method has</span> no rank</a>: {why}.'
    ]


def test_a_method_that_failed_is_named_beside_the_best_one():
    ended = [entry(name, level, seed, rows=40, **costs) for name, level, costs in TWO for seed in range(3)]
    failed = Entry(unfinished("full_finetune", reason="long " * 800 + "."), {})
    *_, last = told(leaderboard.board([*ended, failed]))
    assert last.startswith("1 method has no rank: full_finetune (crashed: Killed: long long")
    assert last.endswith("long …).")
    assert len(last) < 200


@pytest.mark.parametrize(("methods", "named"), [(4, 3), (5, 4), (6, 3)])
def test_a_list_of_methods_leaves_out_several_or_none(methods, named):
    worse = [(f"worse{number}", 0.1, SMALL) for number in range(methods)]
    alike = board(*((name, 0.5, SMALL) for name in "abcdef"[:methods]), *worse)
    text = next(text for text in told(alike) if "cannot be told apart" in text).partition("from")[2]
    assert len(re.findall(r"\b[a-f]\b", text)) == named
    assert text.endswith("and 2 others.") == (named < methods - 1)


def test_several_methods_without_a_rank_are_counted_beside_a_best_one_and_named_without_one():
    ended = [entry(name, level, seed, rows=40, **costs) for name, level, costs in TWO for seed in range(3)]
    failed = [Entry(unfinished(name, status=Status.OUT_OF_MEMORY, reason="no room"), {}) for name in "abcde"]
    *_, last = told(leaderboard.board([*ended, *failed]))
    assert last == "5 methods have no rank (why)."
    *_, last = told(leaderboard.board(failed))
    assert last == "5 methods have no rank: a (out of memory), b (out of memory), c (out of memory) and 2 others."


def test_a_bound_is_no_method_without_a_rank():
    ended = [entry(name, level, seed, rows=40, **costs) for name, level, costs in TWO for seed in range(3)]
    bound = entry("oracle", 0.9, rows=40, bound=True)
    assert not any("no rank" in text for text in told(leaderboard.board([*ended, bound])))
    assert told(leaderboard.board([bound]))[1] == "1 method has no rank: oracle (a bound)."


def test_without_a_gain_nothing_is_said_about_a_share_of_it():
    texts = told(board(("full", 0.502, FULL), ("small", 0.501, SMALL), ("zero_shot", 0.5, NOTHING)))
    assert not any("keeps" in text for text in texts)
    assert texts[-1] == "No method is shown to be better than zero_shot, the base model as it is."


def test_of_the_best_method_it_is_said_that_it_may_be_no_better_than_the_base_model():
    levels = (0.5, 0.8, 0.5, 0.8)
    scattered = [entry("full", level, seed, rows=40, **FULL) for seed, level in enumerate(levels)]
    still = [entry(name, level, rows=40, **NOTHING) for name, level in (("lead3", 0.6), ("zero_shot", 0.5))]
    texts = told(leaderboard.board([*scattered, *still]))
    assert "full is not shown to be better than zero_shot, the base model as it is; lead3 is." in texts
    assert "If you need one: lead3. It is not shown to be worse than full, and trains nothing." in texts


def test_methods_with_the_same_scores_have_the_same_score():
    one = [entry("one", 0.5, seed, rows=40, **SMALL) for seed in range(3)]
    copies = [Entry(changed(each.record, spec=spec("copy", each.record.spec.seed)), each.scores) for each in one]
    assert "one has the same score as copy." in told(leaderboard.board([*one, *copies]))


def test_an_interval_that_holds_for_a_pair_alone_says_so_where_it_seems_to_contradict_the_ranks():
    close = board(("first", 0.507, SMALL), *((f"method{number:02}", 0.5, SMALL) for number in range(1, 13)))
    remark = r"\(0\.1 to 1\.0 for this pair alone, which is not enough among 13 methods\)"
    assert any(re.match(f"first is 0.5 points higher {remark} than method10.", text) for text in told(close))


@pytest.mark.parametrize(
    ("better", "value", "text"),
    [
        (Direction.HIGHER, Interval(0.046, 0.016, 0.076), "4.6 points higher (1.6 to 7.6)"),
        (Direction.HIGHER, Interval(-0.046, -0.076, 0.001), "4.6 points lower (−0.1 to 7.6)"),
        (Direction.HIGHER, Interval(0.046, -0.0002, 0.076), "4.6 points higher (0.0 to 7.6)"),
        (Direction.LOWER, Interval(0.046, None, None), "4.6 points lower"),
        (Direction.LOWER, Interval(-0.046, None, None), "4.6 points higher"),
    ],
)
def test_a_difference_is_told_in_the_direction_of_its_metric(better, value, text):
    assert answer.gap(value, Metric(id="m", title="M", better=better)) == text


def test_a_unit_that_is_the_metrics_name_is_not_said_twice():
    perplexity = Metric(id="p", title="perplexity", better=Direction.LOWER, unit="perplexity", scale=1.0, digits=2)
    assert answer.gap(Interval(1.01, 0.91, 1.11), perplexity) == "1.01 lower (0.91 to 1.11)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("no memory", "no memory."), ("CUDA is missing.", "CUDA is missing."), ("Why?", "Why?"), ("cut …", "cut …")],
)
def test_a_sentence_ends_once(text, shown):
    assert sentence(text) == shown


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
