"""``pytest --benchmark --search``: trials on validation rows first, then runs with what they found."""

import json
import os
import re
import shutil
import signal
from xml.etree import ElementTree

import pytest

from harness.spec.record import Status
from harness.store.results import Store
from support.projects import BROKEN, NORMS, ROOT, SLEEPER, begin, finish, left_behind, project, until

pytest_plugins = ["pytester"]

STILL = """\
from harness.method import Method, Model

class Still(Method):
    trains = False

    def build(self, base: Model) -> Model:
        return base.requires_grad_(False)
"""


@pytest.fixture(scope="module")
def data(rows, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write(folder / "train.jsonl", rows[:16])
    write(folder / "validation.jsonl", rows[16:20])
    write(folder / "test.jsonl", rows[20:])
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_folder, data):
    """A project after a search of three trials and the runs: its folder, exit code and output."""
    folder = project(
        tmp_path_factory.mktemp("done") / "project",
        data=data,
        model=tiny_folder,
        norms=NORMS,
        still=STILL,
        broken=BROKEN,
    )
    return folder, *finish(begin(folder, "--search=3", "--jobs=2", "-ra", "--junitxml=junit.xml"))


def store(folder):
    return Store(folder / "results" / "local", "small")


def found(folder):
    (search,) = store(folder).read_searches("norms")
    return search


def again(folder, tmp_path, *arguments):
    """Another session on a copy of that project: the copy, the exit code and the output."""
    copy = tmp_path / "project"
    shutil.copytree(folder, copy)
    return copy, *finish(begin(copy, *arguments))


@pytest.fixture
def listed(done, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(done[0])

    def run(*arguments):
        result = pytester.runpytest_inprocess("--benchmark", "--suite", "small.toml", "--co", "-q", *arguments)
        return [line.removeprefix("harness/bench.py::") for line in result.outlines if "::" in line]

    return run


def test_searches_are_listed_before_the_runs_and_not_without_the_option(listed):
    searches = [f"test_search[{method}]" for method in ("norms", "still", "broken")]
    runs = [f"test_method[{method}-seed0]" for method in ("zero_shot", "norms", "still", "broken")]
    assert listed("--search=3") == [*searches, *runs]
    assert listed() == listed("--search=0") == runs


def test_k_selects_searches(listed):
    assert listed("--search=3", "-k", "test_search and norms") == ["test_search[norms]"]


def test_every_trial_is_kept_with_its_rate_score_status_and_time(done):
    trials = found(done[0]).trials
    assert [trial.learning_rate for trial in trials] == [0.5, 0.16, 1.6]
    assert {trial.status for trial in trials} <= {Status.OK, Status.NO_OP, Status.DIVERGED}
    assert all(trial.seconds > 0 for trial in trials)


def test_runs_use_what_the_search_found(done):
    record = next(record for record in store(done[0]).read_runs() if record.spec.method == "norms")
    chosen = found(done[0]).learning_rate
    assert chosen in (0.5, 0.16, 1.6)
    assert record.spec.overrides == {"learning_rate": chosen}
    assert record.provenance.hyperparameters["learning_rate"] == chosen


def test_a_method_that_learns_nothing_is_skipped_and_one_that_never_works_fails_but_runs_as_it_is(done):
    folder, code, output = done
    assert code == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"SKIPPED.*learns nothing, so there is no learning rate to search", output)
    assert "no trial succeeded, so the method's runs keep the learning rate that they had before the search" in output
    assert "no trial of a search succeeded, so the learning rate was left unchanged: broken" in output
    assert {record.spec.method: record.spec.overrides for record in store(folder).read_runs()}["broken"] == {}
    assert sorted(path.stem for path in (folder / "results/local/small/search").iterdir()) == ["broken", "norms"]


def test_trials_never_answer_test_rows_and_leave_no_run_behind(done):
    folder, _, _ = done
    assert len(store(folder).read_runs()) == 4
    assert found(folder).validation_hash not in (None, found(folder).data_hash)


def test_cost_and_sensitivity_are_on_the_leaderboard_and_in_junit(done):
    folder, _, output = done
    search = found(folder)
    table = json.loads((folder / "results/local/small/leaderboard.json").read_text())
    rows = {row["method"]: row for row in table["rows"]}
    assert rows["norms"]["search_seconds"] == search.seconds
    assert rows["norms"]["learning_rate_sensitivity"] == search.sensitivity
    assert rows["zero_shot"]["search_seconds"] is None
    assert "LR gap" in output
    assert "## Learning rates" in (folder / "results/local/small/leaderboard.md").read_text()
    cases = {case.get("name"): case for case in ElementTree.parse(folder / "junit.xml").iter("testcase")}
    properties = {each.get("name"): each.get("value") for each in cases["test_search[norms]"][0]}
    assert properties["learning_rate"] == str(search.learning_rate)
    assert properties["search_seconds"] == str(search.seconds)


def test_the_lines_for_the_suite_file_come_at_the_end(done):
    folder, _, output = done
    tail = output.partition("learning rates found")[2]
    assert f"[methods.norms]\nlearning_rate = {found(folder).learning_rate!r}\n" in tail


@pytest.mark.slow
def test_resume_reuses_the_search_and_its_runs(done, tmp_path):
    folder, _, output = again(done[0], tmp_path, "--search=3", "--resume", "-k", "norms")
    assert "2 reused" in output
    assert found(folder) == found(done[0])


@pytest.mark.slow
def test_a_search_can_be_all_that_is_done_and_another_one_takes_its_place(done, tmp_path):
    folder, code, output = again(done[0], tmp_path, "--search=1", "-k", "test_search and norms")
    assert code == pytest.ExitCode.OK
    assert "1 passed" in output
    assert "leaderboard" not in output
    assert "[methods.norms]\nlearning_rate = 0.5\n" in output
    assert len(found(folder).trials) == 1
    kept = [record.spec.hash for record in store(folder).read_runs()]
    assert kept == [record.spec.hash for record in store(done[0]).read_runs()]


@pytest.mark.slow
def test_pasted_into_the_suite_the_rate_makes_the_same_run_and_its_search_stays_on_the_leaderboard(done, tmp_path):
    suite = done[0] / "small.toml"
    before = suite.read_text()
    suite.write_text(f"{before}\n[methods.norms]\nlearning_rate = {found(done[0]).learning_rate!r}\n")
    folder, _, output = again(done[0], tmp_path, "--resume", "-k", "norms")
    suite.write_text(before)
    assert "1 reused" in output
    table = json.loads((folder / "results/local/small/leaderboard.json").read_text())
    rows = {row["method"]: row for row in table["rows"]}
    assert rows["norms"]["search_seconds"] == found(folder).seconds


@pytest.mark.slow
def test_an_interrupt_in_a_search_keeps_no_part_of_it_and_leaves_no_process(tmp_path, tiny_folder, data):
    folder = project(tmp_path / "project", data=data, model=tiny_folder, sleeper=SLEEPER)
    session = begin(folder, "--search=2")
    assert until((folder / "methods" / "sleeping").exists, session)
    os.killpg(session.pid, signal.SIGINT)
    code, output = finish(session)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "learning rates found" not in output
    assert store(folder).read_searches("sleeper") == []
    assert left_behind(folder) == []
