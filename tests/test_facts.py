"""The facts below the answer say what was tested, and which training times can be compared."""

import pytest

from harness.ranking import leaderboard
from harness.ranking.entries import Entry
from harness.report import facts, notes
from support.records import entry, unfinished

TRAINED = {"trainable_parameters": 20_000, "train_seconds": 30.0}
UNTRAINED = {"trainable_parameters": 0, "total_parameters": 2_132_608, "train_seconds": None, "examples": 0}


def runs(*names, **costs):
    return [entry(name, 0.5, seed, rows=40, **costs) for name in names for seed in range(2)]


def test_methods_are_counted_by_what_can_be_expected_of_them():
    bound = entry("oracle", 0.9, rows=40, bound=True, **UNTRAINED)
    found = [*runs("lora", "dora", **TRAINED), *runs("zero_shot", **UNTRAINED), bound, Entry(unfinished("boft"), {})]
    assert facts.methods(leaderboard.rows(found)) == "2 trained, 1 not trained, 1 bound, 1 without a rank"


def test_the_task_the_model_and_the_training_are_named():
    found = [*runs("lora", **TRAINED, examples=96), *runs("zero_shot", **UNTRAINED)]
    records = [each.record for each in found]
    said = dict(facts.facts(records, leaderboard.rows(found), notes.of(records, None), seeds=2, examples=40))
    assert said["Task"] == "dialogsum"
    assert said["Base model"].endswith("2.13 M parameters")
    assert (said["Training examples seen"], said["Seeds"], said["Test examples"]) == ("96", "2", "40")


def test_without_runs_there_are_no_facts():
    assert facts.facts([], [], notes.of([], None), seeds=2, examples=0) == []


@pytest.mark.parametrize(
    ("contended", "said"),
    [
        ((), ""),
        (("lora",), "Training times in brackets in the leaderboard cannot be compared with the others."),
        (("lora", "dora"), "All training times here are unreliable; a note below the leaderboard says why."),
    ],
)
def test_which_training_times_can_be_compared_follows_from_the_runs(contended, said):
    found = [each for name in ("lora", "dora") for each in runs(name, **TRAINED, contended=name in contended)]
    assert facts.timing(leaderboard.rows([*found, *runs("zero_shot", **UNTRAINED)])) == said
