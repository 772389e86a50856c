"""Limits that keep the first rows of sorted data are told, and those of shuffled data are not."""

from random import Random

import pytest

from harness.spec.suite import TaskTable
from harness.tasks import data, first_rows
from harness.tasks.data import Example


def targets(labels, count):
    """The targets of ``count`` rows that are sorted by their labels."""
    return [f"label {number * labels // count}" for number in range(count)]


@pytest.mark.parametrize(
    ("labels", "count", "kept"), [(2, 1000, 20), (2, 25_000, 500), (77, 10_003, 500), (3, 300, 20)]
)
def test_the_first_of_sorted_rows_are_told_and_random_ones_are_not(labels, count, kept):
    every, rng = targets(labels, count), Random(0)
    assert first_rows.flaw("test", every[:kept], every)
    drawn = [rng.sample(every, kept) for _ in range(50)]
    assert [first_rows.flaw("test", each, every) for each in drawn] == [None] * 50


def test_labels_in_other_shares_are_told_too():
    kept = ["good"] * 90 + ["bad"] * 10
    reason = first_rows.flaw("test", kept, [*kept, *["bad"] * 80])
    assert reason == (
        "the 100 of 180 test rows that are used have 2 of 2 different targets ('good': 90%, in all rows 50%)"
    )


@pytest.mark.parametrize(
    ("kept", "every"),
    [
        ([], ["A"]),
        (["A", "A"], ["A", "A"]),
        ([f"A summary {n}" for n in range(50)], [f"A summary {n}" for n in range(1000)]),
    ],
)
def test_targets_that_differ_anyway_are_no_flaw(kept, every):
    assert first_rows.flaw("test", kept, every) is None


def test_each_limit_of_a_suite_is_named_with_the_data(tmp_path, write):
    labels = ["bad", "good"]
    for split, count in (("train", 200), ("test", 100), ("validation", 100)):
        rows = [{"text": f"{split} {n}", "label": labels[n * 2 // count]} for n in range(count)]
        write(tmp_path / f"{split}.jsonl", rows)
    table = TaskTable(name="classify", data=f"{tmp_path}", train_rows=50, test_rows=40)
    splits = data.load(table)
    assert first_rows.notices(table, splits, 30) == [
        f"{tmp_path}: the {kept} of {count} {kind} rows that are used have 1 of 2 different targets ('bad': 100%, in "
        f"all rows 50%); their order is not random: shuffle the rows, or change {key}"
        for key, kind, kept, count in (
            ("task.train_rows", "train", 50, 200),
            ("task.test_rows", "test", 40, 100),
            ("search.rows", "validation", 30, 100),
        )
    ]
    assert first_rows.notices(table.model_copy(update={"train_rows": None, "test_rows": None}), splits) == []


def test_a_limit_that_parts_a_test_item_from_its_references_is_told_with_one_that_does_not():
    rows = [Example(f"{n}", f"Source {n // 3}", f"Target {n}") for n in range(9)]
    assert [*first_rows.parted(rows, 4)] == [
        "references of 1 of 2 test items are in rows that task.test_rows leaves out; with task.test_rows = 6, every "
        "item has all of its references"
    ]
    assert [[*first_rows.parted(rows, limit)] for limit in (6, 9, None)] == [[], [], []]


def test_a_row_that_is_left_out_and_says_the_same_is_no_other_reference():
    rows = [Example("1", "Source", "Target"), Example("2", "Source", "Target")]
    assert [*first_rows.parted(rows, 1)] == []


def test_a_limit_that_parts_no_item_is_found_beyond_rows_of_others():
    rows = [Example(f"{n}", source, f"Target {n}") for n, source in enumerate("abcadcbe")]
    (notice,) = first_rows.parted(rows, 2)
    assert "references of 2 of 2 test items" in notice
    assert "with task.test_rows = 7," in notice


def test_every_third_of_rows_in_threes_is_told_as_what_it_is(tmp_path, write):
    kinds = ["yes", "maybe", "no"]
    write(tmp_path / "train.jsonl", [{"text": f"A {n}", "label": kinds[n % 3]} for n in range(300)])
    write(tmp_path / "test.jsonl", [{"text": f"B {n}", "label": kinds[n % 3]} for n in range(9)])
    table = TaskTable(name="classify", data=f"{tmp_path}", train_every=3)
    (notice,) = first_rows.notices(table, data.load(table))
    assert "the 100 of 300 train rows that are used have 1 of 3 different targets ('yes': 100%" in notice
    assert notice.endswith("or change task.train_every")
