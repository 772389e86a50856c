"""Which runs of one machine run at a time, on which GPUs, and which of them share a device."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from harness.execute import machine
from harness.execute.local import LocalExecutor
from harness.execute.slots import RunSlot, sharing, slots
from harness.session import bakeoff
from harness.spec import plan, registry, suite
from harness.spec.errors import SuiteError
from harness.spec.record import Status
from harness.store.results import Store
from support.projects import project
from support.sessions import HERE, SESSION

GPUS = SESSION.model_copy(update={"environment": HERE.model_copy(update={"device": "cuda"}), "gpus": ("0", "1")})
ON_CPU = SESSION.model_copy(update={"environment": HERE.model_copy(update={"threads": 2}), "run_bytes": 100})


@pytest.fixture
def host(monkeypatch):
    """``host(cores, memory)``: what this machine lets its processes use."""

    def has(cores, memory):
        monkeypatch.setattr(machine, "cores", lambda: cores)
        monkeypatch.setattr(machine, "memory", lambda: memory)

    return has


def test_each_gpu_has_one_run_which_shares_it_with_none():
    assert slots(GPUS, jobs=None) == [RunSlot(("0",)), RunSlot(("1",))]


def test_one_run_at_a_time_sees_one_gpu():
    assert slots(GPUS) == [RunSlot(("0",))]


def test_more_runs_than_gpus_share_those_that_have_two():
    assert slots(GPUS, jobs=3) == [RunSlot(("0",), shared=True), RunSlot(("1",)), RunSlot(("0",), shared=True)]


def test_a_run_may_have_several_gpus():
    assert slots(GPUS, jobs=None, gpus=2) == [RunSlot(("0", "1"))]


def test_gpus_that_are_left_over_stay_idle():
    three = GPUS.model_copy(update={"gpus": ("GPU-a", "GPU-b", "GPU-c")})
    assert slots(three, jobs=None, gpus=2) == [RunSlot(("GPU-a", "GPU-b"))]


def test_more_gpus_for_a_run_than_there_are_is_an_error_with_both_numbers():
    with pytest.raises(SuiteError, match=r"run.gpus = 3: runs can use 2 GPUs here"):
        slots(GPUS, gpus=3)


@pytest.mark.parametrize(("cores", "memory", "count"), [(8, 10_000, 4), (8, 250, 2), (8, 10, 1), (1, 10_000, 1)])
def test_on_the_cpu_there_are_as_many_runs_as_processors_and_memory_allow(host, cores, memory, count):
    host(cores, memory)
    assert slots(ON_CPU, jobs=None) == [RunSlot(shared=count > 1)] * count


def test_a_suite_without_gpus_hides_them_from_its_runs(host):
    host(2, 10_000)
    assert slots(ON_CPU, jobs=None, gpus=0) == [RunSlot(())]


def test_runs_on_a_gpu_that_the_user_named_share_it():
    named = GPUS.model_copy(update={"gpus": ()})
    assert slots(named, jobs=2) == [RunSlot(shared=True)] * 2
    assert slots(named, jobs=None) == [RunSlot()]


def test_the_device_that_most_runs_share_counts():
    assert sharing([RunSlot(("0",), shared=True), RunSlot(("1",)), RunSlot(("0",), shared=True)]) == 2
    assert sharing([]) == 1


# In real processes

WITNESS = """\
import os, time
from harness.method import Method

class Witness(Method):
    \"\"\"Its answers say which GPUs it saw, and when.\"\"\"
    trains = False

    def build(self, base):
        return base

    def generate(self, model, prompts):
        began = time.monotonic()
        time.sleep(0.3)
        return [f"{os.environ.get('CUDA_VISIBLE_DEVICES')} {began} {time.monotonic()}" for _ in prompts]
"""


@pytest.fixture(scope="module")
def order(tmp_path_factory, tiny_folder, rows, write):
    """What a session asks of a run of the method above; the task is not prepared yet."""
    folder = tmp_path_factory.mktemp("slots")
    write(folder / "data" / "train.jsonl", rows[:8])
    write(folder / "data" / "test.jsonl", rows[8:10])
    there = project(folder / "project", data=folder / "data", model=tiny_folder, witness=WITNESS)
    request = plan.request(
        suite.load(str(there / "small.toml")), registry.discover([there / "methods"]), folder / "out", device="cpu"
    )
    return bakeoff.order(request, Store(request.results, "small"), request.runs[-1], request.suite.model)


@pytest.fixture(scope="module")
def seen(order, tmp_path_factory):
    """Six runs on a machine that would have two GPUs, one of them with its name: what each saw, and the records."""
    executor = LocalExecutor(tmp_path_factory.mktemp("scratch"), jobs=None)
    try:
        found = executor.check(order).result()
        executor._open(slots(found.model_copy(update={"environment": GPUS.environment, "gpus": ("GPU-a", "3")}), None))
        done = [each.result() for each in [executor.submit(order) for _ in range(6)]]
    finally:
        executor.close()
    assert {each.record.status for each in done} == {Status.OK}, done[0].record.error
    return [each.predictions[0].text.split() for each in done], [each.record for each in done]


def test_each_run_sees_one_gpu_alone(seen):
    assert {gpu for gpu, *_ in seen[0]} == {"GPU-a", "3"}


def test_no_two_runs_are_on_one_gpu_at_a_time(seen):
    for name in ("GPU-a", "3"):
        spans = sorted((float(began), float(ended)) for gpu, began, ended in seen[0] if gpu == name)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))


def test_runs_with_a_device_of_their_own_are_not_contended(seen):
    assert {record.cost.contended for record in seen[1]} == {False}


def test_the_check_says_how_much_memory_a_run_needs(order, tmp_path):
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        found = executor.check(replace(order, task=Path(tmp_path / "task"))).result()
    finally:
        executor.close()
    assert 100e6 < found.run_bytes < 5e9
    assert found.room_bytes > 100e6
    assert found.gpus == ()


def test_trying_out_the_base_model_ends_in_time_and_never_ends_the_session(order, tmp_path):
    budget = order.spec.budget.model_copy(update={"hard_seconds": 0.001})
    hasty = replace(order, task=Path(tmp_path / "task"), spec=order.spec.model_copy(update={"budget": budget}))
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        found = executor.check(hasty).result()
    finally:
        executor.close()
    assert 100e6 < found.run_bytes < 5e9


def test_a_base_model_that_cannot_be_trained_in_what_there_is_is_not_tried_out(order, tmp_path):
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        found = executor.check(replace(order, task=Path(tmp_path / "task"), room=10_000)).result()
    finally:
        executor.close()
    assert found.run_bytes > found.room_bytes == 10_000
