"""What a GPU alone can show; everything else about runs is shown on the CPU.

pytest tests/test_gpu.py
"""

import warnings
from itertools import repeat

import pytest
import torch

from harness.execute.local import LocalExecutor
from harness.models import base_model
from harness.models.family import Encoded
from harness.run import runner
from harness.spec import registry
from harness.spec.plan import Order
from harness.spec.record import Status
from harness.spec.suite import Budget, Evaluation, ModelTable
from harness.tasks import prepared
from harness.training import autocast, choosing, likelihood, loop
from harness.training.budget import Batches
from support import toy
from support.records import spec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU"),
]
GPU = torch.device("cuda", 0)
METHODS = ["full_finetune", "lora", "prefix_tuning", "prompt_tuning", "ia3"]
PRECISIONS = ["float32", "bf16"]
STEPS = 4


@pytest.fixture
def order(tiny_folder, toy_task, tmp_path, monkeypatch):
    """``order(method, **changes)``: the order for a short run on the GPU."""
    monkeypatch.chdir(tmp_path)
    prepared.save(toy_task, tmp_path / "task")

    def ordered(method, device="cuda", gpus=None, **changes):
        asked = {"budget": Budget(max_steps=STEPS), "evaluation": Evaluation(max_new_tokens=8), "batch_size": 8}
        return Order(
            spec=spec(method, **(asked | changes)),
            plugin=registry.discover()[method],
            model=ModelTable(name=str(tiny_folder)),
            task=tmp_path / "task",
            device=device,
            threads=1,
            gpus=gpus,
        )

    return ordered


@pytest.fixture
def run(order, tmp_path):
    """``run(method, **changes)``: the record of a short run on the GPU, in this process."""
    return lambda method, **changes: runner.execute(order(method, **changes), tmp_path / method).record


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_the_saved_model_answers_alike(method, precision, run):
    record = run(method, precision=precision)
    assert record.status == Status.OK, record.error
    assert (record.environment.device, record.cost.trainable_dtype) == ("cuda", "float32")
    assert record.checks.reload_equal
    assert record.cost.peak_gpu_bytes > 0


@pytest.mark.parametrize("changes", [{"micro_batch_size": 3}, {"gradient_checkpointing": True}], ids=str)
def test_a_method_trains_with_less_memory(changes, run):
    record = run("full_finetune", precision="bf16", **changes)
    assert record.status == Status.OK, record.error


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one GPU")
def test_the_second_gpu_is_used_if_the_user_names_it(run):
    before = torch.cuda.max_memory_allocated(0)
    record = run("full_finetune", device="cuda:1", precision="bf16")
    assert record.status == Status.OK, record.error
    assert torch.cuda.max_memory_allocated(0) == before


def test_a_process_that_the_server_forks_can_use_the_gpu(order, tmp_path):
    executor = LocalExecutor(tmp_path / "scratch")
    try:
        record = executor.submit(order("lora", gpus=("0",))).result().record
    finally:
        executor.close()
    assert record.status == Status.OK, record.error
    assert record.environment.device == "cuda"


def test_a_gpu_that_computes_in_bfloat16_is_not_refused():
    major, _ = torch.cuda.get_device_capability(GPU)
    assert (autocast.refusal("bf16", GPU) is None) == (major >= 8)


def test_more_memory_than_a_gpu_has_is_out_of_memory(run, monkeypatch):
    monkeypatch.setattr(loop, "fit", lambda *_, **__: torch.empty(2**48, device=GPU))
    assert run("full_finetune").status == Status.OUT_OF_MEMORY


@pytest.mark.parametrize("micro_batch_size", [None, 3])
def test_the_loop_waits_for_the_gpu_once_in_a_step(base, toy_task, micro_batch_size):
    """For the loss; with micro batches, once more, for how many labels each has."""
    model = base.model.to(GPU)
    given = Batches(toy_task.batches(8, 0), Budget(max_steps=STEPS), GPU, base.family.row_tokens)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            loop.fit(model, given, optimizer, micro_batch_size=micro_batch_size)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [each for each in found if "synchroniz" in str(each.message)]
    assert len(waits) <= STEPS * (1 if micro_batch_size is None else 2)


def test_batches_that_are_copied_while_the_gpu_computes_arrive_whole(base):
    batch = base.family.batch([Encoded(torch.arange(1, 200), torch.arange(1, 50))] * 64)
    given = Batches(repeat(batch), Budget(max_steps=50), GPU, base.family.row_tokens)
    busy = torch.randn(4096, 4096, device=GPU)
    for found in given:
        busy = busy @ busy / 64
        assert all(torch.equal(found[name].cpu(), batch[name]) for name in batch)


def test_likelihoods_and_choices_are_those_of_the_cpu(tiny_folder):
    prompts, labels = toy.prompts()[:4], ["yes", "no", "perhaps so"]
    found = []
    for device in (torch.device("cpu"), GPU):
        base = base_model.load(ModelTable(name=str(tiny_folder)), device)
        nats = [each.nats for each in likelihood.likelihoods(base.model, base.family, prompts, ["yes"] * 4)]
        found.append((nats, choosing.choose(base.model, base.family, prompts, labels)))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-3)
    assert found[1][1] == found[0][1]
