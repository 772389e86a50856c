"""A file is read as people have it: packed, in another encoding, with another separator, as an array, with an index."""

import bz2
import gzip
import json
import lzma

import datasets
import pandas
import pyarrow
import pytest

from harness.spec import suite
from harness.spec.errors import DataError
from harness.spec.suite import TaskTable
from harness.tasks import data
from harness.tasks.data import Example

ROW = {"dialogue": "Hello.", "summary": "A greeting."}
HUGE = "x" * 200_000  # more than a field of the csv module's may have


def read(path, **table):
    return data.read(TaskTable(name="dialogsum", data=str(path), **table))


def found(path, **table):
    """All rows of a file, in the order of their ids' numbers."""
    splits = read(path, **table).splits
    return sorted((row for part in splits.values() for row in part), key=lambda row: int(row.id.split("_")[-1]))


def refusal(path, **table):
    with pytest.raises(DataError) as caught:
        read(path, **table)
    message = str(caught.value)
    assert len(message) < 500
    return message


@pytest.fixture
def everything(rows):
    """The rows that every readable file below holds."""
    return [Example(row["id"], row["dialogue"], row["summary"]) for row in rows]


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def separated(rows, mark):
    return pandas.DataFrame(rows).to_csv(index=False, sep=mark)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("array.json", json.dumps),
        ("indented.json", lambda rows: json.dumps(rows, indent=2)),
        ("one_after_the_other.json", lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows)),
        ("array.jsonl", json.dumps),
        ("lines.json", as_lines),
        ("lines.ndjson", as_lines),
        ("WINDOWS.JSONL", lambda rows: as_lines(rows).replace("\n", "\r\n")),
        ("blank_lines.jsonl", lambda rows: "\n" + as_lines(rows).replace("\n", "\n\n")),
        ("tabs.tsv", lambda rows: separated(rows, "\t")),
        ("commas.tsv", lambda rows: separated(rows, ",")),
        ("semicolons.csv", lambda rows: separated(rows, ";")),
        ("tabs.CSV", lambda rows: separated(rows, "\t")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_whatever_form_and_with_a_byte_order_mark(name, written, encoding, tmp_path, rows, everything):
    (tmp_path / name).write_bytes(written(rows).encode(encoding))
    assert found(tmp_path / name) == everything


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".GZ", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda raw: pyarrow.compress(raw, codec="zstd", asbytes=True)),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_packed_file_is_unpacked(name, suffix, pack, tmp_path, rows, everything, write):
    packed = tmp_path / f"{name}{suffix}"
    packed.write_bytes(pack(write(tmp_path / name, rows).read_bytes()))
    assert found(packed) == everything


def test_a_parquet_file_keeps_its_rows_whatever_its_index(tmp_path, rows, everything):
    frame = pandas.DataFrame(rows)
    frame[frame.index % 3 > 0].to_parquet(tmp_path / "filtered.parquet")
    frame.set_index("id").to_parquet(tmp_path / "by_id.parquet")
    assert found(tmp_path / "filtered.parquet") == [row for number, row in enumerate(everything) if number % 3]
    assert found(tmp_path / "by_id.parquet") == everything


def test_a_saved_dataset_is_split_by_dialogue_as_a_single_file_is(tmp_path, rows, write):
    twice = [{**row, "id": f"{row['id']}_{copy}"} for copy in "ab" for row in rows]
    datasets.Dataset.from_list(twice).select(range(len(twice))).save_to_disk(tmp_path / "saved")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    assert read(tmp_path / "saved").splits == read(arrow).splits == read(write(tmp_path / "all.jsonl", twice)).splits


def test_a_separator_is_told_but_for_the_comma(tmp_path, rows):
    for name, mark in (("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")):
        (tmp_path / name).write_text(separated(rows, mark))
    notices = [read(tmp_path / name).notices for name in ("a.csv", "b.csv", "c.tsv")]
    assert notices == [
        (),
        (f"{tmp_path}/b.csv: columns are separated by a semicolon",),
        (f"{tmp_path}/c.tsv: columns are separated by a tab",),
    ]


def test_a_list_of_summaries_is_several_references_of_one_dialogue(tmp_path, rows, write):
    lists = [{**row, "summary": [row["summary"], f"{row['id']} talks."]} for row in rows]
    loaded = read(write(tmp_path / "lists.jsonl", lists))
    assert [row.target for row in loaded.splits["test"][:2]] == lists[0]["summary"]
    assert sum(map(len, loaded.splits.values())) == 2 * len(rows)
    assert "summary has lists" in loaded.notices[0]
    assert read(write(tmp_path / "lists.parquet", lists)).splits == loaded.splits


@pytest.mark.parametrize("kind", ["parquet", "saved"])
def test_the_names_of_numbered_labels_are_not_read_and_told(kind, tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["negative", "positive"])}
    )
    rows = {"text": [f"Text {n}" for n in range(20)], "label": [n // 2 % 2 for n in range(20)]}
    made, path = datasets.Dataset.from_dict(rows, features=features), tmp_path / f"rows.{kind}"
    if kind == "saved":
        made.save_to_disk(f"{path}")
    else:
        made.to_parquet(f"{path}")
    loaded = data.read(TaskTable(name="classify", data=f"{path}"))
    assert {row.target for row in loaded.splits["train"]} == {"0", "1"}
    assert "the numbers of label have names (0: negative, 1: positive), which are not read" in loaded.notices[0]
    assert [row.source for row in loaded.splits["test"]] == ["Text 0", "Text 10"]


@pytest.mark.parametrize("missing", [{}, {"id": None}, {"id": ""}, {"id": float("nan")}])
def test_a_row_without_an_id_is_called_by_its_number_in_the_file(missing, tmp_path, write):
    written = [{"dialogue": f"Hello {number}.", "summary": "A greeting.", **missing} for number in range(3)]
    for name in ("all.jsonl", "all.parquet"):
        assert [row.id for row in found(write(tmp_path / name, written))] == ["1", "2", "3"]


def test_ids_that_pandas_has_made_fractions_are_whole(tmp_path):
    numbers = [{**ROW, "dialogue": f"Hello {number}.", "id": number} for number in (13818513, None, 7)]
    pandas.DataFrame(numbers).to_parquet(tmp_path / "all.parquet")
    assert {row.id for row in found(tmp_path / "all.parquet")} == {"13818513", "2", "7"}


def test_a_cell_of_any_length_is_read(tmp_path, write):
    written = [{"id": number, "dialogue": f"{number} {HUGE}", "summary": "x"} for number in range(2)]
    assert [len(row.source) for row in found(write(tmp_path / "huge.csv", written))] == [len(HUGE) + 2] * 2


BAD = {  # a file with one bad row, its second, and what is said about that row
    "empty.csv": ("dialogue,summary\nA,a\nB,\nC,c\n", "row 2: summary is empty"),
    "ragged.csv": ("dialogue,summary\nA,a\nB, or not,b\nC,c\n", "row 2: has 3 fields for 2 columns; quote fields that"),
    "short.csv": ("dialogue,summary\nA,a\nB\nC,c\n", "row 2: has 1 field for 2 columns"),
    "null.json": (json.dumps([ROW, {**ROW, "summary": None}, {**ROW, "dialogue": "C"}]), "row 2: summary is null"),
    "nan.json": (
        json.dumps([ROW, {**ROW, "summary": float("nan")}, {**ROW, "dialogue": "C"}]),
        "row 2: summary is null",
    ),
    "no_list.json": (
        json.dumps([ROW, {**ROW, "summary": []}, {**ROW, "dialogue": "C"}]),
        "summary is not text but list",
    ),
    "in_list.json": (
        json.dumps([ROW, {**ROW, "summary": ["a", ""]}, {**ROW, "dialogue": "C"}]),
        "row 2: summary is empty",
    ),
    "missing.jsonl": (as_lines([ROW, {"dialogue": "B"}, {**ROW, "dialogue": "C"}]), "row 2: summary is missing"),
    "number.jsonl": (
        as_lines([ROW, {**ROW, "dialogue": 7}, {**ROW, "dialogue": "C"}]),
        "row 2: dialogue is not text but int",
    ),
    "half.jsonl": (as_lines([ROW, {**ROW, "summary": "\ud83d"}, {**ROW, "dialogue": "C"}]), "has half a character"),
    "word.jsonl": (as_lines([ROW, "B", {**ROW, "dialogue": "C"}]), "row 2: is not an object but str"),
    "cut.jsonl": (
        as_lines([ROW, ROW, {**ROW, "dialogue": "C"}]).replace('."}\n', ".\n", 2).replace(".\n", '."}\n', 1),
        "row 2: is not readable JSON",
    ),
    "twice.jsonl": (
        as_lines([ROW]) + '{"dialogue": "B", "summary": "b", "summary": "c"}\n' + as_lines([{**ROW, "dialogue": "C"}]),
        "row 2: has 'summary' several times",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_or_skipped_and_counted_where_the_suite_says_so(name, tmp_path):
    content, reason = BAD[name]
    (tmp_path / name).write_text(content)
    message = refusal(tmp_path / name)
    assert reason in message
    assert message.endswith("; fix it, or set task.skip_bad_rows = true")
    loaded = read(tmp_path / name, skip_bad_rows=True)
    assert (sum(map(len, loaded.splits.values())), loaded.skipped) == (2, 1)
    assert f"{tmp_path / name}: skipped 1 of 3 rows: row 2: " in loaded.notices[0]


def test_what_has_bad_rows_only_is_not_skipped_away(tmp_path):
    (tmp_path / "all.csv").write_text("dialogue,summary\nA,\nB,\n")
    assert "no rows for train" in refusal(tmp_path / "all.csv", skip_bad_rows=True)


@pytest.mark.parametrize(
    ("encoding", "text", "called"),
    [
        ("latin-1", "Zoë naïve café", "Latin-1 (cp1252)"),
        ("cp1252", "“Yes”, she said – it’s €5", "Latin-1 (cp1252)"),
        ("cp1251", "Привет, как дела? Хорошо, спасибо, увидимся завтра.", "cp1251"),
        ("shift_jis", "これは日本語の会話です。明日、駅で会いましょう。", "cp932"),
        ("gb18030", "你好，请问这个多少钱？三十块，先生。", "gb18030"),
    ],
)
@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_another_encoding_is_named_with_the_row(name, encoding, text, called, tmp_path):
    rows = [{**ROW, "dialogue": f"Hello {number}."} for number in range(5)]
    rows[3]["summary"] = text
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    content = pandas.DataFrame(rows).to_csv(index=False) if name == "all.csv" else "\n".join(lines)
    (tmp_path / name).write_bytes(content.encode(encoding))
    message = refusal(tmp_path / name)
    assert f"row 4: is not UTF-8; the file is probably {called}: convert it with iconv -f " in message
    assert read(tmp_path / name, skip_bad_rows=True).skipped == 1


def test_utf_16_without_a_mark_is_named(tmp_path):
    (tmp_path / "all.csv").write_bytes("dialogue,summary\nA,a\nB,b\n".encode("utf-16-le"))
    assert "convert it: iconv -f UTF-16LE -t UTF-8" in refusal(tmp_path / "all.csv")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"dialogue,summary\n", "no rows for train"),
        ("quotes.csv", b'dialogue,summary\nA,a\n"B" he said,b\n', "row 2: its quotes do not match"),
        ("open.csv", b'dialogue,summary\nA,a\n"B,b\nC,c\n', "row 2: its quotes do not match"),
        (
            "broken.json",
            b'[{"dialogue": "A", "summary": "a"},\n{"dialogue" "B"}]',
            "not readable JSON at line 2, column 13",
        ),
        ("first.csv", b'"dialogue,summary\nA,a\n', "its quotes do not match"),
        ("broken.parquet", b"PAR1 and nothing that follows", "not a readable parquet file"),
        ("broken.csv.gz", b"no gzip", "not a readable csv file"),
        ("cut.csv.gz", gzip.compress(b"dialogue,summary\nA,a\n" * 99, mtime=0)[:-9], "not a readable csv file"),
        ("cut.json.xz", lzma.compress(b"[]")[:-9], "not a readable json file"),
        ("deep.json", b"[" * 100_000, "not a readable json file"),
        (
            "wrapped.json",
            b'{"version": 1, "data": [{"dialogue": "A", "summary": "a"}]}',
            "is one object, not a list of rows",
        ),
        ("column.csv", b"dialogue,summary,t\xff\nA,a,b\n", "the name of a column is not UTF-8"),
        ("nothing.json", b"[]", "no column 'dialogue'; it has none"),
        ("twice.csv", b"dialogue,summary,summary\nA,a,b\n", "has several columns called 'summary'"),
        (
            "spaces.csv",
            b"dialogue, summary\nA,a\n",
            "no column 'summary'; it has dialogue, summary; did you mean ' summary'?",
        ),
        (
            "case.csv",
            b"Dialogue,summary\nA,a\n",
            "no column 'dialogue'; it has Dialogue, summary; did you mean 'Dialogue'?",
        ),
        ("typo.csv", b"dialog,summary\nA,a\n", "did you mean 'dialog'?"),
        ("rows.xlsx", b"PK", "cannot read .xlsx files; supported: .csv, .tsv, .jsonl, "),
    ],
)
def test_what_cannot_be_read_says_why(name, content, reason, tmp_path):
    (tmp_path / name).write_bytes(content)
    for skips in (False, True):
        message = refusal(tmp_path / name, skip_bad_rows=skips)
        assert f"{tmp_path / name}: " in message
        assert reason in message


def test_arrow_columns_of_one_name_are_refused(tmp_path):
    table = pyarrow.table([["A", "B"], ["a", "b"], ["c", "d"]], names=["dialogue", "summary", "summary"])
    pyarrow.parquet.write_table(table, tmp_path / "twice.parquet")
    assert "has several columns called 'summary'" in refusal(tmp_path / "twice.parquet")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("columns.csv", ",".join(f"column_{number}_{'y' * 90}" for number in range(5_000)) + "\n1,2\n"),
        ("keys.json", json.dumps([{f"key_{number}": HUGE[:20] for number in range(5_000)}])),
        ("rows.json", json.dumps({f"{number}": {"dialogue": "A"} for number in range(14_732)})),
        ("cells.csv", f"dialogue,summary\nA,a\n{HUGE},{HUGE},{HUGE}\n"),
        ("bad.jsonl", as_lines([ROW, *({"dialogue": HUGE} for _ in range(30))])),
        ("quotes.csv", f'dialogue,summary\n"{HUGE}" {HUGE},a\n'),
        (f"{'n' * 200}.csv", "dialogue,summary\nA,\n"),
    ],
)
def test_a_message_is_short_whatever_the_data_are(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    assert len(refusal(tmp_path / name)) < 500


def test_a_suite_file_may_begin_with_a_byte_order_mark(tmp_path):
    content = '[task]\nname = "dialogsum"\n[budget]\nmax_steps = 1\n[run]\nmethods = ["lora"]\n'
    (tmp_path / "mine.toml").write_bytes(content.encode("utf-8-sig"))
    assert suite.load(str(tmp_path / "mine.toml")).task.skip_bad_rows is False
