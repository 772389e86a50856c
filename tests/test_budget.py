"""The budget is the iterator: whatever unit is spent first ends it, for good."""

from itertools import chain, cycle, islice, pairwise, repeat

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ByT5Tokenizer

from harness.models.causal import CausalFamily
from harness.models.family import Encoded
from harness.models.seq2seq import Seq2SeqFamily, collate
from harness.spec.suite import Budget
from harness.training import budget
from harness.training.budget import Batches

FAMILY = Seq2SeqFamily(ByT5Tokenizer())
ROW = Encoded(torch.tensor([5, 6, 7, 8, 1]), torch.tensor([9, 9, 1]))  # eight tokens
SHORT = Encoded(torch.tensor([5, 1]), torch.tensor([1]))  # three tokens


def batches(*sizes, **limits):
    """Batches of ``sizes`` rows of eight tokens; the last size repeats for ever."""
    endless = chain(sizes, repeat(sizes[-1]))
    return within((collate([ROW] * size, pad=0) for size in endless), **limits)


def within(source, family=FAMILY, **limits):
    """Batches of any kind within a budget."""
    return Batches(source, Budget(**limits), torch.device("cpu"), family.row_tokens)


def taken(given):
    """What there is to train on; a budget that never ends gives a thousand batches, not a test that never ends."""
    return list(islice(given, 1000))


def sizes(given):
    return [len(batch["labels"]) for batch in taken(given)]


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


def test_a_budget_smaller_than_a_row_gives_that_row():
    given = batches(4, max_tokens=1)
    assert sizes(given) == [1]
    assert (given.used.tokens, given.progress) == (8, 1.0)


def test_tokens_are_overrun_by_less_than_one_row():
    given = batches(4, max_tokens=50)
    assert sizes(given) == [4, 2, 1]
    assert given.used.tokens == 56


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), min_size=1, max_size=9), st.integers(1, 150))
def test_whatever_the_batches_examples_are_kept_exactly_and_tokens_within_the_last_row(shapes, limit):
    """Batches of so many rows with sources of so many tokens, and two tokens of target each."""
    made = [collate([Encoded(torch.ones(tokens), torch.ones(2))] * rows, pad=0) for rows, tokens in shapes]
    by_examples = within(cycle(made), max_examples=limit)
    assert sum(sizes(by_examples)) == by_examples.used.examples == limit
    by_tokens = within(cycle(made), max_tokens=limit)
    rows = [tokens for batch in taken(by_tokens) for tokens in FAMILY.row_tokens(batch).tolist()]
    assert by_tokens.used.tokens == sum(rows)
    assert sum(rows[:-1]) < limit <= sum(rows)


@pytest.fixture
def clock(monkeypatch):
    """``clock(given, *times)``: the batches as asked for at these seconds, until they end."""
    now = [0.0]
    monkeypatch.setattr(budget, "perf_counter", lambda: now[0])

    def ask(given, *times):
        asked = [next(given, None) for now[0] in times]
        return [batch for batch in asked if batch is not None]

    return ask


def test_time_runs_from_the_first_batch_and_ends_the_training_on_the_stroke(clock):
    given = batches(1, max_seconds=4.0)
    assert given.progress == 0.0
    assert len(clock(given, 100.0, 101.0, 103.9)) == 3
    assert (given.used.seconds, given.progress) == (pytest.approx(3.9), pytest.approx(0.975))
    assert clock(given, 104.0) == []
    assert (given.used.seconds, given.used.steps) == (4.0, 3)


def test_time_that_is_long_over_is_all_of_the_budget_and_no_more(clock):
    given = batches(1, max_seconds=4.0)
    clock(given, 0.0, 9.0)
    assert given.progress == 1.0


def test_a_step_lasts_from_one_batch_to_the_next_and_the_first_three_do_not_count(clock):
    """The last is that after which the budget was found spent."""
    given = batches(1, max_steps=6)
    clock(given, 0.0, 10.0, 30.0, 60.0, 61.0, 63.0, 66.5)
    assert given.step_seconds == [1.0, 2.0, 3.5]


def test_a_training_of_three_steps_has_no_step_to_tell_the_time_of(clock):
    given = batches(1, max_steps=3)
    clock(given, 0.0, 1.0, 2.0, 3.0)
    assert given.step_seconds == []


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
    taken(given)
    spent = (given.used.examples, given.used.steps, given.used.tokens)
    assert taken(given) == []
    assert (given.used.examples, given.used.steps, given.used.tokens) == spent


def test_breaking_off_and_going_on_spends_one_budget():
    given = batches(4, max_steps=5)
    for _ in given:
        break
    assert len(taken(given)) == 4


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


def test_reading_progress_does_not_start_the_clock(clock):
    given = batches(4, max_seconds=1000.0)
    assert (given.progress, given.progress) == (0.0, 0.0)
    clock(given, 50.0, 60.0)
    assert given.progress == 0.01


def test_tokens_do_not_count_padding():
    batch = collate([ROW, SHORT], pad=0)
    assert batch["input_ids"].numel() + batch["labels"].numel() == 16
    assert int(FAMILY.row_tokens(batch).sum()) == 11


def test_a_row_of_prompt_and_target_counts_its_tokens_once():
    """Rows of 8 and 3 tokens, of which the targets are labels as well."""
    causal = CausalFamily(ByT5Tokenizer())
    given = within(repeat(causal.batch([ROW, SHORT])), causal, max_tokens=22)
    assert sizes(given) == [2, 2]
    assert given.used.tokens == 22


def test_a_row_is_cut_by_its_own_tokens_and_not_by_the_width_of_its_batch():
    given = within(repeat(collate([SHORT, SHORT, ROW], pad=0)), max_tokens=6)
    assert sizes(given) == [2]
    assert given.used.tokens == 6


def test_rows_are_cut_in_their_order_where_their_tokens_reach_the_limit_exactly():
    """Rows of 8, 3 and 8 tokens: 11 are the first two, 10 the first and one that overruns."""
    for limit, expected, used in ((11, [2], 11), (19, [3], 19), (10, [1, 1], 16), (18, [2, 1], 19)):
        given = within(repeat(collate([ROW, SHORT, ROW], pad=0)), max_tokens=limit)
        assert sizes(given) == expected
        assert given.used.tokens == used


def test_what_is_kept_of_a_cut_batch_are_its_first_rows():
    first, second = (Encoded(torch.tensor([number, 1]), torch.tensor([number])) for number in (5, 6))
    (batch,) = within(repeat(collate([first, second], pad=0)), max_examples=1)
    assert (batch["input_ids"].tolist(), batch["labels"].tolist()) == ([[5, 1]], [[5]])


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_only_a_copy_to_cuda_goes_on_while_its_source_may_be_freed(device, monkeypatch):
    copies = []
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *where, **how: copies.append((where, how)) or tensor)
    given = Batches(repeat(collate([ROW], pad=0)), Budget(max_steps=1), torch.device(device), FAMILY.row_tokens)
    next(given)
    assert copies == [((torch.device(device),), {})] * 3
