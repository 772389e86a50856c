"""The gate, the ranks and the tables on other metrics: a planted loss is red, a method trained anew is green."""

import numpy as np
import pytest

from harness.gate import matches
from harness.gate.verdict import Outcome
from harness.ranking import leaderboard
from harness.report import markdown, table
from harness.spec.suite import Budget, RunTable, Suite, TaskTable
from support.gate_simulation import HERE, accepted
from support.metric_simulation import labelled, likely, row, runs, translated

KINDS = {"accuracy": labelled, "bleu": translated, "chrf": translated, "perplexity": likely, "macro_f1": labelled}
NOISE = {"accuracy": 0.01, "bleu": 0.01, "chrf": 0.01, "perplexity": 0.01, "macro_f1": 0.01}
SUITE = Suite(
    name="small",
    task=TaskTable(name="dialogsum"),
    budget=Budget(max_examples=320),
    run=RunTable(methods=("zero_shot", "lora")),
)


def verdict(name, seed, better=0.0):
    """The verdict on a method that is trained anew, on the same examples, and is now so much better or worse."""
    random = np.random.default_rng(seed)
    examples = KINDS[name](random)
    then = row(name, examples, random, noise=NOISE[name])
    now = row(name, examples, random, better, noise=NOISE[name])
    (found,) = (one for one in matches.verdicts({"lora": now}, HERE, [accepted(then)]) if one.metric == name)
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_loss_that_is_planted_is_red(name):
    lost, gained = verdict(name, 1, better=-0.12), verdict(name, 2, better=0.12)
    assert (lost.outcome, gained.outcome) == (Outcome.REGRESSED, Outcome.IMPROVED), (lost, gained)


@pytest.mark.parametrize(("name", "sessions"), [("accuracy", 20), ("bleu", 8), ("perplexity", 20)])
def test_a_method_that_is_trained_anew_is_green(name, sessions):
    red = sum(verdict(name, seed).outcome == Outcome.REGRESSED for seed in range(sessions))
    assert red <= 0.15 * sessions


def test_a_verdict_on_perplexity_is_in_per_cent_and_says_that_it_rose():
    found = verdict("perplexity", 1, better=-0.12)
    assert found.message.startswith("lora perplexity: regressed: +1")  # about e to the 0.12
    assert "% (90% CI +" in found.message


def ranked(name):
    random = np.random.default_rng(5)
    examples = KINDS[name](random)
    levels = {"zero_shot": -0.3, "lora": 0.0, "full_finetune": 0.1}
    return leaderboard.rows(
        [entry for method, level in levels.items() for entry in runs(name, examples, random, level, method=method)]
    )


@pytest.mark.parametrize("name", KINDS)
def test_the_best_method_leads_and_its_interval_holds_its_value(name):
    rows = ranked(name)
    assert [each.method for each in rows] == ["full_finetune", "lora", "zero_shot"]
    assert [(each.rank, each.rank_high) for each in rows] == [(1, 1), (2, 2), (3, 3)]
    for each in rows:
        value = each.scores[name]
        assert value.low < value.mean < value.high
        assert each.method == "zero_shot" or each.gains["zero_shot"][name].low > 0


def test_perplexities_are_shown_with_two_decimals_and_what_they_are_over():
    rows = ranked("perplexity")
    line = next(line for line in table.leaderboard(rows, "github").splitlines() if "lora" in line)
    assert f"{rows[1].scores['perplexity'].mean:.2f} (" in line
    page = markdown.leaderboard(SUITE, rows, [])
    assert "Over all test examples of a seed together, instead of example by example: perplexity." in page
    assert "no ranked method has a lower mean perplexity" in page
    assert "in perplexity (95%)" in page
