"""The one training loop does what the same training in plain torch does, in one piece or in micro batches."""

from itertools import islice
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ByT5Tokenizer

from harness.method import Method, Setting
from harness.models.family import Encoded
from harness.models.seq2seq import Seq2SeqFamily, collate
from harness.spec.errors import Diverged
from harness.spec.suite import Budget
from harness.training import loop
from harness.training.budget import Batches

ROWS = 8  # of a batch
FAMILY = Seq2SeqFamily(ByT5Tokenizer())


def batches(task, **limits):
    return within(task.batches(ROWS, seed=0), **limits)


def within(source, **limits):
    return Batches(source, Budget(**limits), torch.device("cpu"), FAMILY.row_tokens)


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def fresh(base, start):
    """The model with these weights, torch's seed as at the start, so that dropout draws the same."""
    base.model.load_state_dict(start, strict=False)
    base.model.zero_grad()
    torch.manual_seed(0)
    return base.model


def sgd(model, rate=0.3):
    """Two groups with rates of their own; unlike AdamW's, its steps grow with the gradient."""
    parameters = list(model.parameters())
    return torch.optim.SGD([{"params": parameters[:3], "lr": rate}, {"params": parameters[3:], "lr": rate / 15}])


def adamw(model, weight_decay=0.0, lr=1e-3):
    return torch.optim.AdamW(loop.trainable(model), lr=lr, weight_decay=weight_decay)


def by_hand(model, task, optimizer, *, steps=4, warmup=0.05, max_grad_norm=1.0):
    """The training in plain torch: each step has the rate of its middle, rising to the warm-up's end, then falling."""
    model.train()
    peaks = [group["lr"] for group in optimizer.param_groups]
    for step, batch in enumerate(islice(task.batches(ROWS, seed=0), steps)):
        middle = (step + 0.5) / steps
        factor = middle / warmup if middle < warmup else (1 - middle) / (1 - warmup)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        optimizer.zero_grad()
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
        optimizer.step()
    return weights(model)


def same(some, others):
    return all(torch.allclose(some[name], others[name], rtol=1e-4, atol=1e-6) for name in some)


# Against plain torch


@pytest.mark.parametrize(
    "options",
    [{}, {"warmup": 0.6}, {"warmup": 0.0, "max_grad_norm": 1e9}, {"warmup": 0.6, "max_grad_norm": 0.05}],
    ids=str,
)
def test_training_is_that_of_plain_torch(options, base, toy_task):
    start = weights(base.model)
    expected = by_hand(base.model, toy_task, sgd(fresh(base, start)), **options)
    model = fresh(base, start)
    loop.fit(model, batches(toy_task, max_steps=4), sgd(model), **options)
    assert same(weights(model), expected)
    assert not same(expected, start)


HYPER_PARAMETERS = {"learning_rate": 0.004, "weight_decay": 40.0, "warmup": 0.9, "max_grad_norm": 1e-9}


class Whole(Method):
    """Trains every weight, and keeps what ``after_step`` was told."""

    def build(self, base):
        return base

    def after_step(self, model, step, progress):
        self.told = [*getattr(self, "told", ()), (model, step, progress)]


def whole(base, toy_task, micro_batch_size=None, **values):
    cls = type("Changed", (Whole,), values)
    return cls(Setting(base.family, toy_task.prompt, 8, 1, seed=0, micro_batch_size=micro_batch_size))


@pytest.mark.parametrize("name", HYPER_PARAMETERS)
def test_each_hyper_parameter_of_a_method_does_what_it_does_in_plain_torch(name, base, toy_task):
    found, expected, start = [], [], weights(base.model)
    for values in ({}, {name: HYPER_PARAMETERS[name]}):
        all_of_them = {"learning_rate": 1e-3, "weight_decay": 0.0, "warmup": 0.05, "max_grad_norm": 1.0, **values}
        rate, decay = all_of_them.pop("learning_rate"), all_of_them.pop("weight_decay")
        model = fresh(base, start)
        expected.append(by_hand(model, toy_task, adamw(model, decay, rate), **all_of_them))
        model = fresh(base, start)
        whole(base, toy_task, **values).train(model, batches(toy_task, max_steps=4))
        found.append(weights(model))
    assert [same(*pair) for pair in zip(found, expected, strict=True)] == [True, True]
    assert not same(*expected), "the hyper-parameter must change something"


def test_a_methods_after_step_is_told_its_model_the_step_and_the_progress(base, toy_task):
    method = whole(base, toy_task)
    method.train(base.model, batches(toy_task, max_steps=2))
    assert method.told == [(base.model, 0, 0.5), (base.model, 1, 1.0)]


def test_a_method_optimises_what_may_be_trained_and_nothing_else(base, toy_task):
    for name, parameter in base.model.named_parameters():
        parameter.requires_grad_("layer_norm" in name)
    before = weights(base.model)
    whole(base, toy_task).train(base.model, batches(toy_task, max_steps=2))
    moved = {name for name, tensor in weights(base.model).items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if "layer_norm" in name}


# Micro batches


def seen(model):
    """A list to which every forward pass adds the number of its rows."""
    rows = []
    model.get_encoder().register_forward_hook(lambda _module, _inputs, output: rows.append(len(output[0])))
    return rows


def test_the_model_sees_a_methods_batches_in_parts_of_the_suites_size(base, toy_task):
    rows, given = seen(base.model), batches(toy_task, max_examples=20)
    method = whole(base, toy_task, micro_batch_size=3)
    method.train(base.model, given)
    assert rows == [3, 3, 2, 3, 3, 2, 3, 1]
    assert (len(method.told), given.used.steps, given.used.examples) == (3, 3, 20)


@pytest.mark.parametrize("size", [None, 8, 9])
def test_a_batch_that_is_no_larger_than_the_micro_batches_is_seen_whole(size, base, toy_task):
    rows = seen(base.model)
    loop.fit(base.model, batches(toy_task, max_steps=2), sgd(base.model), micro_batch_size=size)
    assert rows == [8, 8]


def test_training_in_micro_batches_leaves_the_weights_of_training_in_whole_ones(base, toy_task):
    """Without dropout, which would draw other numbers; the parts have 3, 3 and 2 rows with different label counts."""
    for module in base.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0  # of attention
    start, found = weights(base.model), []
    for size in (None, 3):
        model = fresh(base, start)
        given, optimizer = batches(toy_task, max_steps=2), sgd(model, rate=0.003)
        loop.fit(model, given, optimizer, micro_batch_size=size, max_grad_norm=1e9, warmup=0.0)
        found.append(weights(model))
    assert same(*found)


def test_a_part_of_a_batch_weighs_as_much_as_it_has_labels():
    source = torch.tensor([5])
    batch = collate([Encoded(source, torch.ones(length)) for length in (1, 5, 2, 4, 8)], pad=0)
    parts = [([len(row[row != -100]) for row in part["labels"]], share) for part, share in loop.micro_batches(batch, 2)]
    assert parts == [([1, 5], pytest.approx(6 / 20)), ([2, 4], pytest.approx(6 / 20)), ([8], pytest.approx(8 / 20))]


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12), size=st.integers(1, 13))
def test_the_parts_of_a_batch_are_its_rows_in_order_and_their_shares_are_all_of_its_labels(lengths, size):
    rows = [Encoded(torch.tensor([n, n]), torch.full((length,), n)) for n, length in enumerate(lengths, 1)]
    batch = collate(rows, pad=0)
    parts, shares = zip(*loop.micro_batches(batch, size), strict=True)
    assert max(len(part["labels"]) for part in parts) <= size
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)
    for name, tensor in batch.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), tensor)


# The schedule


@pytest.mark.parametrize(
    ("progress", "factor"), [(0.0, 0.0), (0.05, 0.25), (0.2, 1.0), (0.4, 0.75), (0.6, 0.5), (1.0, 0.0)]
)
def test_the_schedule_rises_over_the_warm_up_and_falls_to_zero(progress, factor):
    assert loop.schedule(progress, warmup=0.2) == pytest.approx(factor)


@pytest.mark.parametrize(("warmup", "factors"), [(0.0, [1.0, 0.5, 0.0]), (1.0, [0.0, 0.5, 1.0])])
def test_a_warm_up_may_be_nothing_or_all_of_the_training(warmup, factors):
    assert [loop.schedule(progress, warmup) for progress in (0.0, 0.5, 1.0)] == factors


def test_a_step_has_the_rate_of_its_middle_in_the_budget_that_it_takes():
    """Batches of 2, 2 and 1 examples out of 5: the steps' middles lie at 0.2, 0.6 and 0.9 of the budget."""
    rates = []
    slope = Slope()
    optimizer = torch.optim.SGD(slope.parameters(), lr=1.0)
    given = within(iter([of(1, 1)] * 3), max_examples=5)
    loop.fit(slope, given, optimizer, warmup=0.4, after_step=lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    assert rates == pytest.approx([0.2 / 0.4, 0.4 / 0.6, 0.1 / 0.6])


# Steps, worked out by hand


class Slope(torch.nn.Module):
    """A model whose loss is its one weight times the mean of the labels, so that their mean is the gradient."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, labels, **_):
        return SimpleNamespace(loss=self.weight * labels[labels != -100].float().mean())


def of(*labels):
    """A batch with a row of one label for each number."""
    return collate([Encoded(torch.tensor([5]), torch.tensor([label])) for label in labels], pad=0)


def descend(*given, **options):
    """Where the weight is after each step at a rate of 1 that falls from the middle of the first step to the end."""
    slope, path = Slope(), []
    loop.fit(
        slope,
        within(iter(given), max_steps=len(given)),
        torch.optim.SGD(slope.parameters(), lr=1.0),
        **{"warmup": 0.0, "max_grad_norm": 1e9, **options},
        after_step=lambda *_: path.append((slope.weight.item(), slope.weight.grad.item())),
    )
    assert slope.weight.grad is None, "the last gradients are forgotten"
    return path


def test_each_step_goes_down_its_own_gradient_and_after_step_sees_both():
    """Gradients 4 and 2, at rates 3/4 and 1/4."""
    assert descend(of(4, 4), of(1, 3)) == [(-3.0, 4.0), (-3.5, 2.0)]


def test_a_gradient_above_the_norm_is_shortened_to_it_and_one_below_is_not():
    (_, first), (_, second) = descend(of(4), of(1), max_grad_norm=2.0)
    assert (first, second) == (pytest.approx(2.0), 1.0)


def test_the_gradients_of_micro_batches_add_up_to_the_batchs():
    """Rows of labels 8 and 2, 5: parts with gradients 8 and 7/2 and with a third and two thirds of the labels."""
    rows = [Encoded(torch.tensor([5]), torch.tensor(labels)) for labels in ([8], [2, 5])]
    ((weight, gradient),) = descend(collate(rows, pad=0), micro_batch_size=1)
    assert (gradient, weight) == (pytest.approx(5.0), pytest.approx(-2.5))


def test_micro_batches_weigh_as_many_labels_as_a_model_says_that_its_rows_have():
    """The loss is the mean over three more labels in each row: four in the first part, six in the second."""
    rows = [Encoded(torch.tensor([5]), torch.tensor(labels)) for labels in ([8], [2, 5, 7])]
    parts = loop.micro_batches(collate(rows, pad=0), 1, lambda batch: loop.labels_per_row(batch) + 3)
    assert [share for _, share in parts] == pytest.approx([4 / 10, 6 / 10])


def test_after_step_is_told_the_steps_from_zero_and_the_share_of_the_budget(base, toy_task):
    told = []
    loop.fit(base.model, batches(toy_task, max_steps=4), sgd(base.model), after_step=lambda *args: told.append(args))
    assert told == [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0)]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_no_number_ends_the_training_and_names_the_step(value):
    slope = Slope()

    def poison(step, _):
        if step == 1:
            slope.weight.data.fill_(float(value))

    given = within(iter([of(1)] * 9), max_steps=9)
    with pytest.raises(Diverged, match=f"loss is {value} at step 3"):
        loop.fit(slope, given, torch.optim.SGD(slope.parameters(), lr=1.0), after_step=poison)
    assert given.used.steps == 3


def test_the_loss_that_is_told_is_that_of_the_whole_batch():
    """Rows of labels 8 and 2, 5 and a weight of one: 5 is the mean over the labels, not over the parts."""
    slope = Slope()
    slope.weight.data.fill_(1.0)
    rows = [Encoded(torch.tensor([5]), torch.tensor(labels)) for labels in ([8], [2, 5])]
    given = within(iter([collate(rows, pad=0)]), max_steps=1)
    loop.fit(slope, given, torch.optim.SGD(slope.parameters(), lr=1.0), micro_batch_size=1)
    assert given.loss == pytest.approx(5.0)
