"""Rows come from files in the usual formats; what is broken is named by file, row and column."""

import datasets
import pytest

from harness.spec.errors import DataError
from harness.spec.suite import TaskTable
from harness.tasks import data
from harness.tasks.data import Example

FORMATS = pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])


def example(row):
    return Example(row["id"], row["dialogue"], row["summary"])


def load(path, **limits):
    return data.load(TaskTable(name="dialogsum", data=str(path), **limits))


@pytest.fixture
def split_folder(tmp_path, rows, write):
    """A folder with a training file of twenty rows and a test file of four."""
    write(tmp_path / "train.csv", rows[:20])
    write(tmp_path / "test.csv", rows[20:])
    return tmp_path


@FORMATS
def test_every_format_gives_the_same_rows(suffix, tmp_path, rows, write):
    for split in ("train", "test"):
        write(tmp_path / f"{split}{suffix}", rows)
    expected = [example(row) for row in rows]
    assert load(tmp_path) == {"train": expected, "test": expected}


def test_a_folder_may_hold_the_three_splits_in_different_formats(tmp_path, rows, write):
    write(tmp_path / "train.csv", rows[:10])
    write(tmp_path / "validation.jsonl", rows[10:15])
    write(tmp_path / "test.parquet", rows[15:])
    ids = {split: [row.id for row in found] for split, found in load(tmp_path).items()}
    everything = [row["id"] for row in rows]
    assert ids == {"train": everything[:10], "validation": everything[10:15], "test": everything[15:]}


def test_a_saved_dataset_dict_keeps_its_splits(tmp_path, rows):
    splits = {"train": rows[:20], "test": rows[20:]}
    datasets.DatasetDict({name: datasets.Dataset.from_list(part) for name, part in splits.items()}).save_to_disk(
        tmp_path / "saved"
    )
    assert load(tmp_path / "saved") == {name: [example(row) for row in part] for name, part in splits.items()}


@FORMATS
def test_a_single_file_is_split_nine_to_one_without_a_dialogue_on_both_sides(suffix, tmp_path, rows, write):
    twice = [{**row, "id": f"{row['id']}_{copy}"} for copy in "ab" for row in rows]
    splits = load(write(tmp_path / f"all{suffix}", twice))
    dialogues = {split: {row.source for row in found} for split, found in splits.items()}
    assert (len(dialogues["train"]), len(dialogues["test"])) == (21, 3)
    assert not dialogues["train"] & dialogues["test"]
    assert sorted(row.id for found in splits.values() for row in found) == sorted(row["id"] for row in twice)


def test_rows_are_cut_to_the_numbers_of_the_suite(split_folder, rows):
    table = TaskTable(name="dialogsum", data=str(split_folder), train_every=2, train_rows=3, test_rows=2)
    splits = data.cut(table, data.load(table))
    assert [row.id for row in splits["train"]] == ["row_0", "row_2", "row_4"]
    assert [row.id for row in splits["test"]] == ["row_20", "row_21"]


def validation(rows, count=None, validation=(), **limits):
    """The ids of what a search trains on and asks, of twenty training rows and four test rows."""
    table = TaskTable(name="dialogsum", **limits)
    splits = {"train": [example(row) for row in rows[:20]], "test": [example(row) for row in rows[20:]]}
    splits |= {"validation": [example(row) for row in validation]} if validation else {}
    return {split: [row.id for row in found] for split, found in data.validation(table, splits, count).items()}


def test_a_search_asks_the_first_rows_of_the_validation_split_and_trains_on_what_the_suite_trains_on(rows):
    own = [{**row, "id": f"own_{number}", "dialogue": f"Hello {number}."} for number, row in enumerate(rows[:5])]
    found = validation(rows, 2, own, train_every=5, train_rows=3)
    assert found == {"train": ["row_0", "row_5", "row_10"], "test": ["own_0", "own_1"]}


def test_a_search_asks_no_dialogue_that_is_in_train_or_in_test(rows):
    assert validation(rows, None, [rows[3], rows[22], {**rows[0], "id": "own", "dialogue": "Hello."}])["test"] == [
        "own"
    ]


def test_without_a_validation_split_one_training_dialogue_in_ten_is_kept_back(rows):
    found = validation(rows)
    assert found["test"] == ["row_0", "row_10"]
    assert sorted(found["train"] + found["test"]) == sorted(row["id"] for row in rows[:20])


@pytest.mark.parametrize(("split", "limits"), [("own", {}), ("kept back", {"train_rows": 1})])
def test_a_search_without_a_row_to_ask_is_refused_and_told_what_to_add(split, limits, rows):
    own = rows[:3] if split == "own" else ()
    with pytest.raises(DataError, match="add a validation split or more training rows, or do without"):
        validation(rows, None, own, **limits)


def test_a_row_without_an_id_is_called_by_fname_or_else_by_its_number(tmp_path, write):
    row = {"dialogue": "Hello.", "summary": "A greeting."}
    write(tmp_path / "train.jsonl", [row, row])
    write(tmp_path / "test.jsonl", [{"fname": "test_7", **row}])
    splits = load(tmp_path)
    assert [row.id for row in splits["train"] + splits["test"]] == ["1", "2", "test_7"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_text_that_looks_like_another_type_stays_text(suffix, tmp_path, write):
    texts = {"id": "007", "dialogue": "NA", "summary": "1.50"}
    for split in ("train", "test"):
        write(tmp_path / f"{split}{suffix}", [texts])
    assert load(tmp_path)["test"] == [example(texts)]


@pytest.mark.parametrize("column", ["dialogue", "summary"])
def test_a_missing_column_is_named_with_the_file_and_the_columns_there_are(column, tmp_path, rows, write):
    path = write(tmp_path / "all.csv", [{key: row[key] for key in row if key != column} for row in rows])
    with pytest.raises(DataError) as caught:
        load(path)
    there = ", ".join(key for key in rows[0] if key != column)
    assert str(path) in str(caught.value)
    assert f"no column '{column}'; it has {there}" in str(caught.value)


@pytest.mark.parametrize("column", ["dialogue", "summary"])
@pytest.mark.parametrize("nothing", ["", " \n"])
def test_an_empty_text_is_named_by_split_row_and_column(column, nothing, split_folder, rows, write):
    write(split_folder / "test.csv", [*rows[:2], {**rows[2], column: nothing}, rows[3]])
    with pytest.raises(DataError, match=rf"\(test\): row 3: {column} is empty"):
        load(split_folder)


def test_an_empty_text_in_a_file_without_splits_is_named_by_its_row_in_the_file(tmp_path, rows, write):
    path = write(tmp_path / "all.csv", [*rows[:7], {**rows[7], "summary": ""}, *rows[8:]])
    with pytest.raises(DataError, match="row 8: summary is empty"):
        load(path)


def test_a_dialogue_that_is_a_list_of_turns_is_refused_by_row(tmp_path, rows, write):
    path = write(tmp_path / "all.jsonl", [{**row, "dialogue": row["dialogue"].splitlines()} for row in rows])
    with pytest.raises(DataError, match="row 1: dialogue"):
        load(path)


def test_a_folder_without_data_says_what_it_should_hold(tmp_path):
    with pytest.raises(DataError, match="contains neither train/validation/test files"):
        load(tmp_path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_needed_split_that_is_missing_is_named(split, split_folder):
    (split_folder / f"{split}.csv").unlink()
    with pytest.raises(DataError, match=f"no rows for {split}; found "):
        load(split_folder)


def test_an_id_that_cannot_be_fetched_says_what_works_without_a_network():
    with pytest.raises(DataError) as caught:
        load("no-such-owner/no-such-data")
    assert str(caught.value) == (
        "data 'no-such-owner/no-such-data': neither a local path nor available from the hub: HF_HUB_OFFLINE=1 is set "
        "and the cache has no complete copy of it. Unset HF_HUB_OFFLINE; without the hub: --suite=embedded, or "
        "--data=DIR, or HF_HUB_OFFLINE=1 with a cache filled by "
        "`hf download no-such-owner/no-such-data --repo-type dataset`."
    )


@pytest.mark.parametrize("path", ["./nothing", "/no/such", "~/nothing", "data/of/mine", "rows.jsonl"])
def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(path):
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value) == f"data '{path}': no such file or folder"


@pytest.mark.parametrize("name", ["embedded", "."])
def test_data_that_is_not_from_the_hub_has_no_commit(name):
    assert data.revision(TaskTable(name="dialogsum", data=name)) is None
