"""The tests of a session share how far seeds scatter, and nothing that is a row's own."""

import numpy as np
import pytest

from harness.gate import score_tests
from harness.gate.pair import Pair
from support.gate_simulation import dialogues, row, trainings

OTHERS = ("prefix", "ia3", "full_finetune")


def anew(name, random, spread=1.7, alike=0.0, loss=0.0):
    """A method then and now, three seeds each, that gives this share of its answers as before, and loses points."""
    hard = dialogues(random)
    then, now = (trainings(random, hard, spread=spread) for _ in range(2))
    now = np.where(random.random(now.shape) < alike, then, now) - loss / 100
    return Pair(name, row(now, name), row(then, name), (0, 1, 2))


def found(*pairs):
    """The test of the first row beside the others, in the ranking metric."""
    cells = [(pair, pair.now.row.metrics[0]) for pair in pairs]
    return score_tests.tests(cells)[0]


@pytest.mark.parametrize("alike", [0.5, 0.95])
def test_how_much_of_the_scatter_cancels_out_is_a_rows_own(alike):
    random = np.random.default_rng(0)
    first, *others = anew("lora", random, alike=alike), *(anew(name, random) for name in OTHERS)
    alone, beside = found(first).found, found(first, *others).found
    assert beside.training.share == alone.training.share == pytest.approx(1 - alike, abs=0.15)
    assert beside.training.scatter != alone.training.scatter
    assert beside.by_training < 2 * (1 - alike) * (2 * 1.7**2) / 3


def test_a_loss_of_a_row_that_answers_nearly_as_before_is_seen_though_all_others_were_trained_anew():
    caught = []
    for stream in range(40):
        random = np.random.default_rng(stream)
        first = anew("lora", random, alike=0.95, loss=1.2)
        caught.append(found(first, *(anew(name, random) for name in OTHERS)).worse <= 0.05)
    assert np.mean(caught) >= 0.8


def test_three_seeds_that_agree_by_chance_scatter_as_those_of_other_rows():
    random = np.random.default_rng(0)
    pairs = [anew(name, random, spread=spread) for name, spread in zip(("lora", *OTHERS), (0.1, 2, 2, 2), strict=True)]
    assert found(*pairs).found.by_training > 2 * found(pairs[0]).found.by_training
