"""Of a folder every file is of a split, or told to be passed over; what may be one or the other is an error."""

import json
import shutil

import datasets
import pandas
import pytest

from harness.spec.errors import DataError
from harness.spec.suite import TaskTable
from harness.tasks import data


def read(path):
    return data.read(TaskTable(name="dialogsum", data=str(path)))


def refusal(path):
    with pytest.raises(DataError) as caught:
        read(path)
    assert len(str(caught.value)) < 500
    return str(caught.value)


@pytest.fixture
def folder(tmp_path, rows, write):
    """``folder(names)``: a folder in which each of the files has two rows of its own; rows of the same name twice."""

    def make(*names):
        for number, name in enumerate(names):
            path = tmp_path / name
            write(path.with_suffix(path.suffix.lower()), rows[2 * number : 2 * number + 2]).rename(path)
        return tmp_path

    return make


def ids(path):
    return {split: [row.id for row in found] for split, found in read(path).splits.items()}


FIRST, SECOND, THIRD = ["row_0", "row_1"], ["row_2", "row_3"], ["row_4", "row_5"]


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "test.csv"),
        ("Train.CSV", "TEST.Jsonl"),
        ("training.jsonl", "testing.jsonl"),
        ("dialogsum.train.jsonl", "dialogsum.test.jsonl"),
        ("samsum-train.json", "samsum_test.json"),
        ("data/train.csv", "data/test.csv"),
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("data/train-00000-of-00001-b42a775f407cee45.parquet", "data/test-00000-of-00001-0f5b.parquet"),
        ("default/train/0000.parquet", "default/test/0000.parquet"),
        ("train/rows.csv", "test/rows.csv"),
        ("corpus/v1/train.csv", "corpus/v1/test.csv"),
    ],
)
def test_files_are_found_by_what_they_or_their_folders_are_called(names, folder):
    assert ids(folder(*names)) == {"train": FIRST, "test": SECOND}


@pytest.mark.parametrize("name", ["val", "valid", "dev", "validation", "development", "dialogsum.dev"])
def test_what_is_called_so_is_validation(name, folder):
    assert ids(folder("train.csv", "test.csv", f"{name}.csv")) == {"train": FIRST, "test": SECOND, "validation": THIRD}


@pytest.mark.parametrize("pattern", ["train-{:05}-of-00002.parquet", "data/train-{}-of-2.csv", "train/{:04}.jsonl"])
def test_parts_of_a_split_belong_together(pattern, folder):
    path = folder(pattern.format(0), pattern.format(1), "test.csv")
    assert ids(path) == {"train": [*FIRST, *SECOND], "test": THIRD}


def test_parts_may_be_counted_from_one(folder):
    assert ids(folder("train-1-of-2.csv", "train-2-of-2.csv", "test.csv"))["train"] == [*FIRST, *SECOND]


def test_rows_without_ids_are_numbered_through_the_parts(tmp_path, write):
    for number in range(2):
        write(
            tmp_path / f"train-{number}-of-2.jsonl", [{"dialogue": f"{number} {each}", "summary": "x"} for each in "ab"]
        )
    write(tmp_path / "test.jsonl", [{"dialogue": "c", "summary": "x"}])
    assert ids(tmp_path) == {"train": ["1", "2", "3", "4"], "test": ["1"]}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("train-00000-of-00003.csv", "train-00002-of-00003.csv", "test.csv"),
            ["train-00001-of-00003.csv: is missing"],
        ),
        (("data/train-00001-of-00002.csv", "test.csv"), ["data/train-00000-of-00002.csv: is missing"]),
        (
            ("train-00000-of-00001.csv", "train-00001-of-00001.csv", "train-00002-of-00001.csv", "test.csv"),
            ["train-00002-of-00001.csv: is not one of the 1 parts of train"],
        ),
        (("train/0000.csv", "train/0002.csv", "test.csv"), ["train/0001.csv: is missing"]),
        (
            ("train-0-of-2-aa.csv", "train-1-of-2-aa.csv", "train-1-of-2-bb.csv", "test.csv"),
            ["-1-of-2-aa", "-1-of-2-bb"],
        ),
        (("train-0-of-1.csv", "train-0-of-2.csv", "train-1-of-2.csv", "test.csv"), ["train-0-of-1", "train-1-of-2"]),
        (("train.csv", "train.old.csv", "test.csv"), ["train.csv and train.old.csv are both for train"]),
        (("train.csv", "test.csv", "test.sample.csv"), ["test.csv and test.sample.csv are both for test"]),
        (("train.csv", "train.jsonl", "test.csv"), ["train.csv and train.jsonl are both for train"]),
        (("train_1.csv", "train_2.csv", "test.csv"), ["train_1.csv and train_2.csv", "train-00000-of-00002.csv"]),
        (("train.csv", "data/train.csv", "test.csv"), ["data/train.csv and train.csv are both for train"]),
        (("train.csv", "train-00000-of-00001.csv", "test.csv"), ["train-00000-of-00001.csv and train.csv are both"]),
        (("train.csv", "test.csv", "val.csv", "dev.csv"), ["dev.csv and val.csv are both for validation"]),
        (("train.csv", "test.csv", "eval.csv"), ["'eval' may mean validation or test; rename it to one of them"]),
        (("train.csv", "test.dev.csv"), ["'test.dev' may mean test or validation; rename it to one of them"]),
        (("train.csv",), ["no rows for test; found train; add a file called test"]),
        (("test.csv",), ["no rows for train; found test; add a file called train"]),
        (
            ("a.csv", "b.csv"),
            ["contains neither train/validation/test files", "a.csv, which is then split by source"],
        ),
        ((), ["contains neither train/validation/test files"]),
    ],
)
def test_what_is_ambiguous_or_not_whole_names_the_files(names, said, folder):
    message = refusal(folder(*names))
    assert [part for part in said if part not in message] == []


def test_what_is_of_no_split_is_passed_over_and_told(folder):
    path = folder("train.csv", "test.csv", "notes.csv", "backup/train.csv", ".hidden/train.csv", "dataset_infos.json")
    assert ids(path) == {"train": FIRST, "test": SECOND}
    assert read(path).notices == (f"{path}: skipped (in no split): backup/train.csv, notes.csv",)


def test_the_only_file_of_a_folder_is_split_by_dialogue_like_one_that_is_named(tmp_path, rows, write):
    path = write(tmp_path / "data" / "dialogues.csv", rows)
    assert read(tmp_path).splits == read(path).splits


def test_parts_that_are_of_no_split_are_one_file_that_is_split_by_dialogue(tmp_path, rows, write):
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "parent" / "saved", num_shards=2)
    assert read(tmp_path / "parent").splits == read(write(tmp_path / "rows.jsonl", rows)).splits


def test_a_saved_dataset_dict_may_call_its_validation_dev(tmp_path, rows):
    parts = {"train": rows[:2], "dev": rows[2:4], "test": rows[4:6], "unsupervised": rows[6:]}
    saved = datasets.DatasetDict({name: datasets.Dataset.from_list(part) for name, part in parts.items()})
    saved.save_to_disk(tmp_path / "saved")
    assert ids(tmp_path / "saved") == {"train": FIRST, "validation": SECOND, "test": THIRD}
    assert read(tmp_path / "saved").notices == (f"{tmp_path}/saved: skipped (in no split): unsupervised",)


def test_a_saved_dataset_dict_with_two_validations_is_refused(tmp_path, rows):
    parts = {name: datasets.Dataset.from_list(rows) for name in ("train", "dev", "valid", "test")}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    assert "saved (dev) and 'valid' are both for validation" in refusal(tmp_path / "saved")


def card(path, *configs):
    """Give a folder the README of a data set on the hub."""
    (path / "README.md").write_text(f"---\nlicense: mit\nconfigs: {json.dumps(configs)}\n---\n# Rows\n")


def test_the_readme_says_which_files_are_which_split(folder):
    path = folder("a/one.csv", "a/two.csv", "b.csv", "train.csv")
    files = [{"split": "train", "path": "a/*.csv"}, {"split": "test", "path": ["b.csv"]}]
    card(path, {"config_name": "other", "data_files": "x.csv"}, {"config_name": "default", "data_files": files})
    assert ids(path) == {"train": [*FIRST, *SECOND], "test": THIRD}
    assert read(path).notices == (f"{path}: skipped (in no split): train.csv",)


def test_a_readme_that_leaves_the_config_open_or_names_no_file_is_refused(folder):
    path = folder("train.csv", "test.csv")
    card(path, {"config_name": "en", "data_files": "train.csv"}, {"config_name": "de", "data_files": "test.csv"})
    assert "README.md: has several configs and no default: en, de" in refusal(path)
    card(path, {"config_name": "en", "data_files": [{"split": "train", "path": "x/*.csv"}]})
    assert "README.md: no file for its data_files x/*.csv" in refusal(path)


def test_a_readme_whose_front_matter_is_no_yaml_is_refused(folder):
    path = folder("train.csv", "test.csv")
    (path / "README.md").write_text("---\nconfigs: [\n---\n# Rows\n")
    assert f"{path}/README.md: its front matter cannot be read: " in refusal(path)


def test_a_saved_dataset_whose_files_are_damaged_is_refused(tmp_path, rows):
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    for part in (tmp_path / "saved").glob("*.arrow"):
        part.write_bytes(b"no table")
    assert f"{tmp_path / 'saved'}: not a readable Dataset: " in refusal(tmp_path / "saved")


def test_a_readme_without_configs_changes_nothing(folder):
    path = folder("train.csv", "test.csv")
    (path / "README.md").write_text("# My dialogues\n")
    assert ids(path) == {"train": FIRST, "test": SECOND}


def test_a_long_path_leaves_room_for_the_message(tmp_path, folder):
    deep = tmp_path / "a" / ("b" * 200) / ("c" * 200)
    path = folder("one/train.csv", "one/test.csv")
    shutil.copytree(path / "one", deep)
    pandas.DataFrame([{"dialogue": "A", "summary": ""}]).to_csv(deep / "train.csv", index=False)
    assert "/train.csv (train): row 1: summary is empty" in refusal(deep)
