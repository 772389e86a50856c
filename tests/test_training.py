"""The one training loop learns, follows its schedule, leaves frozen weights alone and stops when it diverges."""

import pytest
import torch

from harness import training
from harness.budget import Batches
from harness.errors import Diverged
from harness.suite import Budget


def batches(task, **limits):
    return Batches(task.batches(8, seed=0), Budget(**limits), torch.device("cpu"))


def adamw(model, rate=3e-3):
    return torch.optim.AdamW(training.trainable(model), lr=rate, weight_decay=0.0)


@torch.no_grad()
def loss(model, task):
    model.eval()
    return model(**next(task.batches(16, seed=0))).loss.item()


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def test_the_loss_falls_on_a_toy_set(base, toy_task):
    torch.manual_seed(0)
    before = loss(base.model, toy_task)
    training.fit(base.model, batches(toy_task, max_steps=30), adamw(base.model))
    assert loss(base.model, toy_task) < 0.8 * before


def test_weights_that_are_not_in_the_optimizer_stay_bit_identical(base, toy_task):
    for name, parameter in base.model.named_parameters():
        parameter.requires_grad_("decoder" in name)
    before = weights(base.model)
    training.fit(base.model, batches(toy_task, max_steps=3), adamw(base.model))
    moved = {name for name, tensor in weights(base.model).items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all("decoder" in name for name in moved)


@pytest.mark.parametrize(
    ("progress", "factor"), [(0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (0.4, 0.75), (0.6, 0.5), (1.0, 0.0)]
)
def test_the_schedule_rises_over_the_warm_up_and_falls_to_zero(progress, factor):
    assert training.schedule(progress, warmup=0.2) == pytest.approx(factor)


def test_without_warm_up_the_schedule_only_falls():
    assert [training.schedule(progress, warmup=0.0) for progress in (0.0, 0.5, 1.0)] == [1.0, 0.5, 0.0]


def test_the_learning_rate_of_every_group_follows_the_schedule(base, toy_task):
    parameters = list(base.model.parameters())
    groups = [{"params": parameters[:2], "lr": 1e-3}, {"params": parameters[2:], "lr": 1e-4}]
    optimizer, rates = torch.optim.AdamW(groups), []

    def note(step, progress):
        rates.append([group["lr"] for group in optimizer.param_groups])

    training.fit(
        base.model,
        batches(toy_task, max_steps=20),
        optimizer,
        warmup=0.25,
        after_step=note,
    )
    first = [rate for rate, _ in rates]
    peak = first.index(max(first))
    assert 3 <= peak <= 5
    assert first[: peak + 1] == sorted(first[: peak + 1])
    assert first[peak:] == sorted(first[peak:], reverse=True)
    assert 9e-4 <= max(first) <= 1e-3
    assert min(first) <= 2e-4
    assert [second for _, second in rates] == pytest.approx([rate / 10 for rate in first])


def test_a_budget_of_a_single_step_still_moves_the_weights(base, toy_task):
    before = weights(base.model)
    training.fit(base.model, batches(toy_task, max_steps=1), adamw(base.model))
    assert any(not torch.equal(tensor, before[name]) for name, tensor in weights(base.model).items())


def test_gradients_are_clipped_to_their_norm(base, toy_task):
    before = weights(base.model)
    optimizer = torch.optim.SGD(training.trainable(base.model), lr=1.0)
    positions = []

    def after_first(step, progress):
        if step == 0:
            moved = [(tensor - before[name]).flatten() for name, tensor in weights(base.model).items()]
            positions.append(torch.cat(moved).norm().item())

    training.fit(
        base.model, batches(toy_task, max_steps=2), optimizer, warmup=0.0, max_grad_norm=1e-2, after_step=after_first
    )
    assert 0 < positions[0] <= 1.001e-2


def test_after_step_is_told_the_steps_from_zero_and_the_share_of_the_budget(base, toy_task):
    told = []
    training.fit(
        base.model, batches(toy_task, max_steps=4), adamw(base.model), after_step=lambda *args: told.append(args)
    )
    assert told == [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0)]


def test_after_step_sees_the_gradients(base, toy_task):
    norms = []

    def note(step, progress):
        norms.append(base.model.lm_head.weight.grad.norm().item())

    training.fit(base.model, batches(toy_task, max_steps=2), adamw(base.model), after_step=note)
    assert min(norms) > 0


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_step(base, toy_task):
    def poison(step, progress):
        if step == 1:
            base.model.lm_head.weight.data.fill_(torch.nan)

    given = batches(toy_task, max_steps=9)
    with pytest.raises(Diverged, match="loss is nan at step 3"):
        training.fit(base.model, given, adamw(base.model), after_step=poison)
    assert given.used.steps == 3


def test_micro_batches_have_the_gradient_of_the_whole_batch(base, toy_task):
    batch = next(toy_task.batches(8, seed=0))
    base.model.eval()  # without dropout, which would draw other numbers
    gradients = []
    for size in (None, 3):
        base.model.zero_grad()
        parts = list(training.micro_batches(batch, size))
        for part, share in parts:
            (base.model(**part).loss * share).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in base.model.parameters() if p.grad is not None]))
    assert [len(part["labels"]) for part, _ in parts] == [3, 3, 2]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_step_in_micro_batches_is_one_step(base, toy_task):
    given, steps = batches(toy_task, max_steps=2), []
    training.fit(
        base.model, given, adamw(base.model), micro_batch_size=3, after_step=lambda step, _: steps.append(step)
    )
    assert (steps, given.used.examples) == ([0, 1], 16)
