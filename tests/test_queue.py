"""Runs under way are collected when they have ended, whatever became of the others."""

from concurrent.futures import Future

import pytest

from harness.session.queue import Queue
from harness.spec.record import Record, RunOutcome
from support.records import spec


@pytest.fixture
def begun():
    """A queue with three runs under way, and the futures of their outcomes by name."""
    futures = {}

    def submit(run):
        return futures.setdefault(run.name, Future())

    queue = Queue(submit, "zero_shot-seed0")
    for seed in range(3):
        queue.add(spec("lora", seed))
    return queue, futures


def outcome(seed):
    return RunOutcome(record=Record(spec=spec("lora", seed), status="ok"))


def test_an_exception_is_raised_once_and_the_other_runs_are_collected(begun):
    queue, futures = begun
    futures["lora-seed0"].set_exception(RuntimeError("lost"))
    for seed in (1, 2):
        futures[f"lora-seed{seed}"].set_result(outcome(seed))
    with pytest.raises(RuntimeError, match="lost"):
        list(queue.ended())
    assert [run.name for run, _ in queue.ended()] == ["lora-seed1", "lora-seed2"]
    assert "lora-seed0" not in queue


def test_a_run_that_could_not_be_stored_is_collected_again(begun):
    queue, futures = begun
    futures["lora-seed1"].set_result(outcome(1))
    for _ in range(2):
        run, _ = next(queue.ended())
        assert run.name == "lora-seed1"
    assert [run.name for run, _ in queue.ended()] == ["lora-seed1"]
    assert "lora-seed1" not in queue
