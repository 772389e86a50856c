"""Training in bfloat16 lowers products of matrices and nothing else, and ends with the training.

torch can do that on any CPU; where there are instructions for it, it is fast as well.
"""

import copy

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.pytorch_utils import Conv1D

from harness.catalogue.architectures import tiny
from harness.models import cpu_kernels
from harness.spec.suite import Budget
from harness.training import autocast, loop
from harness.training.budget import Batches
from support import contracts, toy
from support.toy import CPU
from support.zoo import CLASSES, TRAINED

ARCHITECTURES = ["t5", "bart", "gpt2", "llama"]
COARSE = 0.03  # of a gradient's length: bfloat16 has eight bits, and errors of many products cancel out


def batch(model):
    """Three rows of several lengths for an encoder-decoder or a decoder-only model."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 60, (3, 12), generator=draw)
    mask = (torch.arange(12) < torch.tensor([12, 7, 3])[:, None]).long()
    targets = torch.randint(3, 60, (3, 12), generator=draw) if model.config.is_encoder_decoder else ids
    labels = targets.where(mask.bool(), -100)
    if not model.config.is_encoder_decoder:
        labels[:, 0] = -100  # which nothing predicts
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def gradient(model, precision):
    """All gradients of one batch in one vector, and what the model returned."""
    model.zero_grad()
    with autocast.applied(model, precision):
        output = model(**batch(model))
        output.loss.backward()
    return torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None]), output


def apart(one, other):
    """How far two vectors are apart, relative to the length of the second."""
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_products_are_bfloat16_and_the_loss_the_gradients_and_the_weights_float32(name):
    model, products = tiny(name), set()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | Conv1D):
            module.register_forward_hook(lambda _module, _inputs, output: products.add(output.dtype))
    found, output = gradient(model, "bf16")
    assert products == {torch.bfloat16}
    assert output.loss.dtype == found.dtype == torch.float32
    assert {each.dtype for each in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_gradient_is_that_of_float32_but_for_rounding(name):
    model = tiny(name)
    (exact, _), (lowered, _) = (gradient(model, precision) for precision in ("float32", "bf16"))
    assert 0 < apart(lowered, exact) < COARSE


class Normalised(TorchDispatchMode):
    """The dtypes in which softmax was computed."""

    def __init__(self):
        super().__init__()
        self.dtypes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten._softmax.default, torch.ops.aten._log_softmax.default):
            self.dtypes.append(args[0].dtype)
        return func(*args, **(kwargs or {}))


def test_softmax_in_attention_and_loss_is_computed_in_float32():
    model = tiny("t5").train()
    cpu_kernels.install(model)  # written out, because of dropout
    with autocast.applied(model, "bf16"), Normalised() as found:
        model(**batch(model))
    assert len(found.dtypes) > 2, "attention must be seen, not only the loss"
    assert {*found.dtypes} == {torch.float32}


def trained(base, precision, **options):
    """The weights after two steps, as one vector."""
    model = copy.deepcopy(base)
    given = Batches(iter([batch(model)] * 2), Budget(max_steps=2), CPU, lambda rows: rows["attention_mask"].sum(1))
    with autocast.applied(model, precision):
        loop.fit(model, given, torch.optim.SGD(model.parameters(), lr=0.01), max_grad_norm=1e9, **options)
    return torch.cat([each.detach().flatten() for each in model.parameters()])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_micro_batches_leave_the_weights_of_whole_ones_but_for_rounding(name):
    base = tiny(name)
    for module in base.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    start = torch.cat([each.detach().flatten() for each in base.parameters()])
    whole, parts = (trained(base, "bf16", micro_batch_size=size) - start for size in (None, 1))
    assert apart(parts, whole) < COARSE


def test_training_in_float32_is_what_it_is_without():
    base = toy.copy_of_base()
    exact, model = gradient(base, "float32")[0], copy.deepcopy(base)
    model.zero_grad()
    model(**batch(model)).loss.backward()
    assert torch.equal(torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None]), exact)


def test_activations_that_are_computed_twice_are_bfloat16_both_times():
    model = tiny("llama").train()
    expected, _ = gradient(model, "bf16")
    model.activation_checkpointing_enable({"use_reentrant": False})
    assert torch.equal(gradient(model, "bf16")[0], expected)


def test_a_model_answers_in_float32_after_training_and_after_training_that_failed():
    model = tiny("t5")
    with torch.no_grad():
        before = model(**batch(model)).logits
    gradient(model, "bf16")
    with pytest.raises(RuntimeError, match="broken"), autocast.applied(model, "bf16"):
        raise RuntimeError("broken")
    with torch.no_grad():
        assert torch.equal(model(**batch(model)).logits, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_every_method_trains_in_bfloat16_and_keeps_float32(name):
    trial = contracts.trained(CLASSES[name], precision="bf16")
    moved = {each for each, tensor in trial.weights.items() if not torch.equal(tensor, trial.started[each])}
    assert moved
    assert moved <= trial.trainable
    assert {trial.weights[each].dtype for each in trial.trainable} == {torch.float32}
    assert all(torch.isfinite(trial.weights[each]).all() for each in trial.trainable)
    assert contracts.logits(trial.model).dtype == torch.float32


# Where it is possible


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_cpu_with_instructions_for_it_trains_in_bfloat16(instructions, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, instructions: True})
    assert autocast.refusal("bf16", CPU) is None


def test_any_other_cpu_is_refused_and_trains_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    assert autocast.refusal("bf16", CPU) == (
        'run.precision = "bf16": this device does not compute in bfloat16, which takes a CPU with AVX512-BF16 or AMX; '
        "leave out this key, or choose another device with --device"
    )
    assert autocast.refusal("float32", CPU) is None


@pytest.mark.parametrize(("newer", "told"), [(True, None), (False, "which takes macOS 14;")])
def test_a_mac_needs_a_system_that_autocasts(newer, told, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: newer)
    reason = autocast.refusal("bf16", torch.device("mps"))
    assert reason is None if told is None else told in reason
