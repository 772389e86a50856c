"""Where less is better and the range has no end, whatever decides better or worse follows, in per cent."""

import re
from random import Random

import numpy as np
import pytest

from harness.gate import baseline_file, matches
from harness.gate.acceptance import updates
from harness.gate.baseline import measured, unfit
from harness.gate.selftest import drop
from harness.gate.tolerance import Rules
from harness.gate.verdict import Outcome
from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.report import advice, files, markdown, table
from harness.session import judge
from harness.spec import search
from harness.spec.metric import Direction, Metric
from harness.spec.record import Cost, Status
from harness.spec.search import Trial
from harness.spec.suite import Budget, RunTable, SearchTable, Suite, TaskTable
from support.gate_simulation import HERE, accepted
from support.records import finished, prediction
from support.sessions import SESSION

ERRORS = Metric(
    id="errors", title="Errors", better=Direction.LOWER, high=None, unit="errors", scale=1.0, legend="Errors a text"
)
HITS = Metric(id="hits", title="Hits", legend="Hits in points")
BOTH = (ERRORS, HITS)
SUITE = Suite(
    name="small",
    task=TaskTable(name="dialogsum"),
    budget=Budget(max_examples=320),
    run=RunTable(methods=("zero_shot", "lora")),
)
LEVELS = {"zero_shot": 30.0, "full_finetune": 20.0, "lora": 25.0}


def entry(method, level, seed=0, rows=40, **changes):
    """A finished run with about ``level`` errors; all methods find the same rows hard. Its hits go with its errors."""
    noise = Random(f"{method} {seed}")
    errors = np.array([level + Random(row).uniform(-5, 5) + noise.gauss(0, 0.3) for row in range(rows)])
    scores = {"errors": errors, "hits": np.clip(errors / 100, 0, 1)}
    means = {name: float(values.mean()) for name, values in scores.items()}
    told = {"data_hash": "c82ca3c94f74", "model_revision": "5ca1ab1e0000", "predictions_hash": f"{method}{level}"}
    return Entry(finished(method, seed, metrics=BOTH, scores=means, **(told | changes)), scores)


def entries(levels=None, seeds=(0, 1, 2), **changes):
    return [entry(method, level, seed, **changes) for method, level in (levels or LEVELS).items() for seed in seeds]


def rows(levels=None, **changes):
    return leaderboard.rows(entries(levels, **changes), seeds=(0, 1, 2))


def beside(now, then, rules=None):
    """The verdicts on a method with so many errors now and then."""
    pair = [measured((one.record, one.scores) for one in entries({"lora": level})) for level in (now, then)]
    found = matches.verdicts({"lora": pair[0]}, HERE, [accepted(pair[1])], rules)
    return {one.metric: one for one in found}


# Ranks and fronts


def test_the_fewest_errors_lead():
    assert [(row.method, row.rank) for row in rows()] == [("full_finetune", 1), ("lora", 2), ("zero_shot", 3)]


def test_the_same_runs_rank_the_other_way_round_by_their_hits():
    turned = [Entry(one.record.model_copy(update={"metrics": BOTH[::-1]}), one.scores) for one in entries()]
    assert [row.method for row in leaderboard.rows(turned)] == ["zero_shot", "lora", "full_finetune"]


def test_an_interval_stays_in_the_metrics_own_numbers_lower_bound_first():
    first = rows()[0]
    assert first.scores["errors"].low < first.scores["errors"].mean == pytest.approx(20, abs=0.5)
    flat = first.to_dict()
    assert 15 < flat["errors_low"] < flat["errors"] < flat["errors_high"] < 25
    assert flat["score_unit"] == "errors"


def test_fewer_errors_for_the_same_cost_are_on_the_front():
    fronts = {row.method: row.fronts for row in rows()}  # all of them cost the same
    assert fronts == {"full_finetune": ("trainable_parameters", "train_seconds"), "lora": (), "zero_shot": ()}


def test_a_gain_over_zero_shot_is_above_zero_for_fewer_errors():
    gains = {row.method: row.gains["zero_shot"] for row in rows() if "zero_shot" in row.gains}
    assert gains["lora"]["errors"].mean == pytest.approx(5, abs=0.5)
    assert 0 < gains["lora"]["errors"].low < gains["lora"]["errors"].high
    assert gains["lora"]["hits"].mean < 0


def test_what_is_worse_by_chance_alone_stands_above():
    found = rows({"zero_shot": 30.0, "lora": 25.0, "dora": 25.02})
    assert [row.method for row in found[:2]] in (["lora", "dora"], ["dora", "lora"])
    (line,) = (line for line in advice.lines(SUITE, found) if line.startswith("not told apart"))
    assert "errors higher" in line


# The floor


@pytest.mark.parametrize(("level", "below"), [(25.0, False), (29.0, False), (29.95, True), (35.0, True)])
def test_the_floor_asks_for_so_many_per_cent_fewer_errors(level, below):
    zero_shot, record = (entry(*one).record for one in (("zero_shot", 30.0), ("lora", level)))
    assert bool(judge.below_floor(record, zero_shot, 1.0)) == below


def test_what_is_below_the_floor_is_told_in_per_cent_with_the_metrics_own_direction():
    zero_shot, record = (entry(*one).record for one in (("zero_shot", 30.0), ("lora", 35.0)))
    told = judge.below_floor(record, zero_shot, 1.0)
    assert re.match(r"Errors differs from zero-shot's by \+1[67]\.\d%, but the suite requires at most -1\.0%; ", told)


# The search


def tried(multiplier, score):
    return Trial(
        multiplier=multiplier,
        learning_rate=0.01 * multiplier,
        status=Status.DIVERGED if score is None else Status.OK,
        score=score,
        p_value=0.01,
    )


def searched(*trials):
    here = SESSION.model_copy(update={"metrics": BOTH})
    return search.finished(entry("lora", 25.0).record.spec, SearchTable(trials=3), trials, here)


def test_the_learning_rate_with_the_fewest_errors_is_chosen():
    found = searched(tried(1, 25.0), tried(10, 22.0), tried(0.1, 31.0))
    assert (found.learning_rate, found.metric) == (pytest.approx(0.1), ERRORS)
    assert found.sensitivity == pytest.approx(9.0)


def test_a_trial_without_a_score_does_not_count_where_there_is_no_worst():
    assert searched(tried(1, 25.0), tried(10, None), tried(0.1, 31.0)).sensitivity == pytest.approx(6.0)


def test_a_trial_keeps_the_score_of_the_metric_that_ranks():
    record = entry("lora", 25.0).record
    assert search.trial(1.0, record).score == record.scores["errors"] == record.score


# The gate


def test_more_errors_are_regressed_and_fewer_improved():
    worse, better = beside(27.0, 25.0), beside(23.0, 25.0)
    assert (worse["errors"].outcome, worse["hits"].outcome) == (Outcome.REGRESSED, Outcome.IMPROVED)
    assert (better["errors"].outcome, better["hits"].outcome) == (Outcome.IMPROVED, Outcome.REGRESSED)


def test_a_verdict_tells_how_the_errors_moved():
    worse, better = beside(27.0, 25.0)["errors"].message, beside(23.0, 25.0)["errors"].message
    assert re.match(r"lora errors: regressed: \+[78]\.\d\d% \(90% CI \+", worse)
    assert re.match(r"lora errors: improved: −[78]\.\d\d% \(90% CI −", better)


def test_the_margin_is_the_per_cent_that_may_be_worse():
    assert beside(25.4, 25.0, Rules(margin=2.0))["errors"].outcome == Outcome.PASS
    assert beside(25.4, 25.0, Rules(margin=1.0))["errors"].outcome == Outcome.REGRESSED


def test_a_baseline_takes_values_that_the_metric_may_have_and_no_others(tmp_path):
    (one,) = matches.rows(entries({"lora": 250.0})).values()
    path = baseline_file.write(tmp_path / "small" / "baseline", accepted(one))
    assert baseline_file.read(path).rows["lora"].row == one.row
    (negative,) = matches.rows(entries({"lora": -9.0})).values()
    assert "errors is -" in unfit(negative)
    assert unfit(negative).endswith("which is not in the range of 0 or more")


def test_what_is_accepted_is_told_in_the_metrics_unit():
    (one,) = matches.rows(entries({"lora": 25.0}, seeds=[0])).values()
    (line,) = updates(None, accepted(one))
    assert line == f"lora: new, errors {one.row.means['errors']:.2f}, hits {100 * one.row.means['hits']:.2f}"


def test_a_record_by_other_metrics_is_not_comparable():
    (then,) = matches.rows(entries({"lora": 25.0})).values()
    other = [Entry(one.record.model_copy(update={"metrics": (ERRORS,)}), one.scores) for one in entries({"lora": 25.0})]
    (verdict,) = matches.verdicts(matches.rows(other), HERE, [accepted(then)])
    assert (verdict.metric, verdict.outcome) == ("", Outcome.INCOMPARABLE)


def test_noise_that_is_assumed_is_a_share_of_the_errors_too():
    one = {"lora": 250.0, "zero_shot": 300.0}
    found = leaderboard.rows(entries(one, seeds=[0]), seeds=(0,))[0].scores["errors"]
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.025 * 250, rel=0.05)
    (line,) = (line for line in advice.lines(SUITE, leaderboard.rows(entries(one, seeds=[0]))) if "assumed" in line)
    assert "so 2.5% are assumed: " in line


# The self-test


def test_a_drop_is_below_zero_where_there_are_more_errors():
    honest = entry("lora", 25.0).record, [prediction(0, scores={"errors": 3.0}), prediction(1, scores={"errors": 5.0})]
    probe = honest[0], [prediction(0, scores={"errors": 4.0}), prediction(1, scores={"errors": 8.0})]
    fallen = drop.between(honest, probe, None, 0.5)
    assert fallen.mean == -50.0  # two errors more than four
    assert fallen.unseen.startswith("2 examples cannot show the loss of 50.00% of Errors; ")


# Tables and files


def test_the_table_has_a_column_for_each_metric_in_its_own_unit():
    lines = table.leaderboard(rows(), "github").splitlines()
    assert " Errors (95%) |" in lines[0]
    assert " Hits |" in lines[0]
    assert "full_finetune" in lines[2]
    assert table.interval(rows()[0], ERRORS) in lines[2]


def test_the_page_says_what_is_better():
    text = markdown.leaderboard(SUITE, rows(), [])
    assert "Errors a text; Hits in points, mean over test examples" in text
    assert "no ranked method has a lower mean Errors at a lower value of that column" in text
    assert "## Gain over zero-shot, in errors or points (95%)" in text


def test_a_tool_that_takes_more_for_better_gets_no_errors():
    assert {one["name"].split()[-1] for one in files.scores(SUITE, rows())} == {"Hits"}


def test_costs_are_the_less_the_better_whatever_the_metric():
    cheap = entries({"zero_shot": 30.0}, cost=Cost(trainable_parameters=0, train_seconds=0.0))
    dear = entries({"lora": 25.0}, cost=Cost(trainable_parameters=10, train_seconds=1.0))
    fronts = {row.method: row.fronts for row in leaderboard.rows([*cheap, *dear])}
    assert fronts["zero_shot"] == fronts["lora"] == ("trainable_parameters", "train_seconds")
