"""The budget is the iterator: whatever unit is spent first ends it, for good."""

from itertools import chain, pairwise, repeat

import pytest
import torch

from harness.budget import Batches, tokens
from harness.suite import Budget
from harness.task import Encoded, collate

ROW = Encoded(torch.tensor([5, 6, 7, 8, 1]), torch.tensor([9, 9, 1]))  # eight tokens
SHORT = Encoded(torch.tensor([5, 1]), torch.tensor([1]))  # three tokens


def batches(*sizes, **limits):
    """Batches of ``sizes`` rows of eight tokens; the last size repeats for ever."""
    endless = chain(sizes, repeat(sizes[-1]))
    return Batches((collate([ROW] * size, pad=0) for size in endless), Budget(**limits), torch.device("cpu"))


def sizes(spent):
    return [len(batch["labels"]) for batch in spent]


def test_the_last_batch_is_cut_to_the_examples_that_are_left():
    given = batches(4, max_examples=10)
    assert sizes(given) == [4, 4, 2]
    assert (given.used.examples, given.used.steps, given.used.tokens) == (10, 3, 80)


def test_examples_that_fill_whole_batches_are_not_cut():
    assert sizes(batches(4, max_examples=8)) == [4, 4]


def test_a_budget_smaller_than_a_batch_is_kept():
    assert sizes(batches(16, max_examples=3)) == [3]


def test_a_cut_batch_keeps_its_tensors_together():
    (batch,) = batches(4, max_examples=3)
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {
        "input_ids": (3, 5),
        "attention_mask": (3, 5),
        "labels": (3, 3),
    }


def test_steps_end_after_that_many_batches_whatever_their_size():
    assert sizes(batches(4, 1, 2, max_steps=3)) == [4, 1, 2]


def test_the_last_batch_is_cut_to_the_tokens_that_are_left():
    given = batches(4, max_tokens=48)
    assert sizes(given) == [4, 2]
    assert given.used.tokens == 48


def test_tokens_are_overrun_by_less_than_one_row():
    given = batches(4, max_tokens=50)
    assert sizes(given) == [4, 2, 1]
    assert given.used.tokens == 56


def test_time_ends_an_endless_source():
    given = batches(1, max_seconds=0.02)
    assert len(list(given)) > 1
    assert given.used.seconds >= 0.02


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_steps": 2, "max_examples": 100, "max_tokens": 1000}, [4, 4]),
        ({"max_steps": 100, "max_examples": 6, "max_tokens": 1000}, [4, 2]),
        ({"max_steps": 100, "max_examples": 100, "max_tokens": 40}, [4, 1]),
        ({"max_steps": 100, "max_examples": 7, "max_tokens": 48}, [4, 2]),
    ],
)
def test_the_limit_that_is_spent_first_ends_it(limits, expected):
    assert sizes(batches(4, **limits)) == expected


def test_a_second_pass_over_spent_batches_yields_nothing_and_spends_nothing():
    given = batches(4, max_examples=10)
    list(given)
    spent = (given.used.examples, given.used.steps, given.used.tokens)
    assert list(given) == []
    assert (given.used.examples, given.used.steps, given.used.tokens) == spent


def test_breaking_off_and_going_on_spends_one_budget():
    given = batches(4, max_steps=5)
    for _ in given:
        break
    assert len(list(given)) == 4


@pytest.mark.parametrize("limits", [{"max_examples": 10}, {"max_steps": 4}, {"max_tokens": 50}])
def test_progress_rises_from_zero_to_one(limits):
    given = batches(4, **limits)
    seen = [given.progress] + [given.progress for _ in given]
    assert seen[0] == 0.0
    assert all(before < after for before, after in pairwise(seen))
    assert seen[-1] == given.progress == 1.0


def test_progress_is_that_of_the_limit_that_is_nearest():
    given = batches(4, max_examples=40, max_steps=5)
    next(given)
    assert given.progress == 0.2


def test_reading_progress_does_not_start_the_clock():
    given = batches(4, max_seconds=1000.0)
    assert (given.progress, given.progress) == (0.0, 0.0)
    next(given)
    assert given.progress > 0.0


def test_tokens_do_not_count_padding():
    batch = collate([ROW, SHORT], pad=0)
    assert batch["input_ids"].numel() + batch["labels"].numel() == 16
    assert tokens(batch) == 11


def test_a_row_is_cut_by_its_own_tokens_and_not_by_the_width_of_its_batch():
    given = Batches(repeat(collate([SHORT, SHORT, ROW], pad=0)), Budget(max_tokens=6), torch.device("cpu"))
    assert sizes(given) == [2]
    assert given.used.tokens == 6
