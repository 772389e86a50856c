"""Rows of similar length share a batch, in an order that nothing else decides."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.batching import by_length, of_size

LENGTHS = st.lists(st.integers(1, 9), max_size=30)


@pytest.mark.parametrize(
    ("size", "batches"), [(2, [[3, 1], [4, 0], [2]]), (3, [[3, 1, 4], [0, 2]]), (9, [[3, 1, 4, 0, 2]])]
)
def test_the_shortest_come_first_and_the_last_batch_has_what_is_left(size, batches):
    assert by_length(range(5), [5, 2, 7, 1, 4].__getitem__, of_size(size)) == batches


def test_rows_of_equal_length_stay_in_their_order():
    assert by_length([2, 0, 3, 1], lambda _: 7, of_size(3)) == [[2, 0, 3], [1]]


def test_a_row_that_fits_into_no_batch_has_one_of_its_own():
    assert by_length(range(3), lambda _: 1, lambda *_: False) == [[0], [1], [2]]


def test_no_rows_are_no_batches():
    assert by_length([], lambda _: 1, of_size(2)) == []


@given(lengths=LENGTHS, size=st.integers(1, 8), seed=st.integers(0, 9))
def test_batches_of_a_size_are_what_sorting_and_cutting_makes(lengths, size, seed):
    rows = Random(seed).sample(range(len(lengths)), len(lengths))
    ordered = sorted(rows, key=lengths.__getitem__)
    expected = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    assert by_length(rows, lengths.__getitem__, of_size(size)) == expected


@given(lengths=LENGTHS, room=st.integers(1, 60))
def test_a_batch_is_filled_before_the_next_one_begins(lengths, room):
    def fits(first, count):
        return lengths[first] * count <= room

    batches = by_length(range(len(lengths)), lambda row: -lengths[row], fits)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or fits(batch[0], len(batch)) for batch in batches)
    assert not any(fits(batch[0], len(batch) + 1) for batch in batches[:-1])
