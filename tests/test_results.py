"""What is written is what is read, nothing is half written, and nothing unreadable passes in silence."""

import errno
import gc
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.spec import search
from harness.spec.errors import StoreError
from harness.spec.record import SCHEMA, Status
from harness.spec.suite import SearchTable
from harness.store.results import Store
from support.records import finished, prediction, spec, unfinished
from support.sessions import SESSION


def files(store):
    """The files of a store, but for its lock."""
    paths = (path.relative_to(store.folder) for path in store.folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path.name not in (".lock", ".holder"))


def test_a_new_store_holds_no_runs(store):
    assert store.read_runs() == []
    assert files(store) == []


def test_a_store_that_was_never_opened_holds_no_runs(tmp_path):
    assert Store(tmp_path, "small").read_runs() == []


def test_records_come_back_as_they_were_written(store):
    records = [finished("full_finetune"), finished("lora", 1), unfinished("zero_shot")]
    for record in records:
        store.write_run(record, [])
    assert store.read_runs() == records


def test_predictions_come_back_in_the_order_of_the_rows(store):
    rows = [prediction(2, "Two."), prediction(0, "Größe „zero“.\n", references=("a", "b")), prediction(1, "")]
    store.write_run(finished(), rows)
    assert store.read_predictions(spec()) == rows


def test_scores_come_back_for_the_rows_that_count(store):
    store.write_run(finished(), [prediction(0, rouge1=0.25), prediction(1, rouge1=0.75), prediction(200, scored=False)])
    (scores,) = store.read_scores([spec()])
    assert {name: values.tolist() for name, values in scores.items()} == {
        "rouge1": [0.25, 0.75],
        "rouge2": [0.125, 0.375],
        "rougeL": [0.15, 0.65],
        "rougeLsum": [0.15, 0.65],
    }


def test_a_run_without_predictions_has_no_scores(store):
    store.write_run(unfinished(), [])
    assert store.read_scores([spec()]) == [{}]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\0"], ids=ascii)
def test_a_prediction_with_an_odd_line_end_comes_back_whole(store, character):
    rows = [prediction(0, f"one{character}two")]
    store.write_run(finished(), rows)
    assert store.read_predictions(spec()) == rows


def test_a_run_without_predictions_has_none_to_read(store):
    store.write_run(unfinished(), [])
    assert store.read_predictions(spec()) == []


def test_the_files_of_a_run_are_named_after_method_seed_and_hash(store):
    path = store.write_run(finished(), [prediction()])
    name = f"lora-seed0-{spec().hash}"
    assert path == store.folder / "runs" / f"{name}.json"
    assert files(store) == [f"predictions/{name}.jsonl.gz", f"runs/{name}.json", f"scores/{name}.safetensors"]


def test_an_older_spec_of_the_same_method_and_seed_goes_away(store):
    older = spec(batch_size=8)
    store.write_run(finished(spec=older), [prediction()])
    store.write_run(finished(), [prediction()])
    assert [record.spec for record in store.read_runs()] == [spec()]
    assert store.read_predictions(older) == []


def test_a_new_run_leaves_other_seeds_and_methods_alone(store):
    others = [finished("lora", 10), finished("lora2", 1)]
    for record in others:
        store.write_run(record, [prediction()])
    store.write_run(finished("lora", 1), [])
    assert [record for record in store.read_runs() if record in others] == others
    assert all(store.read_predictions(record.spec) for record in others)


def test_running_the_same_spec_again_replaces_its_record(store):
    store.write_run(finished(contended=True), [])
    store.write_run(finished(contended=False), [])
    assert [record.cost.contended for record in store.read_runs()] == [False]


def test_a_run_that_fails_the_second_time_does_not_keep_the_predictions_of_the_first(store):
    store.write_run(finished(), [prediction()])
    store.write_run(unfinished(), [])
    assert store.read_predictions(spec()) == []


def test_predictions_written_at_another_time_are_byte_identical(tmp_path, monkeypatch):
    contents = []
    for moment in (1_000_000_000.0, 2_000_000_000.0):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        store = Store(tmp_path / str(moment), "small")
        store.open()
        store.write_run(finished(), [prediction()])
        store.close()
        contents.append(next(store.folder.glob("predictions/*")).read_bytes())
    assert contents[0] == contents[1]


def test_predictions_are_gzipped_json_lines(store):
    store.write_run(finished(), [prediction(0), prediction(1)])
    lines = gzip.decompress(next(store.folder.glob("predictions/*")).read_bytes()).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["test_0", "test_1"]


@pytest.mark.parametrize(
    "content", [b"{", b"", b"[]", b'"text"', b"{}", b"\xff", b'{"schema": 1}', b'{"schema": 1, "spec": {}}'], ids=repr
)
def test_a_file_that_is_no_record_is_named(store, content):
    path = store.write_run(finished(), [])
    path.write_bytes(content)
    with pytest.raises(StoreError) as error:
        store.read_runs()
    assert str(error.value).startswith(f"{path}: not a run record")


def test_all_files_that_cannot_be_read_are_named_at_once(store):
    paths = [store.write_run(finished(method), []) for method in ("dora", "lora", "norms")]
    paths[0].write_text("{")
    paths[2].write_text('{"schema": 99}')
    with pytest.raises(StoreError) as error:
        store.read_runs()
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [str(paths[0]), str(paths[2])]


@pytest.mark.parametrize(("schema", "age"), [(0, "an older"), (SCHEMA + 1, "a newer"), ("beta", "an older")])
def test_a_record_of_another_schema_is_named_with_its_age(store, schema, age):
    path = store.write_run(finished(), [])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": schema}))
    with pytest.raises(StoreError) as error:
        store.read_runs()
    assert f"{path}: written by {age} version of Tuneoff (schema {schema}, this one reads {SCHEMA})" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"not JSON", mtime=0),
        gzip.compress(b'{"id": "test_0"}\n', mtime=0),
        gzip.compress(b"\xff", mtime=0),
        gzip.compress(b"x" * 1000, mtime=0)[:-9],
        gzip.compress(b"", mtime=0)[:10] + b"\xff" * 20,
    ],
    ids=["not gzip", "not JSON", "not a prediction", "not UTF-8", "cut off", "broken inside"],
)
def test_predictions_that_cannot_be_read_are_named_with_what_to_do(store, content):
    store.write_run(finished(), [prediction()])
    path = next(store.folder.glob("predictions/*"))
    path.write_bytes(content)
    with pytest.raises(StoreError) as error:
        store.read_predictions(spec())
    assert str(error.value).startswith(f"{path}: cannot be read")
    assert str(error.value).endswith("delete it and run the method again")


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path):
    (tmp_path / "results").write_text("a file, where the folder should be")
    with pytest.raises(StoreError) as error:
        Store(tmp_path / "results", "small").open()
    assert str(error.value).startswith(f"{tmp_path / 'results' / 'small'}: cannot be written to: ")
    assert str(error.value).endswith("choose another folder with --results=DIR")


@pytest.mark.parametrize("name", ["runs", "predictions", "logs"])
def test_a_folder_within_that_cannot_be_used_is_found_when_the_store_is_opened(tmp_path, name):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / name).write_text("a file, where the folder should be")
    with pytest.raises(StoreError, match=r"small: cannot be written to: .*; choose another folder with --results=DIR"):
        Store(tmp_path, "small").open()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
@pytest.mark.parametrize("name", ["runs", "predictions", "logs"])
def test_a_read_only_folder_is_found_when_the_store_is_opened(store, tmp_path, name):
    store.close()
    (store.folder / name).chmod(0o500)
    with pytest.raises(StoreError, match=r"small: cannot be written to: Permission denied"):
        Store(tmp_path, "small").open()


def test_a_store_whose_holder_was_killed_opens(tmp_path):
    code = (
        "import os, pathlib, sys\nfrom harness.store.results import Store\n"
        "Store(pathlib.Path(sys.argv[1]), 'small').open()\nos.kill(os.getpid(), 9)"
    )
    here = Path(__file__).parent.parent
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=here, check=False, timeout=60)
    assert killed.returncode == -9
    assert (tmp_path / "small" / ".holder").exists()
    store = Store(tmp_path, "small")
    store.open()
    store.close()


def test_a_run_whose_name_begins_like_another_leaves_it_alone(store):
    other = finished("lora-seed0-x")
    store.write_run(other, [prediction()])
    store.write_run(finished("lora"), [])
    assert other in store.read_runs()
    assert store.read_predictions(other.spec) == [prediction()]


def test_a_store_that_is_in_use_says_by_whom(store, tmp_path):
    with pytest.raises(StoreError, match=rf"small: in use by process {os.getpid()} on .*--results=DIR"):
        Store(tmp_path, "small").open()


def test_a_store_in_use_can_be_read(store, tmp_path):
    store.write_run(finished(), [])
    assert Store(tmp_path, "small").read_runs() == [finished()]


def test_a_closed_store_opens_again_with_what_it_held(store, tmp_path):
    store.write_run(finished(), [prediction()])
    before = files(store)
    store.close()
    again = Store(tmp_path, "small")
    again.open()
    assert files(again) == before
    again.close()


def test_opening_a_store_removes_what_a_killed_session_left_half_written(store, tmp_path):
    store.write_run(finished(), [])
    before = files(store)
    store.close()
    (store.folder / "runs" / ".lora-seed0.json.1.tmp").write_text("{")
    store.scratch.mkdir()
    (store.scratch / "output.log").write_text("half")
    again = Store(tmp_path, "small")
    again.open()
    assert files(again) == before
    again.close()


def test_what_a_run_printed_is_kept_beside_its_record(store):
    store.write_run(unfinished(), [], "größer\nKilled\n")
    (path,) = store.folder.glob("logs/*")
    assert path.name == f"lora-seed0-{spec().hash}.log"
    assert path.read_text(encoding="utf-8") == "größer\nKilled\n"


@pytest.mark.parametrize("log", ["", "\n \n"], ids=ascii)
def test_a_run_that_printed_nothing_leaves_no_log_and_removes_that_of_its_earlier_self(store, log):
    store.write_run(unfinished(), [], "Killed")
    store.write_run(finished(), [], log)
    assert list(store.folder.glob("logs/*")) == []


def test_a_text_replaces_the_one_before(store):
    store.write_text("leaderboard.md", "a long first version")
    path = store.write_text("leaderboard.md", "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    assert files(store) == ["leaderboard.md"]


def test_json_is_written_readable_and_ends_its_last_line(store):
    path = store.write_json("leaderboard.json", {"suite": "größer", "rows": [1, None]})
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"suite": "größer", "rows": [1, None]}
    assert "größer" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_no_number_and_keeps_the_file_before(store, value):
    path = store.write_json("leaderboard.json", {"rouge1": 0.4})
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write_json("leaderboard.json", {"rouge1": value})
    assert json.loads(path.read_text()) == {"rouge1": 0.4}


def test_what_was_found_before_the_first_run_can_be_read_again(store):
    assert store.read_preflight() is None
    store.write_preflight(SESSION)
    assert store.read_preflight() == SESSION
    (store.folder / "preflight.json").write_text("{}")
    assert store.read_preflight() is None


def test_what_is_not_published_is_kept_out_of_git_and_its_baseline_lies_with_what_is(tmp_path):
    local = Store(tmp_path / "local", "small", tmp_path)
    local.open()
    local.close()
    assert (tmp_path / "local" / ".gitignore").read_text().splitlines()[-1] == "*"
    assert local.folder == tmp_path / "local" / "small"
    assert local.baselines == tmp_path / "small" / "baseline"


def test_a_folder_of_ones_own_choice_has_everything_in_one_place_and_is_git_s(store, tmp_path):
    assert store.baselines == store.folder / "baseline"
    assert not list(tmp_path.rglob(".gitignore"))


# A crash between any two writes


class Killed(BaseException):
    """The process ends here; nothing that catches exceptions sees it."""


def killed_at(number, monkeypatch):
    """The process is killed just before its ``number``-th file takes its place, or is deleted."""
    left = iter(range(number))

    def unless_killed(act):
        def acted(path, *others, **options):
            if next(left, None) is None:
                raise Killed
            return act(path, *others, **options)

        return acted

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, unless_killed(getattr(Path, name)))


def left_by_a_kill(tmp_path, monkeypatch, number, writes):
    """A fresh store after ``writes(store)`` was killed, and whether it was done before that."""
    store, done = Store(tmp_path, "small"), False
    with monkeypatch.context() as patches:
        killed_at(number, patches)
        try:
            writes(store)
            done = True
        except Killed:
            pass
    return Store(tmp_path, "small"), done


ANSWERS = [prediction(0, "One.", rouge1=0.25), prediction(1, "Two.", rouge1=0.75)]
OTHERS = [prediction(0, "Three.", rouge1=0.5), prediction(1, "Four.", rouge1=1.0)]


def whole(store, asked, predictions):
    """Whether a run's predictions and scores are these."""
    (scores,) = store.read_scores([asked])
    return store.read_predictions(asked) == predictions and scores.get("rouge1", []) == pytest.approx(
        [one.scores["rouge1"] for one in predictions]
    )


@pytest.mark.parametrize("number", range(6))
def test_a_record_is_there_only_with_all_that_belongs_to_it(store, tmp_path, monkeypatch, number):
    fresh, done = left_by_a_kill(
        tmp_path, monkeypatch, number, lambda store: store.write_run(finished(), ANSWERS, "Epoch 1")
    )
    assert done == (number > 3)  # log, predictions, scores and record, one after the other
    for record in fresh.read_runs():
        assert record == finished()
        assert whole(fresh, record.spec, ANSWERS)
        assert fresh.log(record.spec).read_text() == "Epoch 1"
    assert bool(fresh.read_runs()) == done


@pytest.mark.parametrize("number", range(9))
def test_another_spec_takes_the_place_of_the_old_one_only_when_it_is_whole(store, tmp_path, monkeypatch, number):
    older = finished(spec=spec(batch_size=8))
    store.write_run(older, ANSWERS)
    fresh, done = left_by_a_kill(tmp_path, monkeypatch, number, lambda store: store.write_run(finished(), OTHERS))
    found = fresh.read_runs()
    assert found
    assert all(record in (older, finished()) for record in found)
    if older in found:
        assert whole(fresh, older.spec, ANSWERS)
    if finished() in found:
        assert whole(fresh, finished().spec, OTHERS)
    if done:
        assert found == [finished()]
        assert (fresh.read_predictions(older.spec), fresh.read_scores([older.spec])) == ([], [{}])


@pytest.mark.parametrize("number", range(5))
def test_a_run_that_is_done_again_can_be_read_whenever_it_is_killed(store, tmp_path, monkeypatch, number):
    store.write_run(finished(contended=True), ANSWERS)
    fresh, done = left_by_a_kill(tmp_path, monkeypatch, number, lambda store: store.write_run(finished(), OTHERS))
    assert fresh.read_runs() == [finished(contended=not done)]
    assert fresh.read_predictions(spec()) in (ANSWERS, OTHERS)
    (scores,) = fresh.read_scores([spec()])
    assert scores["rouge1"].tolist() in ([0.25, 0.75], [0.5, 1.0])


@pytest.mark.parametrize("number", range(3))
def test_a_search_is_the_old_one_or_the_new_one_whenever_it_is_killed(store, tmp_path, monkeypatch, number):
    store.write_search(searched(0.1), "old")
    fresh, done = left_by_a_kill(tmp_path, monkeypatch, number, lambda store: store.write_search(searched(0.2), "new"))
    assert fresh.read_searches("lora") == [searched(0.2 if done else 0.1)]
    assert fresh.search_log("lora").read_text() == ("old" if number == 0 else "new")


def test_what_a_killed_session_left_half_way_is_gone_when_the_next_one_begins(store, tmp_path, monkeypatch):
    store.close()
    for number in (3, 2, 1, 0):  # each leaves the file of its own, which the one before had got into place
        left_by_a_kill(tmp_path, monkeypatch, number, lambda store: store.write_run(finished(), ANSWERS, "Epoch 1"))
    left_by_a_kill(tmp_path, monkeypatch, 0, lambda store: store.write_text("leaderboard.md", "half"))
    left_by_a_kill(tmp_path, monkeypatch, 1, lambda store: store.write_search(searched(0.1)))
    store.baselines.mkdir()
    (store.baselines / ".0123456789ab.json.9.tmp").write_text("{")
    assert len(list(store.folder.rglob(".*.tmp"))) == 7
    store.open()
    assert list(store.folder.rglob(".*.tmp")) == []


# Searches, and stores that take from others


def searched(rate, method="lora"):
    trial = search.Trial(multiplier=1.0, learning_rate=rate, status=Status.OK, score=0.3, seconds=2.0)
    return search.finished(spec(method), SearchTable(trials=1), [trial], SESSION)


def test_a_later_search_of_a_method_takes_the_place_of_an_earlier_one_of_the_same_alone(store):
    for found in (searched(0.1), searched(0.3, "dora"), searched(0.2)):
        store.write_search(found, f"tried {found.learning_rate}")
    assert store.read_searches("lora") == [searched(0.2)]
    assert store.read_searches("dora") == [searched(0.3, "dora")]
    assert store.search_log("lora").read_text() == "tried 0.2"
    assert store.search_log("dora").read_text() == "tried 0.3"


def test_a_search_that_cannot_be_written_comes_first_until_the_session_ends(store, tmp_path, monkeypatch):
    store.write_search(searched(0.1))

    def refuse(beside, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patches:
        patches.setattr(Path, "replace", refuse)
        with pytest.raises(StoreError, match="free some space"):
            store.write_search(searched(0.2))
    assert store.read_searches("lora") == [searched(0.2), searched(0.1)]
    assert Store(tmp_path, "small").read_searches("lora") == [searched(0.1)]
    store.write_search(searched(0.3))
    assert store.read_searches("lora") == [searched(0.3)]


def test_a_store_that_takes_runs_of_another_holds_them_with_their_searches_and_no_others(store, tmp_path):
    for method, seed in (("lora", 0), ("lora", 1), ("dora", 0)):
        store.write_run(finished(method, seed), ANSWERS)
    for method in ("lora", "dora"):
        store.write_search(searched(0.1, method))
    published = Store(tmp_path / "published", "small")
    published.open()
    published.write_run(finished("old"), OTHERS)
    published.write_run(finished("lora", 7), OTHERS)
    published.write_search(searched(0.9, "old"), "log")
    published.take(store, [finished("lora", 0), finished("lora", 1)])
    assert published.read_runs() == [finished("lora", 0), finished("lora", 1)]
    assert whole(published, spec("lora", 1), ANSWERS)
    assert published.read_searches("lora") == [searched(0.1)]
    assert published.read_searches("dora") == published.read_searches("old") == []
    names = [name.split("/")[1].split(".")[0] for name in files(published)]
    assert set(names) == {f"lora-seed0-{spec().hash}", f"lora-seed1-{spec(seed=1).hash}", "lora"}
    published.close()


def test_the_scores_of_several_runs_come_in_the_order_in_which_they_are_asked_for(store):
    store.write_run(finished("lora"), ANSWERS)
    store.write_run(finished("dora"), OTHERS)
    found = store.read_scores([spec("dora"), spec("none"), spec("lora")])
    assert [one["rouge1"].tolist() if one else None for one in found] == [[0.5, 1.0], None, [0.25, 0.75]]


def test_scores_that_are_cut_off_are_named_with_what_to_do(store):
    store.write_run(finished(), ANSWERS)
    path = next(store.folder.glob("scores/*"))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreError) as error:
        store.read_scores([spec()])
    assert str(error.value).startswith(f"{path}: cannot be read")
    assert str(error.value).endswith("delete it and run the method again")


def test_a_closed_store_says_of_nobody_that_he_holds_it(store):
    store.scratch.mkdir()
    store.close()
    assert not (store.folder / ".holder").exists()
    assert not store.scratch.exists()


def test_closing_a_store_that_another_one_holds_leaves_it_to_him(store, tmp_path):
    store.scratch.mkdir()
    Store(tmp_path, "small").close()
    assert store.scratch.exists()
    with pytest.raises(StoreError, match="in use by process"):
        Store(tmp_path, "small").open()


def test_reading_thousands_of_records_leaves_garbage_collection_as_it_was(store):
    for switch, enabled in ((gc.disable, False), (gc.enable, True)):
        switch()
        store.read_runs()
        assert gc.isenabled() == enabled


def test_a_gitignore_of_ones_own_is_left_alone(tmp_path):
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / ".gitignore").write_text("mine\n")
    local = Store(tmp_path / "local", "small", tmp_path)
    local.open()
    local.close()
    assert (tmp_path / "local" / ".gitignore").read_text() == "mine\n"
