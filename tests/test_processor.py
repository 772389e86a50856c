"""How long a run waited for a processor that something else had, as the kernel counts it."""

import os
import subprocess
import sys
from time import process_time

import pytest

from harness.cli.runs import _decided
from harness.execute import forkserver
from harness.run import processor
from harness.run.meters import Meters
from harness.spec import registry
from harness.spec.record import Cost, Phase
from harness.spec.suite import load
from support.records import finished
from support.sessions import SESSION, session

LONG = 10.0  # seconds of processor time in which a neighbour on the same core must have been seen

counted = pytest.mark.skipif(not processor.waits(), reason="the system does not tell")


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


@pytest.fixture
def threads(tmp_path, monkeypatch):
    """``threads(one=(running, waiting), …)``: what the kernel counts from now on, in nanoseconds."""
    monkeypatch.setattr(processor, "TASKS", tmp_path)

    def count(**times):
        for name, (running, waiting) in times.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "schedstat").write_text(f"{running} {waiting} 9\n")

    return count


def test_each_thread_has_its_own_waiting(threads):
    threads(one=(5, 300), two=(7, 40))
    assert processor.waits() == {"one": 300, "two": 40}


def test_of_several_threads_the_one_that_waited_longest_since_then_counts(threads):
    threads(one=(1, 9_000_000_000), two=(1, 0), three=(1, 100_000_000))
    before = processor.waits()
    threads(one=(2, 9_100_000_000), two=(2, 250_000_000), three=(2, 300_000_000))
    assert processor.waited(before) == 0.25


def test_a_thread_that_began_since_then_waited_from_its_beginning_on(threads):
    threads(one=(1, 1_000_000_000))
    before = processor.waits()
    threads(two=(1, 500_000_000))
    assert processor.waited(before) == 0.5


@pytest.mark.parametrize("idle", ["one", "two"])
def test_a_thread_that_never_ran_does_not_hide_those_that_did(idle, threads):
    threads(**({"one": (3, 20), "two": (3, 20)} | {idle: (0, 0)}))
    assert processor.waits() == {"one": 20, "two": 20} | {idle: 0}


def test_a_thread_that_has_just_ended_is_passed_over_and_those_after_it_are_not(threads, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    unreadable, empty, last = (path.name for path in tmp_path.iterdir())  # in the order of the system
    (tmp_path / unreadable / "schedstat").mkdir()
    (tmp_path / empty / "schedstat").touch()
    threads(**{last: (1, 10)})
    assert processor.waits() == {last: 10}


@counted
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
        (
            1,
            [
                "contended: other programs kept 1 of 2 runs waiting for up to 40% of their time; "
                "the affected times are shown in brackets"
            ],
        ),
        (2, []),
    ],
)
def test_a_session_says_what_disturbed_it_but_not_of_runs_beside_each_other(jobs, told, tmp_path):
    runs = [
        finished(method, cost=Cost(phases={"train": Phase(seconds=10.0, waited_seconds=waited)}))
        for method, waited in (("lora", 4.0), ("full_finetune", 0.5))
    ]
    found = session(load("smoke"), registry.discover(), tmp_path, SESSION, *runs, jobs=jobs)
    assert list(_decided(found, [])) == told


def test_runs_wait_without_spinning_unless_the_user_wants_it(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with forkserver._variables(forkserver.VARIABLES):
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with forkserver._variables(forkserver.VARIABLES):
        assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
