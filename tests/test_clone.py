"""What README promises, done in a clone of the repository as its user does it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.spec import suite
from harness.spec.record import Status
from harness.store.results import Store
from support.hub import Hub
from support.repositories import commit, git

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
LAB = suite.load("lab")
OURS = ("HF_HUB_OFFLINE", "HF_HOME", "HF_ENDPOINT", "PYTHONPATH", "PYTEST_ADDOPTS", "CI")  # of this test session


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A repository with the files of this one as they are now, committed."""
    folder = tmp_path_factory.mktemp("clone") / "tuneoff"
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    commit(folder, "all")
    return folder


@pytest.fixture(scope="module")
def given(clone):
    """``given("-m", "pytest", …)``: what Python does in the clone, nothing of this session around it: code, output."""

    def command(*arguments, **variables):
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=clone,
            env={**kept, "OMP_WAIT_POLICY": "PASSIVE", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        return done.returncode, done.stdout + done.stderr

    return command


def changed(clone):
    """What git sees of what was done in the clone."""
    return git(clone, "status", "--porcelain", "--untracked-files=all").splitlines()


# The hub


@pytest.fixture(scope="module")
def hub(tiny_folder, rows, write, tmp_path_factory):
    """A hub with the lab suite's model, at the commit that the suite names, and with as many rows as it reads."""
    folder = tmp_path_factory.mktemp("dialogsum")
    many = [{**rows[number % 20], "id": f"train_{number}"} for number in range(7001)]
    asked = [{**rows[20 + number // 3 % 4], "id": f"test_{number}"} for number in range(201)]
    for split, part in {"train": many, "validation": rows[16:20], "test": asked}.items():
        write(folder / f"{split}.csv", part)
    repositories = {f"models/{LAB.model.name}": tiny_folder, f"datasets/{LAB.task.data}": folder}
    hub = Hub(repositories, {f"models/{LAB.model.name}": LAB.model.revision})
    yield hub
    hub.stop()


@pytest.fixture(scope="module")
def lab(clone, given, hub, tmp_path_factory):
    """The lab suite from the hub into an empty cache, and then from the cache with the hub gone: code and output."""
    home = tmp_path_factory.mktemp("home")
    command = ("-m", "pytest", "--benchmark", "--suite=lab", "-k", "full_finetune-seed0")
    online = given(*command, HF_HOME=str(home), HF_ENDPOINT=hub.url)
    trained = Store(clone / "results" / "local", "lab").read_runs()
    hub.stop()
    return online, trained, given(*command, HF_HOME=str(home), HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1")


def test_the_lab_suite_trains_in_a_clone_on_what_the_hub_has(lab, hub):
    (code, output), trained, _ = lab
    assert code == 0, output
    assert [(run.spec.method, run.status, run.cost.examples) for run in trained] == [
        ("full_finetune", Status.OK, LAB.budget.max_examples),
        ("zero_shot", Status.OK, 0),
    ]
    assert {run.provenance.model_revision for run in trained} == {LAB.model.revision}
    assert {run.provenance.data_revision for run in trained} == {hub.commit(f"datasets/{LAB.task.data}")}


def test_the_same_again_needs_no_hub(lab):
    _, _, (code, output) = lab
    assert code == 0, output


def test_a_session_leaves_nothing_that_git_sees(lab, clone):
    assert changed(clone) == []


# Commands in a row

ROW = (
    ("-m", "pytest", "--benchmark", "-k", "lead3-seed0"),
    ("-m", "pytest", "tests/test_readme.py"),
    ("-m", "harness", "render", "embedded"),
)


def test_after_each_of_the_commands_that_are_shown_git_status_is_clean(lab, clone, given):
    for command in ROW:
        code, output = given(*command)
        assert code == 0, output
        assert changed(clone) == [], command
    assert "lead3" in (clone / "results" / "local" / "embedded" / "leaderboard.md").read_text()


def test_accepting_changes_the_baseline_alone_and_the_gate_nothing(clone, given):
    command = ("-m", "pytest", "--benchmark", "--suite=smoke", "-k", "lead3")
    code, output = given(*command, "--update-baseline")
    assert code == 0, output
    assert {Path(line.split()[-1]).parent.as_posix() for line in changed(clone)} == {"results/smoke/baseline"}
    commit(clone, "accept")
    code, output = given(*command, "--gate")
    assert code == 0, output
    assert "1 compared: 1 passed" in output
    assert changed(clone) == []
