"""Records become rows: ranked ones first, best first; what failed stands last and is not hidden."""

import json
from dataclasses import replace

import pytest

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.spec.record import Cost, Status
from support.records import entry, finished, scored, unfinished

KEYS = [
    *("rank", "rank_low", "rank_high", "method", "status", "seeds", "seeds_missing", "score_unit"),
    *("rouge1", "rouge1_low", "rouge1_high", "rouge2", "rouge2_low", "rouge2_high"),
    *("rougeL", "rougeL_low", "rougeL_high", "rougeLsum", "rougeLsum_low", "rougeLsum_high"),
    *("trainable_parameters", "total_parameters", "examples", "steps"),
    *("train_seconds", "generate_seconds", "peak_rss_bytes", "peak_gpu_bytes"),
    *("search_seconds", "learning_rate_sensitivity", "bound", "contended", "pareto", "reason"),
]

CLOSE = (("lora", 0.51), ("dora", 0.5))


def failed(method, seed=0, **changes):
    return Entry(unfinished(method, seed, **changes), {})


def by_method(*entries):
    return {row.method: row for row in leaderboard.rows(entries)}


def test_no_runs_make_no_rows():
    assert leaderboard.rows([]) == []


def test_rows_stand_in_the_order_of_their_scores_whatever_the_order_of_the_runs():
    rows = leaderboard.rows([entry("lora", 0.4), entry("zero_shot", 0.2), entry("full_finetune", 0.5)])
    assert [(row.rank, row.method) for row in rows] == [(1, "full_finetune"), (2, "lora"), (3, "zero_shot")]


def test_methods_that_cannot_be_told_apart_share_their_ranks():
    rows = leaderboard.rows([entry("lora", 0.4), entry("dora", 0.4), entry("zero_shot", 0.2)])
    assert [(row.rank, row.rank_high) for row in rows] == [(1, 2), (1, 2), (3, 3)]
    assert [row.undecided and row.undecided.method for row in rows] == [rows[1].method, None, None]
    flat = rows[0].to_dict()
    assert (flat["rank"], flat["rank_low"], flat["rank_high"]) == (1, 1, 2)


def test_a_method_with_fewer_seeds_than_the_suite_knows_which_are_missing():
    (row,) = leaderboard.rows([entry("lora", 0.4, seed=1)], seeds=(0, 1, 2))
    assert (row.rank, row.missing) == (1, (0, 2))
    assert row.to_dict()["seeds_missing"] == [0, 2]


@pytest.mark.parametrize("seeds", [1, 3])
def test_one_test_example_keeps_its_score_and_gets_neither_an_interval_nor_a_rank(seeds):
    entries = [
        scored(finished(name, seed), level) for name, level in (("lora", 0.5), ("dora", 0.3)) for seed in range(seeds)
    ]
    for row in leaderboard.rows(entries):
        assert (row.rank, row.scores["rouge1"].low, row.scores["rouge1"].high, row.fronts) == (None, None, None, ())
        assert row.reason.startswith("scored on 1 test example; a rank and an interval need 2 or more")
    assert [row.to_dict()["rouge1"] for row in leaderboard.rows(entries)] == pytest.approx([0.5, 0.3])


def test_a_method_scored_on_other_test_examples_than_most_has_no_rank_and_says_so():
    rows = by_method(entry("lora", 0.4), entry("dora", 0.3), entry("ia3", 0.5, rows=11))
    assert {name: row.rank for name, row in rows.items()} == {"lora": 1, "dora": 2, "ia3": None}
    assert rows["ia3"].reason == "scored on 11 test examples, most other methods on 12; run the method again"
    assert rows["ia3"].scores["rouge1"].mean > 0.4


@pytest.mark.parametrize(("examples", "without"), [((11, 11, 12), {"m2"}), ((11, 12), {"m0"}), ((12, 11), {"m1"})])
def test_the_usual_test_examples_are_those_of_most_methods_and_of_equally_many_the_larger_number(examples, without):
    rows = leaderboard.rows([entry(f"m{n}", 0.4, rows=count) for n, count in enumerate(examples)])
    assert {row.method for row in rows if row.rank is None} == without


def test_a_method_whose_seeds_were_scored_on_different_test_examples_has_no_scores():
    row = by_method(entry("lora", 0.4, 0), entry("lora", 0.4, 1, rows=11))["lora"]
    assert (row.rank, dict(row.scores)) == (None, {})
    assert "different numbers of test examples (12 for seed 0, 11 for seed 1)" in row.reason


def test_what_trains_nothing_has_no_training_noise_also_with_one_seed():
    still = by_method(entry("zero_shot", 0.4, cost=Cost(trainable_parameters=0)), entry("lora", 0.4))
    width = {name: row.scores["rouge1"].high - row.scores["rouge1"].low for name, row in still.items()}
    assert width["lora"] > 1.2 * width["zero_shot"]
    assert {name: row.assumed for name, row in still.items()} == {"zero_shot": False, "lora": True}


def test_a_run_that_counted_no_parameters_may_have_trained():
    rows = by_method(entry("lora", 0.4, cost=Cost(trainable_parameters=None)))
    assert rows["lora"].assumed


def test_a_run_of_an_earlier_session_makes_its_row_doubtful_in_its_times_alone():
    earlier = replace(entry("lora", 0.4), earlier=True)
    row = by_method(earlier, entry("dora", 0.4))["lora"]
    assert (row.earlier, row.doubtful("train_seconds"), row.doubtful("trainable_parameters")) == (True, True, False)


def test_one_seed_of_an_earlier_session_makes_the_row_earlier():
    assert by_method(entry("lora", 0.4, 0), replace(entry("lora", 0.4, 1), earlier=True))["lora"].earlier


def test_the_seeds_of_a_method_are_one_row():
    (row,) = leaderboard.rows([entry("lora", 0.4, seed=2), entry("lora", 0.5, seed=0)])
    assert row.seeds == (0, 2)
    assert row.scores["rouge1"].mean == pytest.approx(0.45, abs=0.02)


def test_every_rouge_type_has_an_interval_of_its_own():
    (row,) = leaderboard.rows([scored(finished(), 0.4, 0.6)])
    means = {name: value.mean for name, value in row.scores.items()}
    assert means == pytest.approx({"rouge1": 0.5, "rouge2": 0.25, "rougeL": 0.4, "rougeLsum": 0.4})


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_whatever_is_not_ok_stands_last_without_a_rank(status):
    rows = leaderboard.rows([failed("dora", status=status), entry("zero_shot", 0.2)])
    assert [(row.rank, row.method, row.status) for row in rows] == [(1, "zero_shot", "ok"), (None, "dora", status)]


def test_a_failed_row_stands_below_one_that_scored_nothing():
    nothing = scored(finished("zero_shot"), 0.0, 0.0)
    assert [row.method for row in leaderboard.rows([failed("dora"), nothing])] == ["zero_shot", "dora"]


def test_a_failed_row_has_its_reason_and_no_scores():
    row = by_method(failed("dora", reason="no module to attach to"))["dora"]
    assert row.reason == "Killed: no module to attach to"
    assert (dict(row.scores), dict(row.gains)) == ({}, {})


def test_one_failed_seed_takes_the_rank_of_the_whole_method():
    row = by_method(entry("lora", 0.5, 0), failed("lora", 1, status=Status.DIVERGED, reason="loss is NaN"))["lora"]
    assert (row.rank, row.status, row.reason) == (None, Status.DIVERGED, "Killed: loss is NaN")
    assert row.seeds == (0, 1)
    assert not row.scores


def test_a_run_that_failed_after_its_answers_were_scored_has_no_rank():
    row = by_method(Entry(unfinished("lora"), entry("lora", 0.5).scores))["lora"]
    assert (row.rank, row.status, dict(row.scores)) == (None, Status.CRASHED, {})


def test_a_failed_method_takes_no_rank_from_the_others():
    assert by_method(entry("lora", 0.4), failed("dora"))["lora"].rank == 1


def test_gains_are_over_zero_shot_and_over_full_fine_tuning():
    row = by_method(entry("zero_shot", 0.2), entry("lora", 0.4), entry("full_finetune", 0.5))["lora"]
    assert row.gains["zero_shot"]["rouge1"].mean == pytest.approx(0.2, abs=0.02)
    assert row.gains["zero_shot"]["rouge1"].low > 0
    assert row.gains["full_finetune"]["rouge1"].mean == pytest.approx(-0.1, abs=0.02)
    assert set(row.gains["zero_shot"]) == {"rouge1", "rouge2", "rougeL", "rougeLsum"}


def test_a_reference_row_has_no_gain_over_itself():
    rows = by_method(entry("zero_shot", 0.2), entry("full_finetune", 0.5))
    assert set(rows["zero_shot"].gains) == {"full_finetune"}
    assert set(rows["full_finetune"].gains) == {"zero_shot"}


def test_there_is_no_gain_over_a_reference_that_failed():
    assert set(by_method(failed("zero_shot"), entry("full_finetune", 0.5), entry("lora", 0.4))["lora"].gains) == {
        "full_finetune"
    }


@pytest.mark.parametrize(("rows", "others"), [(12, 11), (1, 1)])
def test_there_is_no_gain_over_other_test_examples_or_over_a_single_one(rows, others):
    found = by_method(entry("zero_shot", 0.2, rows=rows), entry("lora", 0.4, rows=others))
    assert (found["zero_shot"].gains, found["lora"].gains) == ({}, {})


def test_an_ok_run_whose_scores_are_gone_is_a_row_without_a_rank():
    rows = by_method(Entry(finished("lora"), {}), entry("zero_shot", 0.2))
    assert rows["lora"].rank is None
    assert rows["zero_shot"].rank == 1


def test_a_run_with_a_score_that_is_no_number_is_a_row_without_a_rank():
    row = by_method(scored(finished(), 0.4, float("nan")))["lora"]
    assert (row.rank, row.scores) == (None, {})
    assert row.reason == "the scores of seed 0 are missing or not numbers; run the method again"


def test_costs_are_means_over_the_seeds():
    seconds = [entry("lora", 0.4, seed, cost=Cost(train_seconds=30.0 + seed)) for seed in (0, 1)]
    assert by_method(*seconds)["lora"].costs["train_seconds"] == 30.5


def test_a_count_that_all_seeds_share_stays_whole():
    count = by_method(entry("lora", 0.4, 0), entry("lora", 0.4, 1))["lora"].costs["trainable_parameters"]
    assert (count, type(count)) == (688_128, int)


def test_a_bound_stands_behind_the_ranks_and_takes_none_from_the_others():
    rows = leaderboard.rows([entry("oracle", 0.8, bound=True), entry("lora", 0.4), entry("zero_shot", 0.2)])
    assert [(row.rank, row.method, row.bound) for row in rows] == [
        (1, "lora", False),
        (2, "zero_shot", False),
        (None, "oracle", True),
    ]
    assert rows[-1].scores["rouge1"].mean == pytest.approx(0.8, abs=0.05)
    assert rows[-1].to_dict()["bound"] is True


def test_a_bound_that_did_not_finish_is_shown_as_any_other_row_that_did_not():
    (row,) = leaderboard.rows([failed("oracle", bound=True)])
    assert (row.rank, row.status, row.bound) == (None, Status.CRASHED, False)


def test_a_row_is_contended_when_one_of_its_runs_was():
    rows = by_method(entry("lora", 0.4, 0), entry("lora", 0.4, 1, contended=True), entry("zero_shot", 0.2))
    assert (rows["lora"].contended, rows["zero_shot"].contended) == (True, False)
    assert rows["lora"].to_dict()["contended"] is True


def test_a_cost_that_no_seed_knows_is_none():
    assert by_method(entry("lora", 0.4))["lora"].costs["peak_gpu_bytes"] is None


def test_a_row_as_a_dictionary_has_the_same_keys_whether_it_finished_or_not():
    rows = leaderboard.rows([entry("lora", 0.4), failed("dora")])
    assert [list(row.to_dict()) for row in rows] == [KEYS, KEYS]


def test_a_finished_row_as_a_dictionary_is_flat_and_survives_json():
    (row,) = leaderboard.rows([entry("lora", 0.4)])
    flat = json.loads(json.dumps(row.to_dict(), allow_nan=False))
    assert (flat["rank"], flat["method"], flat["status"], flat["seeds"]) == (1, "lora", "ok", [0])
    assert flat["rouge1_low"] < flat["rouge1"] < flat["rouge1_high"]
    assert (flat["trainable_parameters"], flat["train_seconds"]) == (688_128, 30.5)
    assert flat["reason"] is None


def test_a_failed_row_as_a_dictionary_has_null_scores_and_a_reason():
    (row,) = leaderboard.rows([failed("lora", status=Status.TIMED_OUT, reason="took 3600 s")])
    flat = row.to_dict()
    assert (flat["rank"], flat["status"], flat["reason"]) == (None, "timed_out", "Killed: took 3600 s")
    assert (flat["rouge1"], flat["rouge1_low"], flat["rouge1_high"]) == (None, None, None)


def test_a_score_of_zero_is_a_score():
    (row,) = leaderboard.rows([scored(finished(), 0.0, 0.0)])
    assert row.to_dict()["rouge1"] == 0.0


def test_the_lead_over_the_next_that_is_not_told_apart_is_in_points():
    first, second = leaderboard.rows([entry(name, level, seed) for name, level in CLOSE for seed in range(3)])
    lead = 100 * (first.scores["rouge1"].mean - second.scores["rouge1"].mean)
    assert (first.undecided.method, first.undecided.points) == (second.method, pytest.approx(lead))
    assert lead > 0.5
