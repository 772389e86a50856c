"""How long a run waited for a processor that something else had, as the kernel counts it."""

import os
import subprocess
import sys
from time import process_time

import pytest
from records import finished

from harness import executor, processor, registry
from harness.meters import Meters
from harness.pytest_runs import _decided
from harness.record import Cost, Phase
from harness.session import Bakeoff
from harness.suite import load

LONG = 10.0  # seconds of processor time in which a neighbour on the same core must have been seen

pytestmark = pytest.mark.skipif(not processor.waits(), reason="the system does not tell")


@pytest.fixture
def neighbour():
    """A program that keeps a core busy, and this thread has no other one."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield busy
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, cores)


def test_a_phase_knows_how_long_it_waited_for_a_processor(neighbour):
    meters, until = Meters(), process_time() + LONG
    with meters.phase("train"):
        before = processor.waits()
        while process_time() < until and processor.waited(before) < 0.1:
            pass
    assert 0.1 <= meters.phases["train"].waited_seconds <= meters.phases["train"].seconds


def test_a_system_that_does_not_tell_is_not_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "TASKS", tmp_path)
    assert processor.waits() == {}
    assert processor.waited({}) is None


def test_a_kernel_that_counts_nothing_does_not_tell(monkeypatch, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "schedstat").write_text("0 0 0\n")
    monkeypatch.setattr(processor, "TASKS", tmp_path)
    assert processor.waited(processor.waits()) is None


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        (1, ["contended: other programs kept 1 of 2 runs waiting for up to 40% of their time; see the brackets"]),
        (2, []),
    ],
)
def test_a_session_says_what_disturbed_it_but_not_of_runs_beside_each_other(jobs, told, tmp_path):
    session = Bakeoff(load("smoke"), registry.discover(), tmp_path, jobs=jobs)
    session.expect(["lora-seed0", "full_finetune-seed0"])
    for method, waited in (("lora", 4.0), ("full_finetune", 0.5)):
        cost = Cost(phases={"train": Phase(seconds=10.0, waited_seconds=waited)})
        session._done[f"{method}-seed0"] = finished(method, cost=cost)
    assert list(_decided(session)) == told


def test_runs_wait_without_spinning_unless_the_user_wants_it(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with executor._variables(executor.VARIABLES):
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with executor._variables(executor.VARIABLES):
        assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
