"""How many rows are tried out, and what the peaks of such steps show about any number of rows."""

import pytest
import torch

from harness.run.steps import Steps, certain, line
from support.toy import CPU

GB = 10**9
BATCH = {"input_ids": torch.zeros(16, 4, dtype=torch.long), "labels": torch.zeros(16, 4, dtype=torch.long)}
BEGINS, GRADIENTS, CHECK = 13 * GB, 4 * GB, 1 * GB  # of a model with a billion weights in float32, and AdamW


def peak(rows, row=3 * GB // 2):
    """Of a step of that model: of its backward pass, or else of its optimiser."""
    return max(BEGINS + rows * row, BEGINS + GRADIENTS + CHECK)


def tried(room, row=3 * GB // 2):
    """The sizes that are tried one after another, until none is larger."""
    sizes = [1]
    while (more := min(16, certain(sizes[-1], peak(sizes[-1], row), BEGINS, room))) > sizes[-1]:
        sizes.append(more)
    return sizes


@pytest.mark.parametrize("room", [19 * GB, 24 * GB, 30 * GB, 50 * GB, 10**12])
@pytest.mark.parametrize("row", [GB // 10, 3 * GB // 2, 6 * GB])
def test_no_size_is_tried_that_needs_more_than_there_is(room, row):
    assert peak(tried(room, row)[-1], row) <= max(peak(1, row), 0.95 * room)


def test_an_optimiser_that_hides_what_a_row_needs_does_not_make_all_rows_fit():
    assert tried(30 * GB) == [1, 3, 9, 10]


def test_where_nothing_is_sure_to_fit_no_more_rows_are_tried():
    assert certain(1, 18 * GB, BEGINS, 18 * GB) == 1


def test_one_row_is_tried_twice_and_a_size_that_is_the_last_twice():
    steps = Steps(BATCH, CPU, 10**15, lambda: 0)
    seen = []
    for batch in steps:
        seen.append(len(batch["labels"]))
        steps.told(0.0, None)
    assert seen == [1, 1, 16, 16]


def test_where_no_more_rows_fit_one_row_is_tried_three_times():
    steps = Steps(BATCH, CPU, 0, lambda: 0)
    seen = []
    for batch in steps:
        seen.append(len(batch["labels"]))
        steps.told(0.0, None)
    assert seen == [1, 1, 1]


def test_memory_that_runs_out_with_one_row_shows_that_nothing_fits():
    steps = Steps(BATCH, CPU, 10**15, lambda: 0)
    steps.told(0.0, None)
    next(steps)
    assert steps.ran_out()
    assert steps.peaks == {}


def test_memory_that_runs_out_with_more_rows_shows_that_these_need_more_than_there_is():
    steps = Steps(BATCH, CPU, 10**15, lambda: 0)
    for _ in range(2):
        next(steps)
        steps.told(0.0, None)
    next(steps)
    assert not steps.ran_out()
    assert steps.peaks[16] == 10**15
    assert steps.peaks[1] < 10**12


def test_rows_that_the_optimiser_hides_grow_from_nothing():
    assert line({1: 1700, 16: 1300 + 16 * 50}, 1300, 400) == (1300, 50)


def test_rows_that_nothing_hides_are_on_the_straight_line_of_two_sizes():
    fixed, per_row = line({1: 1000 + 200 + 50, 8: 1000 + 200 + 8 * 50}, 1000, 4)
    assert per_row == pytest.approx(50, abs=1)
    assert fixed + 8 * per_row == 1600


def test_of_one_row_alone_nothing_is_taken_for_less_than_it_may_need():
    assert line({1: 1700}, 1300, 400) == (1300, 400)
