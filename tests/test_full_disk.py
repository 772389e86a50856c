"""On a full disk a session keeps what it has computed, says what to do, and shows the leaderboard all the same."""

import resource
import subprocess
from contextlib import contextmanager

import pytest

from harness.spec.errors import StoreError
from support.projects import NORMS, begin, finish, project
from support.records import finished, prediction, spec

FILLER = (
    NORMS
    + """
    def train(self, model, batches):
        super().train(model, batches)
        import os, pathlib
        with pathlib.Path(os.environ["TUNEOFF_TEST_DISK"], "fill").open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
"""
)
BREAKER = (
    NORMS
    + """
    def train(self, model, batches):
        super().train(model, batches)
        import os, subprocess
        subprocess.run(["mount", "-o", "remount,ro", os.environ["TUNEOFF_TEST_DISK"]], check=True)
"""
)


@pytest.fixture
def disk(tmp_path):
    """An empty file system of eight megabytes; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_room():
    """No file may grow, as on a full disk; not around a whole test, since pytest's own output may go to a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_run_that_cannot_be_written_is_told_and_there_until_the_session_ends(store):
    told = r"small: cannot be written to: .*; free some space, or choose another folder"
    with no_room(), pytest.raises(StoreError, match=told):
        store.write_run(finished(), [prediction(rouge1=0.25)])
    assert store.read_runs() == [finished()]
    assert store.read_predictions(spec()) == [prediction(rouge1=0.25)]
    assert [list(scores["rouge1"]) for scores in store.read_scores([spec()])] == [[0.25]]
    assert not list(store.folder.glob("*/.*.tmp"))


def test_it_takes_the_place_of_a_stored_one(store):
    store.write_run(finished(contended=True), [prediction(rouge1=0.75)])
    with no_room(), pytest.raises(StoreError):
        store.write_run(finished(), [prediction(rouge1=0.25)])
    assert store.read_runs() == [finished()]
    assert store.read_predictions(spec()) == [prediction(rouge1=0.25)]


def test_a_leaderboard_that_cannot_be_written_is_told_with_what_to_do(store):
    told = r"small: cannot be written to: File too large; free some space, or choose"
    with no_room(), pytest.raises(StoreError, match=told):
        store.write_text("leaderboard.md", "# small")


def test_a_session_whose_disk_fills_up_and_then_breaks_off_shows_all_that_it_knows(
    disk, rows, write, tiny_folder, tmp_path
):
    write(tmp_path / "data" / "train.jsonl", rows[:16])
    write(tmp_path / "data" / "test.jsonl", rows[16:20])
    methods = {"norms": NORMS, "filler": FILLER, "breaker": BREAKER}
    small = project(tmp_path / "project", data=tmp_path / "data", model=tiny_folder, **methods)
    code, output = finish(begin(small, f"--results={disk}", TUNEOFF_TEST_DISK=str(disk)))
    assert code == 1, output
    assert "INTERNALERROR" not in output
    told, _, board = output.partition("leaderboard: small")
    assert "failed: OSError: [Errno 28] No space left on device" in told
    assert "To do: free some space where the results are, or choose another folder with --results=DIR" in told
    assert "failed: OSError: the process could not write its result" in told
    assert f"its results could not be stored: {disk / 'small'}: cannot be written to" in told
    assert all(name in board for name in ("zero_shot", "norms", "filler", "breaker")), board
    assert f"{disk / 'small'}: cannot be written to: " in board
    assert "choose another folder with --results=DIR" in board
