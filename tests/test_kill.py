"""A session that is killed loses nothing that was finished: ``--resume`` goes on from there to the same leaderboard.

``TUNEOFF_KILLS=30 pytest tests/test_kill.py`` kills more often, ``TUNEOFF_KILLS_SEED`` at other moments.
"""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from random import Random

import pytest

from harness.store.results import Store
from support.projects import NORMS, SLEEPER, begin, finish, left_behind, project, until

KILLS = int(os.environ.get("TUNEOFF_KILLS", "3"))
SEED = int(os.environ.get("TUNEOFF_KILLS_SEED", "0"))
KILLS_A_ROUND = 3
RUNS = 6
PREPARING = 0.2  # the share of the kills before the first run begins
OPTIONS = ("-v", "--resume", "--seeds", "0,1,2")


@dataclass
class Round:
    """A suite that is resumed after each kill until it is done."""

    folder: object
    kept: list = field(default_factory=list)  # after each session: the stored files by name
    reported: list = field(default_factory=list)  # of each session: the runs that it said had passed
    lingering: list = field(default_factory=list)  # the processes that outlived a killed session
    code: int | None = None


@pytest.fixture(scope="module")
def ground(rows, write, tiny_folder, tmp_path_factory):
    """``ground(name, **methods)``: a new project with one method of its own, and others."""
    data = tmp_path_factory.mktemp("data")
    write(data / "train.jsonl", rows[:16])
    write(data / "test.jsonl", rows[16:20])

    def new(name, **methods):
        folder = tmp_path_factory.mktemp(name) / "project"
        return project(folder, data=data, model=tiny_folder, norms=NORMS, **methods)

    return new


@dataclass
class Undisturbed:
    """What a session does that nobody kills, and how long it takes to get ready and to do its runs."""

    scores: list
    preparing: float
    running: float


@pytest.fixture(scope="module")
def undisturbed(ground):
    folder = ground("undisturbed")
    began = time.monotonic()
    session = begin(folder, *OPTIONS)
    assert until(lambda: scratch(folder), session)
    ready = time.monotonic()
    code, output = finish(session)
    assert code == pytest.ExitCode.OK, output
    return Undisturbed(scores(folder), ready - began, time.monotonic() - ready)


@pytest.fixture(scope="module")
def rounds(ground, undisturbed):
    """``KILLS`` sessions that were killed, each round of them resumed to the end."""
    random, done = Random(SEED), []
    killed = 0
    while killed < KILLS:
        current = Round(ground("killed"))
        done.append(current)
        while current.code is None and killed < KILLS and len(current.kept) < KILLS_A_ROUND:
            killed += disturbed(current, undisturbed, random)
        if current.code is None:
            resumed(current, begin(current.folder, *OPTIONS))
    return done


def disturbed(current, undisturbed, random):
    """A session that is killed at a random moment; whether it was, and did not end before that."""
    stale = scratch(current.folder)
    session = begin(current.folder, *OPTIONS)
    left = 1 - len(kept(current.folder)) / (2 * RUNS)
    if random.random() < PREPARING:
        moment = random.uniform(0, undisturbed.preparing)
    else:
        moment = random.uniform(0, undisturbed.running * left)
        until(lambda: scratch(current.folder) - stale, session)
    try:
        session.wait(moment)
    except subprocess.TimeoutExpired:
        session.kill()  # it alone: what it started has to end by itself
        current.lingering += left_behind(current.folder)
        remember(current, session.communicate()[0])
        return True
    resumed(current, session)
    return False


def resumed(current, session):
    current.code, output = finish(session)
    remember(current, output)


def remember(current, output):
    current.kept.append(kept(current.folder))
    current.reported.append(re.findall(r"\[(\S+)\] (?:PASSED|REUSED)", output))


def scratch(folder):
    """The scratch folders of runs, but not of the check before the first one."""
    paths = (folder / "results" / "local" / "small" / ".scratch").glob("*")
    return {path.name for path in paths if not path.name.startswith("check")}


def kept(folder):
    """The stored records and predictions by file name."""
    results = folder / "results" / "local" / "small"
    paths = [*results.glob("runs/[!.]*"), *results.glob("predictions/[!.]*")]
    return {path.name: path.read_bytes() for path in paths}


def scores(folder):
    """The leaderboard without what a clock or the system measured, or what follows from that."""
    measured = {"train_seconds", "generate_seconds", "peak_rss_bytes", "peak_gpu_bytes", "contended", "pareto"}
    shown = json.loads((folder / "results" / "local" / "small" / "leaderboard.json").read_text())["rows"]
    return [{name: value for name, value in row.items() if name not in measured} for row in shown]


@pytest.mark.slow
def test_as_many_sessions_were_killed_as_asked(rounds):
    assert sum(len(each.kept) - 1 for each in rounds) == KILLS


@pytest.mark.slow
def test_nothing_that_was_finished_is_lost_or_changed(rounds):
    for each in rounds:
        for before, after in zip(each.kept, each.kept[1:], strict=False):
            records = {name: content for name, content in before.items() if name.endswith(".json")}
            assert records.items() <= after.items()


@pytest.mark.slow
def test_what_a_killed_session_had_reported_was_stored(rounds):
    for each in rounds:
        for names, files in zip(each.reported, each.kept, strict=True):
            stored = {name.rpartition("-")[0] for name in files if name.endswith(".json")}
            assert set(names) <= stored


@pytest.mark.slow
def test_no_process_outlives_a_killed_session(rounds):
    assert [process for each in rounds for process in each.lingering] == []


def test_a_run_that_would_never_end_does_not_outlive_a_killed_session(ground):
    folder = ground("sleeping", sleeper=SLEEPER)
    session = begin(folder, "-k", "sleeper")
    assert until((folder / "methods" / "sleeping").exists, session)
    session.kill()
    session.communicate()
    assert left_behind(folder) == []


@pytest.mark.slow
def test_what_killed_sessions_left_can_be_read(rounds):
    for each in rounds:
        store = Store(each.folder / "results" / "local", "small")
        records = store.read_runs()
        assert len(records) == RUNS
        assert all(store.read_predictions(record.spec) for record in records)


@pytest.mark.slow
def test_the_last_session_is_green_and_its_leaderboard_equals_an_undisturbed_one(rounds, undisturbed):
    for each in rounds:
        assert each.code == pytest.ExitCode.OK
        assert scores(each.folder) == undisturbed.scores


@pytest.mark.slow
def test_the_last_session_leaves_nothing_half_written(rounds):
    for each in rounds:
        assert list(each.folder.rglob("*.tmp")) == []
        assert not (each.folder / "results" / "local" / "small" / ".scratch").exists()
